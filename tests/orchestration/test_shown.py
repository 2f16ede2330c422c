"""What a person meets in the UI: groups, columns, rows, pictures, SQL, tags; read from Dagster's own records."""

import base64
import re
import shlex
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest
from dagster import AssetCheckEvaluation

from selfspec_assets.orchestration.builder import definitions_of
from selfspec_assets.orchestration.catalogue import group_of
from selfspec_assets.orchestration.columns import COLUMN_SOURCES, preview, table_schema
from selfspec_assets.orchestration.launcher import open_instance
from selfspec_assets.orchestration.partitions import asset_key
from selfspec_assets.recipe.recipe import NamedRecipe, load_recipe, load_recipes
from selfspec_assets.steps import quality
from selfspec_assets.steps.lineage import Lineage, every_step
from selfspec_assets.warehouse.rows import SeedRow
from selfspec_assets.warehouse.tables import ROW_TYPES
from tests.checkout import ROOT
from tests.conftest import Project
from tests.making import make


def metadata(step: str) -> dict[str, Any]:
    with open_instance() as instance:
        event = instance.get_latest_materialization_event(asset_key(load_recipe("tiny"), step))
    assert event is not None
    assert event.asset_materialization is not None
    return dict(event.asset_materialization.metadata)


def ask(project: Project, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(project.database), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def test_the_quickstart_stands_first_and_comparisons_stand_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SELFSPEC_HOME", str(ROOT))
    groups = {named.name: group_of(named) for named in load_recipes()}
    assert min(groups.values()) == groups["quickstart"]
    assert [name for name, group in groups.items() if group == groups["quickstart"]] == ["quickstart"]
    assert {group for name, group in groups.items() if name.startswith("ablation_")} == {"3_ablations"}
    assert max(group for name, group in groups.items() if "_" not in name) < "3"


def test_every_recipe_has_a_job_of_its_name_and_one_for_its_domains(project: Project) -> None:
    definitions = definitions_of([load_recipe("tiny")])
    repository = definitions.get_repository_def()
    jobs = {job.name: job for job in repository.get_all_jobs() if not job.name.startswith("__")}
    assert set(jobs) == {"tiny", "tiny_domain"}
    assert jobs["tiny"].tags["selfspec/recipe"] == "tiny"
    assert {key.path[-1] for key in jobs["tiny"].asset_layer.executable_asset_keys} >= {"instructions", "scores"}
    partitions = jobs["tiny"].partitions_def
    assert partitions is not None
    assert partitions.get_partition_keys() == ["botany|1", "botany|2"]
    nodes = {node.key.path[-1]: node for node in repository.asset_graph.asset_nodes}
    assert nodes["responses"].owners == ["team:method"]
    assert "Eqs. 2 and 3" in (nodes["responses"].description or "")


@pytest.mark.parametrize("row_type", ROW_TYPES, ids=lambda row_type: row_type.table)
def test_every_column_has_a_type_and_a_description(row_type: Any) -> None:
    allowed = {"int", "float", "bool", "string"}
    for column in table_schema(row_type).columns:
        assert column.type.replace("[]", "") in allowed, column
        assert column.description, column


def test_what_is_made_shows_counts_rows_and_the_sql_for_them(begun: Project) -> None:
    shown = metadata("responses")
    stored = ask(begun, "SELECT count(*) FROM responses")[0][0]
    assert shown["dagster/row_count"].value == shown["dagster/partition_row_count"].value == stored
    table = shown["preview/responses"]
    assert isinstance(table, dg.TableMetadataValue)
    assert table.schema == table_schema(_rows("responses"))
    command = re.findall(r"(?s)```sh\n(.*)\n```", shown["sql/responses"].value)[0]
    program, verb, sql = shlex.split(command)
    assert (program, verb) == ("selfspec", "sql")
    printed = ask(begun, sql.replace("*", "instruction_id", 1))
    assert [row[0] for row in printed] == [record.data["instruction_id"] for record in table.records]
    assert Path(metadata("adapter")["adapter folder"].value, "adapter_config.json").is_file()
    scores = {name: entry for name, entry in metadata("scores").items() if name.startswith("average")}
    assert scores
    assert all(isinstance(entry, dg.FloatMetadataValue | dg.IntMetadataValue) for entry in scores.values())


def _rows(table: str) -> Any:
    return next(row_type for row_type in ROW_TYPES if row_type.table == table)


def test_columns_are_copied_from_where_the_lineage_says(begun: Project) -> None:
    lineage = Lineage(load_recipe("tiny"))
    for step, columns in COLUMN_SOURCES.items():
        own = _main(step)
        for column, (source, of) in columns.items():
            iterations = "iteration IN (0, 1)" if lineage.step(step).per_iteration else "iteration = 0"
            strangers = ask(
                begun,
                f"SELECT count(*) FROM {own} WHERE {column} NOT IN (SELECT {of} FROM {_main(source)}) AND {iterations}",
            )
            assert strangers == [(0,)], (step, column)
    (schema,) = [
        node.metadata["dagster/column_lineage"]
        for node in definitions_of([lineage.named]).get_repository_def().asset_graph.asset_nodes
        if node.key.path[-1] == "passages"
    ]
    (dep,) = schema.deps_by_column["instruction_id"]
    assert (dep.asset_key.path[-1], dep.column_name) == ("instructions", "instruction_id")


def _main(step: str) -> str:
    known = every_step()[step]
    return str((known.main_table or known.tables[0]).table)


def test_pictures_are_images_with_words_beside_them(begun: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not [name for name in metadata("adapter") if name.startswith("picture")], "switched off in the tests"
    monkeypatch.setenv("SELFSPEC_PICTURES", "on")
    make("adapter")
    text = metadata("adapter")["picture/loss"].value
    alternative, data = re.fullmatch(r"!\[(.+)\]\(data:image/png;base64,(.+)\)", text).groups()  # type: ignore[union-attr]
    assert "loss" in alternative.lower()
    assert base64.b64decode(data).startswith(b"\x89PNG")
    assert len(text) < 60_000


def test_a_picture_that_cannot_be_drawn_spoils_no_run(begun: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object) -> None:
        raise RuntimeError("no such font")

    monkeypatch.setenv("SELFSPEC_PICTURES", "on")
    monkeypatch.setattr("selfspec_assets.reports.pictures.of_partition", fail)
    said = make("adapter")
    assert metadata("adapter")["pictures"].value == "not drawn: RuntimeError('no such font')"
    assert any("no picture could be drawn" in line for line in said)


def test_a_run_is_found_by_recipe_domain_and_iteration(begun: Project) -> None:
    with open_instance() as instance:
        tags = {"selfspec/recipe": "tiny", "selfspec/domain": "botany", "selfspec/iteration": "1"}
        runs = instance.get_runs(dg.RunsFilter(tags=tags))
        assert len(runs) == 1
        assert runs[0].tags["dagster/partition"] == "botany|1"


def test_figures_are_told_with_their_threshold_and_only_warn(begun: Project) -> None:
    begun.recipe["checks"] = {"max_unusable": 0.0}
    begun.save()
    make("responses")
    checked = {result.check_name: result for result in evaluations(load_recipe("tiny"), "responses")}
    names = set(quality.MEASURES["responses"])
    assert names | set(every_step()["responses"].checks) == set(checked)
    strict = checked["usable_answers"]
    bad, total = ask(
        begun,
        "SELECT count(*) FILTER (reason IN ('empty', 'truncated', 'repeats_itself')), count(*) FROM responses",
    )[0]
    assert bad > 0
    assert strict.metadata["share"].value == pytest.approx(bad / total, abs=1e-4)
    assert strict.metadata["threshold"].value == 0
    assert (strict.passed, strict.severity, strict.blocking) == (False, dg.AssetCheckSeverity.WARN, False)
    assert "checks.max_unusable allows 0.0%" in (strict.description or "")
    assert metadata("responses")["usable_answers/share"].value == strict.metadata["share"].value


def evaluations(named: NamedRecipe, step: str) -> list[AssetCheckEvaluation]:
    """The last ones of a step."""
    with open_instance() as instance:
        (record,) = instance.fetch_materializations(asset_key(named, step), limit=1).records
        events = instance.all_logs(record.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)
    found = [event.dagster_event.event_specific_data for event in events if event.dagster_event]
    return [one for one in found if isinstance(one, AssetCheckEvaluation) and one.asset_key.path[-1] == step]


def test_a_cell_is_one_line_and_a_list_is_joined() -> None:
    long = SeedRow(
        seed=0, seed_id="a\nb", task="t", demonstrates="", instruction="w " * 200, input="", output="", source="",
        passage="",
    )  # fmt: skip
    (record,) = preview([long]).records
    assert record.data["seed_id"] == "a b"
    assert len(str(record.data["instruction"])) == 160
    assert str(record.data["instruction"]).endswith("…")
