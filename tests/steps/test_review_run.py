"""A whole run of the embedded model with a review: it waits for a person, and tunes on what the person left."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from selfspec_assets.base import home
from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.method.prompts import alpaca_prompt
from selfspec_assets.orchestration.runner import run_recipe
from selfspec_assets.planning.plan import plan
from selfspec_assets.recipe.recipe import load_recipe
from selfspec_assets.reports.review.review_sheets import load_sheets
from selfspec_assets.steps.adapter import examples_of
from selfspec_assets.steps.decisions import Decision, answer_digest, writing
from selfspec_assets.steps.job import Job
from selfspec_assets.steps.lineage import Lineage
from selfspec_assets.warehouse import Warehouse, read_only_query

RECIPE: dict[str, Any] = {
    "base_model": {"model": "embedded"},
    "data": "bundled",
    "domains": ["sports"],
    "iterations": 1,
    "seed": 1,
    "instructions": {
        "target": 6,
        "min_kept": 3,
        "max_requests": 12,
        "tasks_per_prompt": 6,
        "max_new_tokens": 90,
        "batch_size": 6,
    },
    "passages": {"k": 2},
    "responses": {"max_new_tokens": 24, "min_kept": 0.01},
    "adapter": {"max_length": 512, "epochs": 1, "batch_size": 4, "micro_batch_size": 4, "min_steps": 1},
    "scores": {
        "shots": [0],
        "items_per_benchmark": 1,
        "items": "first",
        "max_new_tokens": 4,
        "resamples": 100,
        "batch_size": 8,
    },
    "steps": ["review"],
}


def run() -> None:
    run_recipe(load_recipe("little"), ["sports"], 1, lambda line: None)


def signature(step: str) -> str:
    return Lineage(load_recipe("little")).signature(step, "sports", 1)


def ask(sql: str) -> list[tuple[Any, ...]]:
    return list(read_only_query(home.warehouse_folder() / "selfspec.duckdb", sql)[1])


@pytest.mark.slow
def test_it_waits_and_tunes_on_what_was_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SELFSPEC_HOME", str(tmp_path))
    monkeypatch.delenv("SELFSPEC_WAREHOUSE", raising=False)
    (tmp_path / "recipes").mkdir()
    path = tmp_path / "recipes" / "little.yaml"
    path.write_text(yaml.safe_dump(RECIPE))
    with pytest.raises(SelfspecError, match="not reviewed yet") as stopped:
        run()
    assert "selfspec review little --domain sports --iteration 1" in stopped.value.remedy
    assert not ask("SELECT * FROM adapters")

    (sheet,) = load_sheets(load_recipe("little"), ["sports"], None, lambda line: None)
    rejected, edited, *kept = sheet.rows
    with writing(sheet.path) as writer:
        writer.put([Decision(task=rejected.instruction_id, digest=answer_digest(rejected), decision="reject")])
        text = "The referee decides."
        writer.put([Decision(task=edited.instruction_id, digest=answer_digest(edited), decision="edit", edited=text)])
        with pytest.raises(SelfspecError, match=f"{len(kept)} of {len(sheet.rows)} answers"):
            run()
        writer.put([Decision(task=row.instruction_id, digest=answer_digest(row), decision="keep") for row in kept])
    run()
    job = Job(Lineage(load_recipe("little")), "adapter", "sports", 1, lambda line: None)
    examples = [(alpaca_prompt(edited.instruction, edited.input), text)]
    examples += [(alpaca_prompt(row.instruction, row.input), row.response) for row in kept]
    assert [one.pair for one in examples_of(job)] == examples
    assert ask("SELECT examples FROM adapters") == [(len(sheet.rows) - 1,)]
    verdicts = ask("SELECT row, verdict, reason, edited FROM verdicts ORDER BY row")
    assert verdicts[:2] == [
        (rejected.instruction_id, "rejected", "rejected_in_review", None),
        (edited.instruction_id, "kept", None, text),
    ]
    assert {row[1:] for row in verdicts[2:]} == {("kept", None, None)}
    written = f"SELECT response FROM responses WHERE instruction_id = {edited.instruction_id}"
    assert ask(written) == [(edited.response,)], "the answer stays as it was written"

    # A note decides nothing, another decision does, and going back finds what was there.
    adapter = signature("adapter")
    with writing(sheet.path) as writer:
        (first,) = (one for one in writer.decisions.values() if one.task == rejected.instruction_id)
        writer.put([first.model_copy(update={"note": "not of the field"})])
        assert signature("adapter") == adapter
        writer.put([first.model_copy(update={"decision": "keep"})])
        assert signature("adapter") != adapter
        rows = plan([(load_recipe("little"), ["sports"])], Warehouse(home.warehouse_folder()))
        (row,) = (row for row in rows if row.step == "review")
        assert "what was decided in the review changed" in row.why
        writer.put([first])
    assert signature("adapter") == adapter

    # What is open counts as kept where the recipe says so.
    path.write_text(yaml.safe_dump(RECIPE | {"steps": [{"review": {"unreviewed": "keep"}}]}))
    lines = sheet.path.read_bytes().splitlines(keepends=True)
    sheet.path.write_bytes(b"".join(lines[:2]))
    assert len(lines) > 4
    before = signature("adapter")
    sheet.path.write_bytes(b"".join(lines))
    assert signature("adapter") == before, "to keep is what would happen anyway"
    review = Lineage(load_recipe("little")).step("review")
    job = Job(Lineage(load_recipe("little")), "review", "sports", 1, lambda line: None)
    sheet.path.write_bytes(b"".join(lines[:2]))
    outcome = review.make(job)
    assert [row.verdict for rows in outcome.tables.values() for row in rows].count("kept") == len(sheet.rows) - 1


def test_the_step_takes_no_other_option(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SELFSPEC_HOME", str(tmp_path))
    (tmp_path / "recipes").mkdir()
    for steps, words in (
        ([{"review": {"unread": "keep"}}], "option 'unread' of step 'review'"),
        ([{"review": {"unreviewed": "maybe"}}], "option 'unreviewed' of step 'review'"),
        ([{"copied_input": {"words": 9}}], "option 'words' of step 'copied_input'"),
        ([{"passages": {"k": 9}}], "step 'passages' has no option 'k'"),
        (["review", {"review": {}}], "a name stands twice"),
        ([{"review": {}, "other_form": {}}], "steps"),
        ([["review"]], "steps"),
    ):
        (tmp_path / "recipes" / "little.yaml").write_text(yaml.safe_dump(RECIPE | {"steps": steps}))
        with pytest.raises(SelfspecError, match=words):
            _ = Lineage(load_recipe("little")).flow


def test_a_decision_made_while_the_step_runs_stops_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or rows would lie under a signature that they were not made from."""
    monkeypatch.setenv("SELFSPEC_HOME", str(tmp_path))
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes" / "little.yaml").write_text(yaml.safe_dump(RECIPE))
    job = Job(Lineage(load_recipe("little")), "review", "sports", 1, lambda line: None)
    assert job.signature
    with writing(tmp_path / "reviews" / "little" / "sports-1.jsonl") as writer:
        writer.put([Decision(task=1, digest="0" * 64, decision="reject")])
    with pytest.raises(SelfspecError, match="reviewed just now"):
        list(job.lineage.step("review").judge(job, []))
    assert json.loads(job.lineage.signed("review", "sports", 1))["settings"] == {"options": {"unreviewed": "stop"}}
