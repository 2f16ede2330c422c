"""The paper's Table 2: which rows, in which order, labelled from which values; globs over recipe names."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from selfspec_assets.cli.app import app
from selfspec_assets.recipe.recipe import NamedRecipe, load_recipe, matching_recipes
from selfspec_assets.reports.scores import ablation_table
from tests.checkout import ROOT
from tests.conftest import Project, make_project
from tests.synthetic import RIGHT, WRONG, publish, set_quiz

RUN = CliRunner()
# Named so that their order by name is not the table's; what differs from the tiny recipe.
RECIPES: dict[str, dict[str, Any]] = {
    "row_a": {"contrast": {"form": "none"}},
    "row_b": {"contrast": {"form": "log_ratio"}},
    "row_c": {},
    "row_d": {"later": "same"},
    "row_e": {"k": 5, "iterations": 1},
    "row_f": {"k": 1, "iterations": 1},
    "row_g": {"k": 0, "iterations": 1},
    "row_h": {"reference": "seeds", "iterations": 1},
}
# Of ten items, right at the two benchmarks that are read and at the closed-book one.
RIGHTS = {"row_a": (7, 5), "row_b": (6, 5), "row_c": (9, 8), "row_d": (8, 6), "row_e": (6, 7), "row_f": (5, 4),
          "row_g": (5, 2), "row_h": (4, 1)}  # fmt: skip


def save(project: Project, name: str, **change: Any) -> None:
    value = json.loads(json.dumps(project.recipe))
    value["iterations"] = change.get("iterations", 2)
    value["passages"]["k"] = change.get("k", 5)
    value["instructions"]["later_iterations"] = change.get("later", "new")
    value["responses"]["contrast"] = change.get("contrast", {"form": "difference"})
    if "reference" in change:
        value["adapter"]["data"] = change["reference"]
    (project.folder / f"recipes/{name}.yaml").write_text(yaml.safe_dump(value))


def answers(named: NamedRecipe, n: int, variant: str, k: int, benchmark: str, item: int) -> str:
    read, closed = (2, 0) if n == 0 else RIGHTS["row_e" if n < named.recipe.iterations else named.name]
    return RIGHT if item < (closed if benchmark == "facts" else read) else WRONG


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Iterator[Project]:
    with pytest.MonkeyPatch.context() as patch:
        project = make_project(tmp_path_factory.mktemp("ablations") / "project", tiny_model, patch)
        set_quiz(project, {"colours": "colour", "facts": "closed_book", "habits": "habit"}, items=10)
        project.recipe["scores"].update(shots=[0], base_variants=["plain", "alpaca"])
        for name, change in RECIPES.items():
            save(project, name, **change)
            publish(load_recipe(name), "botany", answers)
        yield project


def table(*arguments: str) -> list[dict[str, Any]]:
    done = RUN.invoke(app, ["scores", "row_?", "--json", *arguments])
    assert done.exit_code == 0, done.stderr
    return list(json.loads(done.stdout)["rows"])


def test_rows_are_labelled_from_values_and_shared_revisions_stand_once(published: Project) -> None:
    rows = [row for row in table() if (row["scope"], row["metric"]) == ("all", "f1")]
    assert [(row["group"], row["label"]) for row in rows] == [
        ("base", "plain"),
        ("base", "alpaca"),
        ("1st iteration", "no documents"),
        ("1st iteration", "top-1"),
        ("1st iteration", "top-5"),
        ("2nd iteration", "same instructions"),
        ("2nd iteration", "new instructions"),
        ("2nd iteration", "new instructions, log ratio"),
        ("2nd iteration", "new instructions, no contrast"),
        ("reference", "seeds alone"),
    ]
    values = [20, 20, *(10 * (2 * read + closed) / 3 for read, closed in (RIGHTS[f"row_{c}"] for c in "gfedcbah"))]
    values[:2] = [40 / 3] * 2
    assert [row["value"] for row in rows] == pytest.approx(values)
    assert all(row["low"] <= row["value"] <= row["high"] and row["n"] == 30 and row["k"] == 0 for row in rows)


def test_the_closed_book_benchmarks_stand_alone(published: Project) -> None:
    rows = [row for row in table("--domain", "botany") if (row["scope"], row["metric"]) == ("closed_book", "rouge_l")]
    assert {row["label"]: row["value"] for row in rows} == {
        "plain": 0, "alpaca": 0, "no documents": 20, "top-1": 40, "top-5": 70, "same instructions": 60,
        "new instructions": 80, "new instructions, log ratio": 50, "new instructions, no contrast": 50,
        "seeds alone": 10,
    }  # fmt: skip
    assert all(row["benchmarks"] == ["facts"] and row["n"] == 10 for row in rows)


def test_it_is_one_table_of_eighty_columns(published: Project) -> None:
    lines = RUN.invoke(app, ["scores", "row_*"]).stdout.splitlines()
    assert sum(line.startswith("┏") for line in lines) == 1
    assert max(map(len, lines)) <= 80
    for head in ("macro average over 3 benchmarks", "closed-book alone: facts"):
        assert sum(head in line for line in lines) == 1
    assert sum("│   new instructions, no contrast │" in line for line in lines) == 2
    row = next(line for line in lines if "no documents" in line)
    assert "40.0 (" in row


def test_equal_labels_are_told_apart_by_name_and_what_was_not_run_is_said(published: Project) -> None:
    text = (published.folder / "recipes/row_g.yaml").read_text()
    (published.folder / "recipes/row_i.yaml").write_text(text.replace("seed: 3", "seed: 4"))
    (published.folder / "recipes/row_j.yaml").write_text(text)
    RIGHTS["row_i"] = (1, 1)
    try:
        publish(load_recipe("row_i"), "botany", answers)
        lines = RUN.invoke(app, ["scores", "row_*"]).stdout
        assert "no documents (row_g)" in lines
        assert "no documents (row_i)" in lines
        assert "not run yet: selfspec run row_j" in lines
    finally:
        for name in ("row_i", "row_j"):
            (published.folder / f"recipes/{name}.yaml").unlink()


@pytest.mark.parametrize("command", ["run", "scores", "check"])
def test_a_glob_without_a_match_is_an_error(project: Project, command: str) -> None:
    done = RUN.invoke(app, [command, "no_such_*"])
    assert done.exit_code == 1
    assert "recipes 'no_such_*': no recipe's name matches" in done.stderr
    assert "tiny" in done.stderr


def test_scores_of_recipes_that_were_not_run_say_how(project: Project) -> None:
    (project.folder / "warehouse").mkdir()
    publish_nothing = RUN.invoke(app, ["scores", "tin*"])
    assert publish_nothing.exit_code == 1
    assert "selfspec run" in publish_nothing.stderr


def test_run_takes_one_recipe_after_the_other(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    from selfspec_assets.orchestration import runner

    asked: list[tuple[str, list[str], int]] = []
    monkeypatch.setattr(
        runner, "run_recipe", lambda named, domains, n, report: asked.append((named.name, domains, n))
    )  # fmt: skip
    for name in ("row_c", "row_g"):
        save(project, name, **RECIPES[name])
    assert RUN.invoke(app, ["run", "row_*"]).exit_code == 0
    assert asked == [("row_c", ["botany"], 2), ("row_g", ["botany"], 1)]
    asked.clear()
    assert RUN.invoke(app, ["run", "row_*", "--iterations", "1"]).exit_code == 0
    assert [n for _, _, n in asked] == [1, 1]
    asked.clear()
    done = RUN.invoke(app, ["run", "row_*", "--iterations", "3"])
    assert "'row_*' has 2" in done.stderr
    assert RUN.invoke(app, ["run", "row_*", "--domain", "zoology"]).exit_code == 1
    assert asked == []


WRITTEN = {"iterations": 1, "instructions.inputs": "written", "instructions.max_new_tokens": 120}
MIXED = {"instructions.show": "mixed", "instructions.novelty": "instruction", "steps": []}
SHIPPED = {
    "ablation_no_documents": {"iterations": 1, "passages.k": 0},
    "ablation_top_1": {"iterations": 1, "passages.k": 1},
    "ablation_top_5": {"iterations": 1, "passages.k": 5},
    "ablation_written_inputs": {**WRITTEN, "steps": [{"name": "other_form", "options": {}}]},
    "ablation_mixed_seeds": {**WRITTEN, **MIXED},
    "ablation_paper_sampling": {
        **WRITTEN,
        **MIXED,
        "instructions.temperature": 1.0,
        "instructions.top_p": 0.98,
    },
    "ablation_no_seeds": {"iterations": 1, "adapter.with_seeds": False, "adapter.min_steps": 1},
    "ablation_no_demonstrations": {"iterations": 1, "responses.demonstrations": 0},
    "ablation_every_answer": {"iterations": 1, "steps": []},
    "ablation_same_instructions": {"instructions.later_iterations": "same"},
    "ablation_new_instructions": {},
    "ablation_contrast_log_ratio": {"responses.contrast.form": "log_ratio"},
    "ablation_fresh_start": {"adapter.start": "base"},
    "ablation_contrast_none": {"responses.contrast.form": "none"},
}


def flat(value: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    names: dict[str, Any] = {}
    for key, inner in value.items():
        names |= flat(inner, f"{prefix}{key}.") if isinstance(inner, dict) else {f"{prefix}{key}": inner}
    return names


def test_the_shipped_ablations_are_the_quickstart_but_for_one_choice() -> None:
    ablations = {named.name: named.recipe for named in matching_recipes("ablation_*")}
    assert set(ablations) == set(SHIPPED)
    quickstart = flat(load_recipe(str(ROOT / "recipes/quickstart.yaml")).recipe.model_dump(mode="json"))
    for name, recipe in ablations.items():
        wanted = {**quickstart, "domains": ["sports"], **SHIPPED[name]}
        assert flat(recipe.model_dump(mode="json")) == wanted, name


@pytest.mark.parametrize("data", ["seeds", "supervised"])
def test_the_shipped_references_are_tuned_and_scored_as_the_quickstart(data: str) -> None:
    quickstart = load_recipe(str(ROOT / "recipes/quickstart.yaml")).recipe
    reference = load_recipe(str(ROOT / f"recipes/reference_{data}.yaml")).recipe
    assert reference.scores == quickstart.scores
    assert reference.base_model == quickstart.base_model
    assert reference.seed == quickstart.seed
    assert reference.adapter == quickstart.adapter.model_copy(update={"data": data, "start": "base"})
    assert not reference.model_fields_set & {"instructions", "passages", "responses"}


LABELS = {
    "ablation_no_documents": "no documents",
    "ablation_top_5": "top-5",
    "ablation_written_inputs": "top-2, tasks written whole",
    "ablation_mixed_seeds": "top-2, tasks written whole, any seeds in a list, every answer",
    "ablation_paper_sampling": "top-2, tasks written whole, any seeds in a list, the paper's sampling, every answer",
    "ablation_no_seeds": "top-2, seeds not learnt",
    "ablation_no_demonstrations": "top-2, no demonstrations",
    "ablation_every_answer": "top-2, every answer",
}


def test_a_row_says_what_it_leaves_undone_where_others_do_it() -> None:
    recipes = [named.recipe for named in matching_recipes("ablation_*")]
    labels = {
        named.name: ablation_table.label_of(named.recipe, 1, recipes)
        for named in matching_recipes("ablation_*")
        if named.recipe.iterations == 1
    }
    assert labels == {**LABELS, "ablation_top_1": "top-1"}
    fresh = load_recipe("ablation_fresh_start").recipe
    assert ablation_table.label_of(fresh, 2, recipes) == "new instructions, tuned from the base"
    assert ablation_table.label_of(fresh, 1, recipes) == "top-2", "a first iteration has nothing to go on from"
    paper = load_recipe("ablation_paper_sampling").recipe
    assert ablation_table.label_of(paper, 1, [paper, paper]) == "top-2", "what no row does sets none apart"
    assert ablation_table.label_of(paper, 1) == "top-2"
