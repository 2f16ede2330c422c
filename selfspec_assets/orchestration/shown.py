"""What Dagster shows of a partition that was made: counts, the headline, rows, the SQL for more of them, folders."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from selfspec_assets.base import home
from selfspec_assets.orchestration.columns import column_lineage, preview, table_schema
from selfspec_assets.orchestration.pictures import pictures_of
from selfspec_assets.steps.job import Job, Tables
from selfspec_assets.steps.lineage import Lineage
from selfspec_assets.steps.step import Check, Step
from selfspec_assets.warehouse.rows import Row

ROWS = 5
Shown = Iterator[tuple[str, Any]]


def main_table(step: Step) -> type[Row]:
    """The table that stands for a step where Dagster has a place for one."""
    return step.main_table or step.tables[0]


def always(lineage: Lineage, step: Step) -> dict[str, Any]:
    """What is known of an asset before it is made: its tables' columns, and where they are copied from."""
    main = main_table(step)
    others = {
        f"columns/{row_type.table}": dg.MetadataValue.table_schema(table_schema(row_type))
        for row_type in step.tables
        if row_type is not main
    }
    copied = column_lineage(lineage, step)
    return {
        "dagster/column_schema": table_schema(main),
        "dagster/table_name": f"selfspec.main.{main.table}",
        **({} if copied is None else {"dagster/column_lineage": copied}),
        **others,
    }


def of_partition(job: Job, step: Step, tables: Tables, checks: list[Check], reused: bool) -> dict[str, Any]:
    """The metadata of one materialisation."""
    return {
        **{name: _plottable(value) for name, value in step.headline(tables).items()},
        **dict(pictures_of(job)),
        **dict(_rows(job, tables)),
        **{f"{check.name}/{name}": value for check in checks for name, value in check.figures.items()},
        **dict(_counts(tables)),
        "dagster/row_count": _rows_in_all(job, main_table(step).table),
        "dagster/partition_row_count": len(tables[main_table(step)]),
        **dict(_folders(job)),
        **_seconds(job),
        "reused": reused,
        "revision": job.signature,
    }


def _seconds(job: Job) -> dict[str, float]:
    """What making the revision took, also where it is reused."""
    run = job.warehouse.revision(job.signature).run
    return {} if run is None else {"seconds": run.seconds}


def _rows_in_all(job: Job, table: str) -> int:
    """Rows of this step and recipe over all partitions, as the published database has them now."""
    recipe, step = job.key.recipe, job.key.step
    own = [entry for entry in job.warehouse.entries() if (entry.key.recipe, entry.key.step) == (recipe, step)]
    stored = [job.warehouse.revision(entry.signature) for entry in own if job.warehouse.has(entry.signature)]
    return sum(revision.tables.get(table, 0) for revision in stored)


def _counts(tables: Tables) -> Shown:
    for row_type, rows in tables.items():
        yield f"rows/{row_type.table}", len(rows)


def _plottable(value: object) -> Any:
    """Numbers stay numbers, so that Dagster's plots show them over partitions; the rest is text."""
    return value if isinstance(value, bool | int | float) else str(value)


def _rows(job: Job, tables: Tables) -> Shown:
    for row_type, rows in tables.items():
        if rows:
            yield f"preview/{row_type.table}", preview(rows, ROWS)
            yield f"sql/{row_type.table}", dg.MetadataValue.md(f"```sh\n{command(job, row_type)}\n```")


def command(job: Job, row_type: type[Row]) -> str:
    """The command that prints the same rows, to be changed for others; in lines, as the UI breaks none."""
    key = job.key
    where = [f"recipe = '{key.recipe}'", f"domain = '{key.domain}'", f"iteration = {key.iteration}"]
    own = [f"step = '{key.step}'"] if row_type.table == "verdicts" else []
    lines = [f"SELECT * FROM {row_type.table}", f"WHERE {' AND '.join([*where, *own])}", f"LIMIT {ROWS}"]
    return 'selfspec sql "' + "\n  ".join(lines) + '"'


def _folders(job: Job) -> Shown:
    revision = job.warehouse.revision(job.signature)
    yield "revision folder", dg.MetadataValue.path(str(revision.folder))
    for name in sorted({file.split("/")[0] for file in revision.files if "/" in file}):
        yield f"{name} folder", dg.MetadataValue.path(str(revision.folder / name))
    yield "database", dg.MetadataValue.path(str(job.warehouse.database))
    report = home.project_folder() / f"{job.key.recipe}.html"
    if report.is_file():
        yield "report", dg.MetadataValue.path(str(report))
    else:
        yield "report", dg.MetadataValue.md(f"`selfspec report {job.key.recipe}` writes it")
