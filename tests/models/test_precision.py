"""What `dtype: auto` becomes on a CPU, and that signatures hold it."""

import json
from pathlib import Path

import pytest

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.models import precision
from selfspec_assets.models.precision import Choice, layer_shapes, tried
from selfspec_assets.models.weights import precision_of
from selfspec_assets.orchestration.runner import run_recipe
from selfspec_assets.planning.check import check_recipe
from selfspec_assets.recipe.recipe import load_recipe
from selfspec_assets.steps import precision as settling
from selfspec_assets.steps.lineage import Lineage
from selfspec_assets.steps.precision import settle_precision
from tests.conftest import Project

FASTER = Choice("bfloat16", "in bfloat16 they are 3 times as fast", "another machine")


@pytest.fixture
def fast(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A CPU that is fast in bfloat16, a model that is not too small for it to matter, and how often it was tried."""
    trials: list[str] = []

    def trial(shapes: object) -> Choice:
        trials.append("trial")
        return FASTER

    monkeypatch.setattr(precision, "_SMALLEST", 0)
    monkeypatch.setattr(settling, "tried", trial)
    return trials


def identity() -> str:
    return Lineage(load_recipe("tiny")).model_identity


@pytest.mark.parametrize(
    ("bfloat16", "taken", "reason"),
    [(0.5, "bfloat16", "2 times as fast"), (0.9, "float32", "1.2 times would count"), (200.0, "float32", "slow")],
)
def test_the_faster_one_is_taken_if_it_is_clearly_faster(
    bfloat16: float, taken: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the model's own sizes: the output layer does not count where prompts are read."""
    asked = []

    def product(size: int, width: int, rows: int, dtype: str, seconds: float) -> float:
        asked.append((size, width, rows, dtype))
        return bfloat16 if dtype == "bfloat16" else 1.0

    monkeypatch.setattr(precision, "_product", product)
    choice = tried({(64, 32): 4, (3200, 32): 1})
    assert choice.precision == taken
    assert reason in choice.reason
    assert [(size, rows) for size, _, rows, dtype in asked if dtype == "float32"] == [(64, 12), (64, 384), (3200, 12)]


def test_the_trial_takes_no_longer_than_it_may(tiny_model: Path) -> None:
    """Real products; the figures are this machine's."""
    choice = tried(layer_shapes(tiny_model), seconds=0.02)
    assert choice.precision in ("float32", "bfloat16")
    assert "s for a batch of lists in float32, and in bfloat16 are" in choice.reason
    assert choice.machine == precision.machine()


def test_what_was_chosen_once_stays_and_signatures_hold_it(project: Project, fast: list[str]) -> None:
    before, lineage = identity(), Lineage(load_recipe("tiny"))
    line = settle_precision(lineage.named, fetch=True)
    assert line is not None
    assert line.startswith("dtype: auto is bfloat16 here: in bfloat16 they are 3 times as fast (chosen on another mac")
    assert precision_of(lineage.model_spec) == "bfloat16"
    assert settle_precision(lineage.named, fetch=False) == line
    assert fast == ["trial"], "once"
    auto = identity()
    assert auto != before
    project.recipe["base_model"]["dtype"] = "bfloat16"
    project.save()
    assert identity() == auto
    project.recipe["base_model"]["dtype"] = "float32"
    project.save()
    assert settle_precision(load_recipe("tiny"), fetch=True) is None
    assert precision_of(Lineage(load_recipe("tiny")).model_spec) == "float32"


def test_what_was_made_in_float32_is_not_made_again(begun: Project, fast: list[str]) -> None:
    before, told = identity(), list[str]()
    run_recipe(load_recipe("tiny"), ["botany"], 1, told.append)
    assert "dtype: auto is float32 here: what is stored here was made in it" in told
    assert [line for line in told if "up to date" in line] == ["tiny botany: up to date", "tiny botany|1: up to date"]
    assert identity() == before
    assert not fast


def test_a_small_model_is_not_tried(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settling, "tried", lambda shapes: pytest.fail("it was tried"))
    assert settle_precision(load_recipe("tiny"), fetch=True) is None
    assert not list(project.folder.rglob("precision.json"))


def test_check_says_it_and_a_damaged_record_is_an_error(project: Project, fast: list[str]) -> None:
    lines, problem = check_recipe(load_recipe("tiny"), "botany")
    assert problem is None
    assert sum(line.startswith("dtype: auto is bfloat16 here") for line in lines) == 1
    (record,) = project.folder.rglob("precision.json")
    facts = json.loads(record.read_text())
    for text in ("{", json.dumps({name: {**choice, "precision": "int8"} for name, choice in facts.items()})):
        record.write_text(text)
        with pytest.raises(SelfspecError, match="is damaged") as caught:
            identity()
        assert caught.value.place == str(record)
