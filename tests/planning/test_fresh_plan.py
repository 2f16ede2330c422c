"""``selfspec plan`` where nothing is made yet: what is missing blocks, what has no past run has no cost."""

import subprocess
import sys
from typing import Any

import pytest

from selfspec_assets.planning.plan import totals
from tests.conftest import Project
from tests.planning.plans import planned

# --- nothing made yet


def test_a_fresh_project_has_all_to_make_and_nothing_tells_the_cost(project: Project) -> None:
    rows = planned()
    assert len(rows) == 18
    assert {row.state for row in rows.values()} == {"make"}
    assert {row.why for row in rows.values()} == {("nothing made yet",)}
    assert all(row.estimate is not None and row.estimate.cost is None for row in rows.values())
    counted = {place: row.estimate for place, row in rows.items()}
    requests, answers = counted["botany|1", "instructions"], counted["botany|1", "responses"]
    assert requests is not None
    assert (requests.total, requests.at_most, requests.unit) == (40, True, "requests")
    assert answers is not None
    assert answers.total == 16
    questions = [counted[place] for place in (("botany", "base_predictions"), ("botany|2", "predictions"))]
    asked = [estimate.total for estimate in questions if estimate is not None]
    assert asked == [4 * 2 * 2, 4 * 2]  # items × shots (× base prompts)
    assert totals(list(rows.values())).unknown == 18
    assert not (project.folder / "warehouse").exists()


def test_the_command_says_so_without_loading_a_model_library(project: Project) -> None:
    code = (
        "import sys\nfrom typer.testing import CliRunner\nfrom selfspec_assets.cli.app import app\n"
        "done = CliRunner().invoke(app, ['plan', 'tiny'])\nprint(done.output)\n"
        "print([m for m in ('torch', 'transformers', 'peft', 'dagster') if m in sys.modules], done.exit_code)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    lines = done.stdout.rstrip().splitlines()
    assert lines[-1] == "[] 0"
    assert "0 steps to reuse, 18 to make, 0 blocked" in lines
    assert "18 of the steps to make have no past run: unknown; --sample tries them" in lines
    assert max(map(len, lines)) <= 100


# --- blocked

BLOCKED: dict[str, tuple[Any, tuple[str, str], str]] = {
    "no benchmark file": (
        lambda p: (p.folder / "data/colours.jsonl").unlink(),
        ("botany", "benchmarks"),
        "none of the published benchmarks is present",
    ),
    "no corpus": (lambda p: (p.folder / "data/corpus.jsonl").unlink(), ("botany", "corpus"), "corpus.jsonl"),
    "no data folder": (lambda p: (p.folder / "data").rename(p.folder / "d"), ("botany", "corpus"), "SELFSPEC_DATA"),
    "no model": (lambda p: (p.folder / "model").unlink(), ("botany", "base_predictions"), "no such model folder"),
    "bad seed": (lambda p: (p.folder / "seeds/botany.jsonl").write_text("{\n"), ("botany", "seeds"), "botany.jsonl:1"),
}


@pytest.mark.parametrize("case", BLOCKED)
def test_what_is_missing_blocks_its_step_and_what_follows(project: Project, case: str) -> None:
    damage, place, words = BLOCKED[case]
    damage(project)
    rows = planned()
    assert rows[place].state == "blocked"
    assert words in rows[place].why[0]
    assert "remedy" in rows[place].why[0]
    assert rows["botany|2", "scores"].state == "blocked"
    assert rows["botany|2", "scores"].why[0].startswith("by ")
    assert not any(row.estimate for row in rows.values() if row.state == "blocked")


def test_too_few_seeds_block_the_steps_that_show_them(project: Project) -> None:
    project.recipe["scores"]["shots"] = [0, 11]
    project.recipe["instructions"]["seeds_per_prompt"] = 12
    project.save()
    rows = planned()
    assert [place for place, row in rows.items() if row.state == "blocked" and "seeds" in row.why[0]] == [
        ("botany", "base_predictions"),
        ("botany|1", "instructions"),
    ]
    assert "10 seeds demonstrate 'colours'" in rows["botany", "base_predictions"].why[0]
    assert rows["botany|1", "passages"].why == ("by instructions",)
    assert rows["botany|2", "instructions"].why == ("by instructions of iteration 1; adapter of iteration 1",)
    assert {row.state for (part, _), row in rows.items() if part == "botany"} == {"make", "blocked"}
