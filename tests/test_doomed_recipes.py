"""Recipes that could only fail after hours are refused when they are read; a mechanism that changed nothing warns."""

from dataclasses import replace
from typing import Any

import pytest
import torch
import yaml
from typer.testing import CliRunner

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.cli.app import app
from selfspec_assets.method.decoding.contrast import choose, contrast
from selfspec_assets.method.retrieval.bm25 import relevance_weights
from selfspec_assets.method.tuning.trainer import _halved
from selfspec_assets.recipe.recipe import load_recipe
from selfspec_assets.steps.responses import contrast_at_work, retrieval_at_work
from selfspec_assets.warehouse.rows import PassageRow, ResponseRow
from tests.conftest import Project

# section -> what it says, and the key that is named
DOOMED: dict[str, tuple[str, dict[str, Any], str]] = {
    "a contrast that can choose nothing": ("responses", {"contrast": {"alpha": 1}}, "responses.contrast.alpha"),
    "all weight on one passage": (
        "passages",
        {"p_ret": {"normalise": "softmax", "temperature": 1e-9}},
        "passages.p_ret.temperature",
    ),
    "noise without bound": ("instructions", {"temperature": 1e-300}, "instructions.temperature"),
    "an adapter that stays what it was": ("adapter", {"learning_rate": 1e-30}, "adapter.learning_rate"),
    "examples shorter than their template": ("adapter", {"max_length": 20}, "adapter.max_length"),
    "more instructions than lists hold": (
        "instructions",
        {"max_requests": 1, "target": 40, "min_kept": 18},
        "min_kept",
    ),
}


@pytest.mark.parametrize("case", DOOMED)
def test_a_recipe_that_cannot_end_well_is_refused_by_check(project: Project, case: str) -> None:
    section, values, key = DOOMED[case]
    project.recipe[section].update(values)
    project.save()
    done = CliRunner().invoke(app, ["check", "tiny"])
    assert done.exit_code == 1
    assert key in done.stderr
    assert "remedy" in done.stderr


@pytest.mark.parametrize("change", [{"iterations": 1}, {"responses": {"contrast": {"form": "none", "alpha": 1}}}])
def test_alpha_is_free_where_nothing_is_contrasted(project: Project, change: dict[str, Any]) -> None:
    project.recipe["responses"]["contrast"]["alpha"] = 1
    for key, value in change.items():
        project.recipe[key] = {**project.recipe[key], **value} if isinstance(value, dict) else value
    (project.folder / "recipes" / "tiny.yaml").write_text(yaml.safe_dump(project.recipe))
    assert load_recipe("tiny").recipe.loop.responses.contrast.alpha == 1


def test_why_they_cannot() -> None:
    aligned = torch.log_softmax(torch.tensor([[2.0, 1.9, 0.0]]), dim=-1)
    weaker = torch.log_softmax(torch.tensor([[9.0, 0.0, 0.0]]), dim=-1)
    assert int(choose(contrast(aligned, weaker, "difference", 0.5), aligned)) == 1
    assert int(choose(contrast(aligned, weaker, "difference", 1.0), aligned)) == 0
    assert relevance_weights([5.1, 5.0], "softmax", 1e-9) == [1.0, 0.0]
    assert relevance_weights([5.1, 5.0], "softmax", 0.01)[1] > 0


def response(number: int, **values: Any) -> ResponseRow:
    row = ResponseRow(
        instruction_id=number,
        instruction="Why?",
        input="",
        response="Because.",
        verdict="kept",
        reason=None,
        finish="eos",
        tokens=4,
        passages=2,
        log_prob=-1.0,
        marginal_changed=0,
        contrast_changed=0,
        prompt_digest="p",
        model_digest="m",
        adapter_digest="adapter 1",
        weaker_adapter_digest="adapter 0",
    )
    return replace(row, **values)


def passages(*weights: float) -> list[PassageRow]:
    return [
        PassageRow(instruction_id=1, rank=rank, document_id=f"d{rank}", title="", text="text", score=1.0, p_ret=weight)
        for rank, weight in enumerate(weights, 1)
    ]


@pytest.mark.parametrize(
    ("rows", "found", "passed", "warns", "words"),
    [
        ([response(1, marginal_changed=1)], passages(0.5, 0.5), True, True, "at 25.0% of 4 tokens"),
        ([response(1)], passages(0.5, 0.5), False, True, "at 0.0% of 4 tokens"),
        ([response(1)], passages(1.0, 0.0), False, False, "one has all the weight"),
        ([response(1, passages=1)], passages(1.0), True, False, "nothing to marginalise"),
        ([response(1, tokens=0)], passages(1.0, 0.0), True, False, "nothing to marginalise"),
    ],
)
def test_the_mixture_warns_where_it_changed_nothing_and_blocks_where_it_could_not(
    rows: list[ResponseRow], found: list[PassageRow], passed: bool, warns: bool, words: str
) -> None:
    check = retrieval_at_work(rows, found)
    assert (check.passed, check.warns) == (passed, warns)
    assert words in check.detail


@pytest.mark.parametrize(
    ("rows", "contrasts", "passed", "warns", "words"),
    [
        ([response(1, contrast_changed=2)], True, True, True, "at 50.0% of 4 tokens"),
        ([response(1)], True, False, True, "at 0.0% of 4 tokens"),
        ([response(1, weaker_adapter_digest="adapter 1")], True, False, False, "are the same"),
        ([response(1, adapter_digest=None, weaker_adapter_digest=None)], True, False, False, "are the same"),
        ([response(1, weaker_adapter_digest=None)], False, True, False, "no contrast"),
    ],
)
def test_the_contrast_warns_where_it_changed_nothing_and_blocks_where_it_could_not(
    rows: list[ResponseRow], contrasts: bool, passed: bool, warns: bool, words: str
) -> None:
    check = contrast_at_work(rows, contrasts)
    assert (check.passed, check.warns) == (passed, warns)
    assert words in check.detail


def test_out_of_memory_halves_no_micro_batch_with_dropout() -> None:
    assert _halved(4, 0.0) == 2
    with pytest.raises(SelfspecError, match="other masks") as caught:
        _halved(4, 0.1)
    assert caught.value.place == "adapter.micro_batch_size"
