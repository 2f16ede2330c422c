"""``selfspec ask``: one question to all, side by side, and ``selfspec serve`` as a process of its own."""

import io
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from selfspec_assets.base import printing
from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.cli.app import app
from selfspec_assets.method.decoding import Generation, greedy
from selfspec_assets.method.prompts import alpaca_prompt, cue_prompt, plain_prompt
from selfspec_assets.recipe.recipe import NamedRecipe
from selfspec_assets.reports.serving.ask import answer_all
from selfspec_assets.reports.serving.served import Sampling, Served, load_served
from tests.checkout import ROOT
from tests.reports.serving.conftest import put_adapter

RUN = CliRunner()
QUESTION, GIVEN = "Answer the question.", "Which hormone lowers blood sugar?"


def test_all_answer_as_in_evaluation(served: Served) -> None:
    answers = answer_all(served, QUESTION, GIVEN, Sampling(16), live=False)
    assert [model.name for model in served.models] == ["base", "biomedicine-1", "sports-1", "sports-2"]
    assert answers[0].text != answers[1].text == answers[2].text != answers[3].text, "both first ones are the same"
    for model, written in zip(served.models, answers, strict=True):
        prompt = (alpaca_prompt if model.iteration else cue_prompt)(QUESTION, GIVEN)
        (alone,) = greedy(served.lm, [prompt], max_new_tokens=16, stop=model.rules, adapter=model.adapter, batch_size=1)
        assert written.text == alone.text


@pytest.mark.parametrize(("width", "beside"), [(160, True), (80, False), (100, True)])
def test_columns_where_there_is_room(served: Served, monkeypatch: pytest.MonkeyPatch, width: int, beside: bool) -> None:
    drawn = Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None)
    monkeypatch.setattr(printing, "console", lambda: drawn)
    answers = answer_all(served, QUESTION, GIVEN, Sampling(16), live=True)
    assert isinstance(drawn.file, io.StringIO)
    last = re.sub(r"\x1b\[[0-9?;]*[a-zA-Z]", "\f", drawn.file.getvalue()).split("\f\f")[-1]
    shown = [line for line in drawn.file.getvalue().splitlines() if "base, cue" in line]
    assert shown
    assert all(("sports, iteration 2" in line) == beside for line in shown)
    words = re.sub(r"[^\w]+", " ", last)
    assert any(word in words for answer in answers for word in answer.text.split()[:1] if word.isalnum())


def test_the_command_prints_lines_or_json(named: NamedRecipe) -> None:
    command = ["ask", "little", QUESTION, "--input", GIVEN, "--domain", "sports", "--max-tokens", "8"]
    value = json.loads(RUN.invoke(app, [*command, "--json"]).stdout)
    assert [answer["model"] for answer in value["answers"]] == ["base", "sports-1", "sports-2"]
    assert [answer["prompt"] for answer in value["answers"]] == ["cue", "alpaca", "alpaca"]
    done = RUN.invoke(app, command)
    for model, answer in zip(
        ("base, cue", "sports, iteration 1", "sports, iteration 2"), value["answers"], strict=True
    ):
        first = answer["answer"].partition("\n")[0]
        assert f"{model}: {first or '('}" in done.stdout
        assert ("cut at the limit" in done.stdout) >= (answer["finish"] == "length")
    plain = json.loads(RUN.invoke(app, [*command, "--json", "--base-prompt", "plain"]).stdout)
    assert plain["answers"][0]["prompt"] == "plain"
    assert plain["answers"][0]["prompt_tokens"] != value["answers"][0]["prompt_tokens"]
    assert plain["answers"][1:] == value["answers"][1:]
    assert plain_prompt(QUESTION, GIVEN) != cue_prompt(QUESTION, GIVEN)


def test_drawn_answers_can_be_drawn_again(named: NamedRecipe) -> None:
    command = ["ask", "little", QUESTION, "--domain", "sports", "--max-tokens", "8", "--json", "--temperature", "1.5"]
    done = RUN.invoke(app, command)
    (seed,) = re.findall(r"--seed (\d+)", done.stderr)
    assert RUN.invoke(app, [*command, "--seed", seed]).stdout == done.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["little", " "], "the instruction: is empty"),
        (["little", "goal " * 3000], "shorten the instruction or the input"),
        (["little", "Ask.", "--domain", "finance"], "selfspec run little --domain finance"),
        (["little", "Ask.", "--domain", "cooking"], "no such domain"),
        (["little", "Ask.", "--base-prompt", "plane"], "did you mean 'plain'?"),
        (["nothing", "Ask."], "no such recipe"),
    ],
)
def test_what_cannot_be_asked_is_told(named: NamedRecipe, arguments: list[str], words: str) -> None:
    done = RUN.invoke(app, ["ask", *arguments])
    assert done.exit_code == 1
    assert words in done.stderr
    assert done.stdout == ""


def test_an_adapter_of_other_settings_is_shown_and_told(
    named: NamedRecipe, little: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from selfspec_assets.steps.lineage import Lineage

    section = named.recipe.adapter.model_copy(update={"epochs": 9})
    other = named.model_copy(update={"recipe": named.recipe.model_copy(update={"adapter": section})})
    said: list[str] = []
    served = load_served(other, ["sports"], None, said.append)
    assert [model.name for model in served.models] == ["base", "sports-1", "sports-2"]
    assert [line for line in said if "other settings" in line] == [
        f"sports-{n} was made from other settings or files than the recipe's of now" for n in (1, 2)
    ]
    said.clear()
    load_served(named, ["sports"], None, said.append)
    assert not [line for line in said if "settings" in line]
    monkeypatch.setenv("SELFSPEC_HOME", str(tmp_path))
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes" / "little.yaml").write_text(named.path.read_text())
    with pytest.raises(SelfspecError, match="no adapter"):
        load_served(named, ["sports"], None, said.append)
    put_adapter(Lineage(named), "sports", 2, tmp_path / "two")
    assert [model.name for model in load_served(named, ["sports"], None, said.append).models] == ["base", "sports-2"]


def test_how_an_answer_ended_is_said() -> None:
    from selfspec_assets.reports.serving.ask import ending

    assert ending(Generation("a", "eos", 1, (1,), 1)) == ""
    assert ending(Generation("a", "length", 1, (1,), 1)) == "cut at the limit"
    assert "repeats" in ending(Generation("a", "repetition", 1, (1,), 1))
    assert ending(Generation("", "eos", 0, (), 1)) == "no answer"


@pytest.mark.slow
def test_a_server_of_its_own_ends_at_ctrl_c(little: Path) -> None:
    """In the middle of an answer, with a line, and not with a traceback."""
    environment = {**os.environ, "SELFSPEC_HOME": str(little), "PYTHONPATH": str(ROOT)}
    environment.pop("SELFSPEC_WAREHOUSE", None)
    command = [sys.executable, "-m", "selfspec_assets", "serve", "little", "--domain", "sports", "--port", "0"]
    running = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, cwd=ROOT)
    try:
        assert running.stderr is not None
        line = b""
        while b"serving " not in line:
            line = running.stderr.readline()
            assert line, "it has ended"
        assert b"serving base, sports-1, sports-2 at http://127.0.0.1:" in line
        (address,) = re.findall(rb"http://\S+/v1", line)
        body = {"model": "base", "prompt": "A", "max_tokens": 900, "temperature": 2.0, "stream": True}
        request = urllib.request.Request(
            f"{address.decode()}/completions", json.dumps(body).encode(), {"content-type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=60) as response:
            response.readline()
            began = time.monotonic()
            running.send_signal(signal.SIGINT)
            response.read()
        _, said = running.communicate(timeout=60)
        assert time.monotonic() - began < 30
        assert running.returncode == 0
        assert said.decode().strip() == "stopped"
    finally:
        running.kill()
        running.wait()
