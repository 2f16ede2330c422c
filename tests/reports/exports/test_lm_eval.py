"""Tasks for lm-evaluation-harness: run by its own code, they score as selfspec does."""

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from selfspec_assets.reports.exports.lm_eval_scoring import Scoring
from selfspec_assets.reports.exports.tuned import Tuned
from selfspec_assets.steps.predictions import questions_of
from selfspec_assets.warehouse.score_rows import PredictionRow, ScoreRow
from tests.conftest import Project
from tests.reports.exports.test_data import export


def stored_scores(tuned: Tuned) -> dict[tuple[str, int, str], float]:
    return {(row.benchmark, row.shots, row.metric): row.value for row in tuned.rows("scores", ScoreRow)}


def answers(tuned: Tuned) -> dict[tuple[str, int, int], str]:
    return {(row.benchmark, row.shots, row.item): row.prediction for row in tuned.rows("predictions", PredictionRow)}


class _Loader(yaml.SafeLoader):
    """Functions of utils.py by their names."""


_Loader.add_constructor("!function", lambda loader, node: f"!function {node.value}")


def task_files(folder: Path) -> dict[str, Any]:
    return {path.stem: yaml.load(path.read_text(), _Loader) for path in folder.glob("*.yaml")}


def test_items_prompts_and_scores_are_the_recipes(tuned_project: Project, tuned: Tuned, output: Path) -> None:
    export("lm-eval", output)
    scoring, given = Scoring(output), answers(tuned)
    prompts = {(q.item.benchmark, q.shots, q.item.item): q.prompt for q in questions_of(tuned.job("predictions"))}
    tasks = {name: task for name, task in task_files(output).items() if "task" in task and "group" not in task}
    assert set(tasks) == {"selfspec_tiny_botany_colours_k0", "selfspec_tiny_botany_colours_k2"}
    for name, task in tasks.items():
        shots = int(name[-1])
        items = scoring.items(**task["dataset_kwargs"])["test"]
        assert {item["prompt"] for item in items} == {text for key, text in prompts.items() if key[1] == shots}
        values = [scoring.process_results(item, [given["colours", shots, item["item"]]]) for item in items]
        for metric in ("f1", "rouge_l"):
            mean = sum(value[metric] for value in values) / len(values)
            assert mean == pytest.approx(stored_scores(tuned)["colours", shots, metric])


def test_what_a_harness_lets_a_base_go_on_with_is_cut_off(tuned_project: Project, output: Path) -> None:
    export("lm-eval", output)
    assert Scoring(output).end(" brown\n\nInstruction: Name another.") == "brown"
    assert Scoring(output).end(" brown\nInput: the oak") == "brown"


def test_other_prompts_can_be_asked(tuned_project: Project, output: Path) -> None:
    export("lm-eval", output, "--prompt", "plain")
    (first, *_) = (output / "selfspec_tiny_botany_colours_k0.jsonl").read_text().splitlines()
    assert json.loads(first)["prompt"].startswith("Name the colour.\n")


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("lm_eval") is None, reason="needs selfspec[lm-eval]")
def test_the_harness_itself_scores_stored_answers_as_we_do(tuned_project: Project, tuned: Tuned, output: Path) -> None:
    """Its own task manager, its own evaluation loop; the model gives the stored answers."""
    from tests.reports.exports.harness import evaluate  # imports lm_eval

    export("lm-eval", output)
    given = {
        question.prompt: answers(tuned)[question.item.benchmark, question.shots, question.item.item]
        for question in questions_of(tuned.job("predictions"))
    }
    results = evaluate(output, "selfspec_tiny_botany", given)
    for shots in (0, 2):
        for metric in ("f1", "rouge_l"):
            value = results[f"selfspec_tiny_botany_colours_k{shots}"][f"{metric},none"]
            assert value == pytest.approx(stored_scores(tuned)["colours", shots, metric])
