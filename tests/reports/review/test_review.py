"""A review by keyboard and by table, of answers that lie in a warehouse."""

import csv
import json
import os
import pty
import select
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from selfspec_assets.base import home
from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.cli.app import app
from selfspec_assets.recipe.recipe import load_recipe
from selfspec_assets.reports.review.review_session import Hands, review
from selfspec_assets.reports.review.review_sheets import Sheet, decision_of, export_csv, import_csv, load_sheets
from selfspec_assets.steps.adapter import examples_of
from selfspec_assets.steps.decisions import read_decisions
from selfspec_assets.steps.job import Job
from selfspec_assets.steps.lineage import Lineage
from selfspec_assets.warehouse import Warehouse
from selfspec_assets.warehouse.rows import PassageRow, ResponseRow, ResponseTokenRow, RetrievalRow, Row
from tests.checkout import ROOT

RUN = CliRunner()


def row(number: int, instruction: str, response: str, given: str = "") -> ResponseRow:
    return ResponseRow(
        instruction_id=number,
        instruction=instruction,
        input=given,
        response=response,
        verdict="kept",
        reason=None,
        finish="eos",
        tokens=3,
        passages=1,
        log_prob=-1.0,
        marginal_changed=0,
        contrast_changed=0,
        prompt_digest="0" * 64,
        model_digest="0" * 64,
        adapter_digest=None,
        weaker_adapter_digest=None,
    )


@pytest.fixture
def sheets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Sheet]:
    monkeypatch.setenv("SELFSPEC_HOME", str(tmp_path))
    passage = PassageRow(
        instruction_id=3, rank=1, document_id="d", title="Moss", text="It is [bold]soft[/bold].", score=1.0, p_ret=1.0
    )
    first = (row(3, "Name a plant.", '=moss, "soft"', "A list:\nmoss"), row(4, "Name a tree.", "oak"))
    return [
        Sheet("little", "botany", 1, (*first, row(7, "Name a bird.", "\x1b[2Jwren")), {3: [passage]}),
        Sheet("little", "botany", 2, (row(3, "Name a fish.", "cod"),), {}),
    ]


def pressing(keys: str | list[str], edits: dict[str, str | None] | None = None, notes: tuple[str, ...] = ()) -> Hands:
    left, noted = iter(keys), iter(notes)

    def key() -> str:
        given = next(left, None)
        if given is None:
            raise KeyboardInterrupt
        return given

    return Hands(key, lambda text: (edits or {})[text], lambda note: next(noted))


def decided(sheet: Sheet) -> dict[int, str | None]:
    decisions = read_decisions(sheet.path)
    return {row.instruction_id: decision_of(decisions, row).decision for row in sheet.rows}


def test_keys_decide_and_the_next_open_answer_comes(sheets: list[Sheet], capsys: pytest.CaptureFixture[str]) -> None:
    said = review(sheets, pressing("krek", {"\x1b[2Jwren": "wren\n"}))
    assert decided(sheets[0]) == {3: "keep", 4: "reject", 7: "edit"}
    assert decided(sheets[1]) == {3: "keep"}
    assert read_decisions(sheets[0].path).popitem()[1].edited == "wren"
    assert said == ["botany|1: 1 kept, 1 rejected, 1 edited, 0 left", "botany|2: 1 kept, 0 rejected, 0 edited, 0 left"]
    shown = capsys.readouterr().out
    assert "every answer is decided" in shown
    assert "[bold]soft[/bold]" in shown, "text is data"
    assert "\x1b[2Jwren" not in shown


def test_it_begins_at_the_first_open_answer_and_pages(sheets: list[Sheet], capsys: pytest.CaptureFixture[str]) -> None:
    review(sheets, pressing(["k", "q", "r"]))
    assert decided(sheets[0]) == {3: "keep", 4: None, 7: None}
    capsys.readouterr()
    review(sheets, pressing(["\x1b[D", "r", "\x1b[C", "\x1b[C", "\x1b[C", "\x1b[C", "kq"]))
    assert "task 4  answer 2 of 4" in capsys.readouterr().out.splitlines()[0]
    assert decided(sheets[0]) == {3: "reject", 4: None, 7: None}, "back, decided again; the last page is the last"
    assert decided(sheets[1]) == {3: "keep"}


def test_every_key_is_on_the_disk_before_the_next(sheets: list[Sheet]) -> None:
    seen: list[int] = []

    def key() -> str:
        seen.append(len(read_decisions(sheets[0].path)))
        return "k" if len(seen) < 4 else "q"

    review(sheets, Hands(key, lambda text: None, lambda note: note))
    assert seen == [0, 1, 2, 3]


def test_undo_notes_and_edits_that_are_none(sheets: list[Sheet]) -> None:
    hands = pressing(["n", "k", "\x1b[D", "n", "u", "e", "e", "e", "q"], {'=moss, "soft"': None}, ("is it?", "-"))
    answers = iter([None, " \n", '=moss, "soft"\n'])
    review(sheets[:1], hands._replace(edit=lambda text: next(answers)))
    lines = sheets[0].path.read_text().splitlines()
    assert [("note" in line, '"keep"' in line) for line in lines] == [
        (True, False),
        (True, True),
        (False, True),
        (False, False),
        (False, True),
    ]
    assert decided(sheets[0])[3] == "keep", "an edit that changes nothing keeps"


def test_a_table_goes_out_and_comes_back(sheets: list[Sheet], tmp_path: Path) -> None:
    review(sheets, pressing("r"))
    path = tmp_path / "answers.csv"
    assert export_csv(sheets, path) == 4
    with path.open(newline="") as stream:
        table = list(csv.DictReader(stream))
    assert [(line["task"], line["decision"]) for line in table] == [("3", "reject"), ("4", ""), ("7", ""), ("3", "")]
    assert table[0]["answer"] == '=moss, "soft"'
    assert table[0]["input"] == "A list:\nmoss"
    table[1].update(decision="Keep", note="fine")
    table[2].update(decision="edit", edited='wren, \n"small"')
    write(path, table, "\ufeff")
    said = import_csv(sheets, path)
    assert said[0] == "botany|1: 3 decisions, 2 of them new; 1 kept, 1 rejected, 1 edited, 0 left"
    assert decided(sheets[0]) == {3: "reject", 4: "keep", 7: "edit"}
    assert decided(sheets[1]) == {3: None}
    before = sheets[0].path.read_bytes()
    import_csv(sheets, path)
    assert sheets[0].path.read_bytes() == before, "a second time changes nothing"


def write(path: Path, table: list[dict[str, Any]], mark: str = "") -> None:
    with path.open("w", newline="", encoding="utf-8") as stream:
        stream.write(mark)
        writer = csv.DictWriter(stream, list(table[0]))
        writer.writeheader()
        writer.writerows(table)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"decision": "drop"}, "decision 'drop'"),
        ({"decision": "edit"}, "'edited' holds a text"),
        ({"edited": "x"}, "'edited' holds a text"),
        ({"decision": "keep", "digest": "0" * 64}, "has another answer by now"),
        ({"decision": "keep", "task": "99"}, "there is no answer '99'"),
        ({"decision": "keep", "iteration": "3"}, "botany|3"),
        ({"decision": "keep", "domain": None}, "there is no answer"),
    ],
)
def test_a_table_with_a_mistake_changes_nothing(
    sheets: list[Sheet], tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    path = tmp_path / "answers.csv"
    export_csv(sheets, path)
    with path.open(newline="") as stream:
        table = list(csv.DictReader(stream))
    table[0]["decision"] = "keep"
    table[1].update(change)
    write(path, table)
    with pytest.raises(SelfspecError) as refused:
        import_csv(sheets, path)
    assert words in refused.value.reason
    assert refused.value.place == f"{path}:4", "the first answer's input has two lines"
    assert not read_decisions(sheets[0].path)


def test_a_table_that_is_none_or_decides_twice_is_refused(sheets: list[Sheet], tmp_path: Path) -> None:
    path = tmp_path / "answers.csv"
    path.write_text("task;decision\n3;keep\n")
    with pytest.raises(SelfspecError, match="no column 'domain'"):
        import_csv(sheets, path)
    export_csv(sheets, path)
    with path.open(newline="") as stream:
        table = list(csv.DictReader(stream))
    write(path, [{**table[0], "decision": "keep"}, {**table[0], "decision": "reject"}])
    with pytest.raises(SelfspecError, match="decided twice"):
        import_csv(sheets, path)


RECIPE = {
    "base_model": {"model": "embedded"},
    "data": "bundled",
    "domains": ["sports"],
    "iterations": 2,
    "instructions": {"target": 16, "min_kept": 4, "max_requests": 40, "max_new_tokens": 60},
    "responses": {"max_new_tokens": 16},
    "adapter": {"max_length": 512, "min_steps": 1},
    "scores": {"max_new_tokens": 24},
    "steps": ["review"],
}


@pytest.fixture
def judged(sheets: list[Sheet], tmp_path: Path) -> Path:
    """The file of a recipe that is to be reviewed, whose first iteration's answers are in the warehouse."""
    path = tmp_path / "recipes" / "little.yaml"
    path.parent.mkdir()
    path.write_text(yaml.safe_dump(RECIPE))
    lineage, warehouse = Lineage(load_recipe("little")), Warehouse(home.warehouse_folder())
    failed = replace(row(5, "Name a stone.", ""), verdict="rejected", reason="empty")
    tables: dict[str, dict[type[Row], list[Any]]] = {
        "responses": {ResponseRow: [*sheets[0].rows, failed], ResponseTokenRow: []},
        "passages": {PassageRow: sheets[0].passages[3], RetrievalRow: []},
    }
    for step, rows in tables.items():
        warehouse.commit(lineage.key(step, "sports", 1), lineage.signature(step, "sports", 1), rows)
    return path


def test_sheets_hold_what_is_kept_and_say_what_is_missing(judged: Path, sheets: list[Sheet]) -> None:
    (sheet,) = load_sheets(load_recipe("little"), ["sports"], None, lambda line: None)
    assert sheet.partition == "sports|1"
    assert (sheet.rows, sheet.passages) == (sheets[0].rows, sheets[0].passages)
    with pytest.raises(SelfspecError, match="selfspec run little"):
        load_sheets(load_recipe("little"), ["sports"], 2, lambda line: None)
    with pytest.raises(SelfspecError, match="--iteration 3"):
        load_sheets(load_recipe("little"), ["sports"], 3, lambda line: None)
    judged.write_text(yaml.safe_dump(RECIPE | {"steps": []}))
    with pytest.raises(SelfspecError, match=r"steps: \[review\]"):
        load_sheets(load_recipe("little"), ["sports"], None, lambda line: None)


def test_what_is_left_is_what_is_trained_on(judged: Path) -> None:
    named, warehouse = load_recipe("little"), Warehouse(home.warehouse_folder())
    (sheet,) = load_sheets(named, ["sports"], None, lambda line: None)
    review([sheet], pressing("re", {"oak": "An oak."}))
    job = Job(Lineage(named), "review", "sports", 1, lambda line: None)
    with pytest.raises(SelfspecError, match="1 of 3 answers are not reviewed yet"):
        job.lineage.step("review").make(job)
    review([sheet], pressing("k"))
    job = Job(Lineage(named), "review", "sports", 1, lambda line: None)
    warehouse.commit(job.key, job.signature, job.lineage.step("review").make(job).tables)
    tuning = Job(Lineage(named), "adapter", "sports", 1, lambda line: None)
    assert [one.output for one in examples_of(tuning)] == ["An oak.", "\x1b[2Jwren"]
    (samples,) = json.loads(RUN.invoke(app, ["samples", "little", "--json", "--count", "9"]).stdout).values()
    assert {one["response"]: (one["verdict"], one["edited"]) for one in samples} == {
        '=moss, "soft"': ("rejected", None),
        "oak": ("kept", "An oak."),
        "\x1b[2Jwren": ("kept", None),
        "": ("rejected", None),
    }
    assert "  edited: An oak." in RUN.invoke(app, ["samples", "little", "--count", "9"]).stdout


def test_the_command_without_a_terminal_points_to_the_table(judged: Path, tmp_path: Path) -> None:
    done = RUN.invoke(app, ["review", "little"])
    assert done.exit_code == 1
    assert "--export" in done.stderr
    path = tmp_path / "out.csv"
    done = RUN.invoke(app, ["review", "little", "--export", str(path)])
    assert done.exit_code == 0, done.stderr
    assert "answers in" in done.stdout
    done = RUN.invoke(app, ["review", "little", "--import", str(path)])
    assert "0 decisions" in done.stdout
    assert "selfspec run little goes on" in done.stdout


@pytest.mark.slow
def test_keys_of_a_real_terminal(judged: Path, tmp_path: Path) -> None:
    """With an editor, and killed in the middle: what was pressed before is there."""
    editor = tmp_path / "editor"
    editor.write_text("#!/bin/sh\necho 'It is green.' > \"$1\"\n")
    editor.chmod(0o755)
    ours, theirs = pty.openpty()
    environment = {**os.environ, "EDITOR": str(editor), "VISUAL": str(editor), "TERM": "xterm", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "selfspec_assets", "review", "little"]
    running = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, cwd=ROOT)
    os.close(theirs)
    seen = b""

    def until(words: bytes) -> None:
        nonlocal seen
        end = time.monotonic() + 120
        while words not in seen:
            assert time.monotonic() < end, seen
            if select.select([ours], [], [], 1)[0]:
                seen += os.read(ours, 65536)
        seen = seen.partition(words)[2]

    try:
        until(b"answer 1 of")
        until(b"q quit")
        os.write(ours, b"r")
        until(b"1 rejected")
        until(b"q quit")
        os.write(ours, b"e")
        until(b"1 edited")
        until(b"q quit")
    finally:
        running.kill()
        running.wait()
        os.close(ours)
    (sheet,) = load_sheets(load_recipe("little"), ["sports"], None, lambda line: None)
    decisions = [one for one in decided(sheet).values() if one]
    assert decisions == ["reject", "edit"]
    assert {one.edited for one in read_decisions(sheet.path).values()} == {None, "It is green."}
