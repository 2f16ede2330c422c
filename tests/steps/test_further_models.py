"""Further models of a recipe: asked the base's questions, scored beside it, and asked again only where they change."""

import json
import re
from pathlib import Path
from typing import Any

import duckdb
import pytest
from typer.testing import CliRunner

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.cli.app import app
from selfspec_assets.models.language_model import LanguageModel
from selfspec_assets.orchestration.runner import run_recipe
from selfspec_assets.planning.obstacles import obstacle
from selfspec_assets.recipe.recipe import load_recipe
from selfspec_assets.reports.html_report import write_report
from selfspec_assets.reports.pictures.scores_picture import averages
from selfspec_assets.reports.query import query_rows
from selfspec_assets.reports.scores import score_table
from selfspec_assets.reports.scores.compare import compare, side
from selfspec_assets.steps.further_predictions import looked_at
from selfspec_assets.steps.lineage import Lineage
from tests.conftest import Project
from tests.tiny_models import add_chat_template, write_model

RUN = CliRunner()
TEMPLATE = "{% for m in messages %}<s>{{ m.content }}</s>{% endfor %}{% if add_generation_prompt %}<s>{% endif %}"
STRANGER = {"name": "stranger-0.1b", "model": "./stranger", "prompt": "alpaca", "dtype": "float32"}
CHATTY = {"name": "chatty", "model": "./chatty", "prompt": "chat", "dtype": "float32"}


@pytest.fixture
def further(project: Project) -> Project:
    """A recipe that tunes on its seeds alone, so that little is made, with two further models."""
    write_model(project.folder / "stranger", seed=5, max_position_embeddings=2048)
    write_model(project.folder / "chatty", seed=6, vocab_size=410, max_position_embeddings=2048)
    add_chat_template(project.folder / "chatty", TEMPLATE)
    for section in ("instructions", "passages", "responses"):
        project.recipe.pop(section)
    project.recipe["adapter"].update(data="seeds", epochs=1)
    project.recipe["scores"]["resamples"] = 100
    project.recipe["iterations"] = 1
    with_models(project, STRANGER, CHATTY)
    return project


def with_models(project: Project, *models: dict[str, Any]) -> None:
    project.recipe["scores"]["further_models"] = list(models)
    project.save()


def run() -> list[str]:
    lines: list[str] = []
    run_recipe(load_recipe("tiny"), ["botany"], 1, lines.append)
    return lines


def ask(project: Project, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(project.database), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def signatures() -> dict[str, str]:
    lineage = Lineage(load_recipe("tiny"))
    return {step: lineage.signature(step, "botany", n) for n in (0, 1) for step in lineage.steps(n)}


def test_without_the_key_no_step_and_no_signature_knows_of_them(further: Project) -> None:
    with_them = signatures()
    further.recipe["scores"].pop("further_models")
    further.save()
    assert signatures() == {step: sig for step, sig in with_them.items() if not step.startswith("further_")}
    assert {"further_predictions", "further_scores", "further_lift"} == with_them.keys() - signatures().keys()


def test_they_are_asked_and_scored_beside_base_and_adapter(further: Project, tmp_path: Path) -> None:
    run()
    # The same questions: 4 items at two numbers of shots, once for each of base's two prompts, adapter and model.
    counted = "SELECT model, variant, iteration, count(*), count(DISTINCT prompt_digest) FROM predictions GROUP BY ALL"
    assert set(ask(further, counted)) == {
        ("base", "plain", 0, 8, 8),
        ("base", "cue", 0, 8, 8),
        ("adapter", "alpaca", 1, 8, 8),
        ("stranger-0.1b", "alpaca", 0, 8, 8),
        ("chatty", "chat", 0, 8, 8),
    }
    # Alpaca's prompt is the adapter's own; in a chat template stands the plain one.
    prompts = "SELECT list(prompt_digest ORDER BY shots, item) FROM predictions WHERE model = '{}' AND variant = '{}'"
    told = {model: ask(further, prompts.format(*model)) for model in (("adapter", "alpaca"), ("base", "plain"))}
    assert ask(further, prompts.format("stranger-0.1b", "alpaca")) == told["adapter", "alpaca"]
    assert ask(further, prompts.format("chatty", "chat")) == told["base", "plain"]
    chat = ask(further, "SELECT model, model_digest LIKE '% chat' FROM further_models ORDER BY 1")
    assert chat == [("chatty", True), ("stranger-0.1b", False)]
    # One place at k=0 for each of base's prompts, the adapter and the further models.
    board = "SELECT model, iteration FROM leaderboard WHERE shots = 0 ORDER BY ALL"
    models = [("adapter", 1), ("base", 0), ("base", 0), ("chatty", 0), ("stranger-0.1b", 0)]
    assert ask(further, board) == models
    lifts = """
        SELECT l.iteration, l.model, own_variant, own - further - lift, s.value - further, t.value - own
        FROM further_lift l
        JOIN scores s ON (s.model, s.shots, s.metric, s.benchmark) = (l.model, l.shots, l.metric, l.benchmark)
        JOIN scores t ON (t.iteration, t.variant, t.shots, t.metric, t.benchmark) =
            (l.iteration, l.own_variant, l.shots, l.metric, l.benchmark)
        WHERE NOT t.oracle AND t.model IN ('base', 'adapter') AND l.benchmark = 'average'"""
    found = ask(further, lifts)
    assert {row[:3] for row in found} == {
        (n, model, variant)
        for model in ("chatty", "stranger-0.1b")
        for n, variant in ((0, "plain"), (0, "cue"), (1, "alpaca"))
    }
    assert len(found) == 2 * 3 * 2 * 2  # models × own × shots × metrics
    assert all(abs(value) < 1e-9 for row in found for value in row[3:])
    _shown(further, tmp_path)


def _shown(further: Project, tmp_path: Path) -> None:
    """On the terminal, as JSON, in the report and its picture; and base and adapter are what they are without them."""
    text = RUN.invoke(app, ["scores", "tiny"]).output
    assert "│ chatty, chat" in text
    assert "F1 lift over further models" in text
    assert max(len(line) for line in text.splitlines() if line.startswith("│")) <= 80
    assert re.search(r"│ base\s+│ chatty\s+│", text)
    json_text = json.loads(RUN.invoke(app, ["scores", "tiny", "--json"]).output)
    assert {row["model"] for row in json_text["further_scores"]} == {"chatty", "stranger-0.1b"}
    assert {row["model"] for row in json_text["scores"]} == {"base", "adapter"}
    drawn = averages(query_rows(further.database, "FROM scores"))
    assert list(drawn) == ["base, cue", "base, plain", "chatty, chat", "stranger-0.1b, alpaca", "iteration 1"]
    named = load_recipe("tiny")
    (report,) = score_table.load(further.database, named, ["botany"])
    mean = score_table.further_average(report, report.further[0], "f1", 0)
    stored = "SELECT value FROM scores WHERE model = 'chatty' AND shots = 0 AND metric = 'f1' AND benchmark = 'average'"
    assert mean is not None
    assert [(mean.value,)] == ask(further, stored)
    compared = compare(further.database, side("tiny:base"), side("tiny:1"), "botany", 0)
    assert compared is not None
    assert compared.shared == 4
    write_report(further.database, named, ["botany"], tmp_path / "report.html", 1, lambda line: None)
    page = (tmp_path / "report.html").read_text()
    assert "Lift over further models" in page
    assert "was tuned on 11 examples: 11 hand-written seeds and 0 generated answers." in page


@pytest.mark.slow
def test_a_change_of_the_list_asks_the_model_that_it_concerns_and_no_other(
    further: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    run()
    loaded: list[str] = []
    load = LanguageModel.load.__func__  # type: ignore[attr-defined]

    def noted(cls: type[LanguageModel], spec: Any) -> Any:
        loaded.append(Path(spec.path_or_id).name)
        return load(cls, spec)

    monkeypatch.setattr(LanguageModel, "load", classmethod(noted))
    rows = "SELECT * EXCLUDE model FROM predictions WHERE model = '{}' ORDER BY ALL"
    before = ask(further, rows.format("stranger-0.1b"))
    with_models(further, {**CHATTY, "prompt": "cue"}, {**STRANGER, "name": "renamed"})
    lines = run()
    assert loaded == ["chatty"]
    assert any("the answers of renamed are there already" in line for line in lines)
    assert ask(further, rows.format("renamed")) == before
    names = "SELECT DISTINCT model, variant FROM scores WHERE iteration = 0 ORDER BY ALL"
    own = [("base", "cue"), ("base", "plain")]
    assert ask(further, names) == [*own, ("chatty", "cue"), ("renamed", "alpaca")]


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ({**STRANGER, "model": "./nowhere"}, "no such model folder"),
        ({**STRANGER, "prompt": "chat"}, "prompt is chat, but the tokenizer has no chat template"),
    ],
)
def test_one_that_cannot_be_asked_is_named_before_any_work(further: Project, model: dict[str, Any], said: str) -> None:
    with_models(further, CHATTY, model)
    found = obstacle(Lineage(load_recipe("tiny")), "further_predictions", "botany")
    assert found is not None
    assert said in found.reason
    assert "recipes/tiny.yaml: scores.further_models, 'stranger-0.1b'" in found.place
    checked = RUN.invoke(app, ["check", "tiny"])
    assert checked.exit_code == 1
    assert said in " ".join(checked.output.split())
    assert not further.database.exists()


def test_an_answer_has_to_fit_the_context_of_each(further: Project) -> None:
    write_model(further.folder / "short", seed=7, max_position_embeddings=6)
    with_models(further, {**STRANGER, "model": "./short"})
    lineage = Lineage(load_recipe("tiny"))
    with pytest.raises(SelfspecError, match="6 tokens do not fit the model's context of 6"):
        looked_at(lineage, lineage.recipe.scores.further_models[0])
