"""``selfspec compare``: the same items of two models, with the numbers of ``selfspec scores``."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from selfspec_assets.cli.app import app
from selfspec_assets.recipe.recipe import NamedRecipe, load_recipe
from tests.conftest import Project, make_project
from tests.synthetic import RIGHT, WRONG, publish, set_quiz

RUN = CliRunner()
NAMES = ("tiny", "half", "rest")


def answers(named: NamedRecipe, n: int, variant: str, k: int, benchmark: str, item: int) -> str | None:
    """Of ten items the base is right at two (with "plain" at one), iteration 1 at four, iteration 2 at all but the
    first two. The recipe "half" was asked the first five items alone, "rest" the others."""
    if named.name != "tiny" and (item < 5) != (named.name == "half"):
        return None
    right = item >= 2 if n == 2 else item < (4 if n else 1 if variant == "plain" else 2)
    return RIGHT if right else f"{WRONG} {item}"


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Iterator[Project]:
    with pytest.MonkeyPatch.context() as patch:
        project = make_project(tmp_path_factory.mktemp("compared") / "project", tiny_model, patch)
        set_quiz(project, {"colours": "colour", "habits": "habit"}, items=10)
        for seed, name in enumerate(NAMES):  # recipes that agree in all would share their answers
            project.recipe["seed"] = seed
            (project.folder / f"recipes/{name}.yaml").write_text(yaml.safe_dump(project.recipe))
            publish(load_recipe(name), "botany", answers)
        yield project


def compare(*arguments: str) -> dict[str, Any]:
    done = RUN.invoke(app, ["compare", *arguments, "--json"])
    assert done.exit_code == 0, done.output
    (comparison,) = json.loads(done.stdout)["comparisons"]
    return dict(comparison)


def test_won_lost_and_tied(compared: Project) -> None:
    found = compare("tiny:1", "tiny:2")
    assert found["counts"] == {name: {"won": 6, "lost": 2, "tied": 2} for name in ("colours", "habits")}
    assert found["items"] == {"shared": 20, "only_first": 0, "only_second": 0}
    average = next(row for row in found["tests"] if (row["metric"], row["benchmark"]) == ("f1", "average"))
    assert (average["first"], average["second"], average["difference"], average["n"]) == (40, 80, 40, 20)
    assert average["low"] < 40 < average["high"]
    answer = next(row for row in found["answers"] if (row["benchmark"], row["item_id"]) == ("habits", "test0"))
    assert (answer["first"], answer["second"], answer["references"]) == (RIGHT, f"{WRONG} 0", [RIGHT])
    assert (answer["first_f1"], answer["second_f1"], answer["difference"]) == (100, 0, -100)


def test_base_against_an_iteration_has_the_numbers_of_scores(compared: Project) -> None:
    said = json.loads(RUN.invoke(app, ["scores", "tiny", "--json"]).stdout)["lift"]
    for k in (0, 2):
        found = compare("tiny:base", "tiny:2", "--shots", str(k))
        assert found["first"] == "tiny: base, cue"
        row = next(row for row in found["tests"] if (row["metric"], row["benchmark"]) == ("f1", "average"))
        lift = next(
            row for row in said if (row["iteration"], row["k"], row["metric"], row["oracle"]) == (2, k, "f1", False)
        )
        assert [row[key] for key in ("low", "high", "p_value", "n")] == [
            lift[key] for key in ("low", "high", "p_value", "n")
        ]
        assert (row["first"], row["second"], row["difference"]) == (lift["base"], lift["adapter"], lift["lift"])


def test_the_other_way_round_is_the_mirror(compared: Project) -> None:
    there, back = compare("tiny:1", "tiny:2"), compare("tiny:2", "tiny:1")
    for first, second in zip(there["tests"], back["tests"], strict=True):
        assert first["difference"] == -second["difference"]
    assert back["counts"]["colours"] == {"won": 2, "lost": 6, "tied": 2}


def test_only_shared_items_are_compared_and_it_is_said(compared: Project) -> None:
    found = compare("tiny:1", "half")
    assert found["items"] == {"shared": 10, "only_first": 10, "only_second": 0}
    done = RUN.invoke(app, ["compare", "tiny:1", "half"])
    assert "10 items that both answered" in done.stdout
    assert "not compared: 10 items that only the first answered, 0 only the second" in done.stdout


def test_both_answers_are_shown_where_they_differ_most(compared: Project) -> None:
    done = RUN.invoke(app, ["compare", "tiny:1", "tiny:2", "--examples", "1"])
    assert done.exit_code == 0
    assert done.stdout.count("reference: right") == 2
    worse = done.stdout.split("the second is worse:")[1]
    assert "first:     right\n" in worse
    assert "second:    wrong " in worse


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["half", "rest"], ["share none of their items of botany (10 and 10)"]),
        (["tiny:1", "tiny:3"], ["the recipe has 2 iterations", "scored so far: 1, 2"]),
        (["tiny:0", "tiny:1"], ["the recipe has 2 iterations", "tiny:base"]),
        (["tiny:first", "tiny:1"], ["'first' is no iteration", "tiny:1"]),
        (["tiny:²", "tiny:1"], ["is no iteration"]),
        (["tiny:2", "tiny"], ["is compared with itself"]),
        (["tiny:1", "tinny:2"], ["no such recipe", "did you mean 'tiny'?"]),
        (["tiny:1", "tiny:2", "--shots", "1"], ["not both scored with 1 shots", "share: 0, 2"]),
        (["tiny:1", "tiny:2", "--domain", "zoology"], ["do not both have the domain 'zoology'", "shared are: botany"]),
    ],
)
def test_what_cannot_be_compared_is_an_error_that_names_it(
    compared: Project, arguments: list[str], told: list[str]
) -> None:
    done = RUN.invoke(app, ["compare", *arguments])
    assert done.exit_code == 1
    for text in told:
        assert text in done.stderr, done.stderr
    assert done.stdout == ""


def test_an_iteration_that_is_not_scored_yet_names_the_command(begun: Project) -> None:
    done = RUN.invoke(app, ["compare", "tiny:1", "tiny:2"])
    assert done.exit_code == 1
    assert "iteration 2 has no scores of botany; scored so far: 1" in done.stderr
    assert "selfspec run tiny --domain botany" in done.stderr
