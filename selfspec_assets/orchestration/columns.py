"""What Dagster shows of tables: typed columns with descriptions, where a column's values come from, rows as a table."""

import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import fields

import dagster as dg

from selfspec_assets.orchestration.partitions import asset_key
from selfspec_assets.recipe.recipe import NamedRecipe
from selfspec_assets.steps.lineage import Lineage
from selfspec_assets.steps.step import Step
from selfspec_assets.warehouse.comments import column_comment
from selfspec_assets.warehouse.rows import Row

_TYPES = {int: "int", float: "float", bool: "bool", str: "string"}
_Source = tuple[str, str]  # (step, column of its main table)

# Columns whose every value is one that stands in the other column: copied, never computed. Within an iteration only:
# what an earlier iteration wrote would be an arrow against the flow.
COLUMN_SOURCES: Mapping[str, Mapping[str, _Source]] = {
    "passages": {"instruction_id": ("instructions", "instruction_id")},
    "responses": {column: ("instructions", column) for column in ("instruction_id", "instruction", "input")},
    "base_predictions": {column: ("benchmarks", column) for column in ("benchmark", "item", "item_id")},
    "predictions": {
        **{column: ("benchmarks", column) for column in ("benchmark", "item", "item_id")},
        "adapter_digest": ("adapter", "adapter_digest"),
    },
    "base_scores": {column: ("base_predictions", column) for column in ("model", "variant", "shots")},
    "further_predictions": {column: ("benchmarks", column) for column in ("benchmark", "item", "item_id")},
    "further_scores": {column: ("further_predictions", column) for column in ("model", "variant", "shots")},
    "scores": {column: ("predictions", column) for column in ("model", "variant", "shots")},
}


def table_schema(row_type: type[Row]) -> dg.TableSchema:
    """A table's columns as the published database has them, without recipe, domain and iteration in front."""
    hints = typing.get_type_hints(row_type)
    return dg.TableSchema([_column(row_type, field.name, hints[field.name]) for field in fields(row_type)])  # type: ignore[arg-type]


def _column(row_type: type[Row], name: str, hint: object) -> dg.TableColumn:
    options = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    nullable = type(None) in options
    (kind,) = [option for option in options if option is not type(None)]
    return dg.TableColumn(
        name, _type_name(kind), column_comment(row_type.table, name), dg.TableColumnConstraints(nullable=nullable)
    )


def _type_name(kind: object) -> str:
    if typing.get_origin(kind) is list:
        (inner,) = typing.get_args(kind)
        return f"{_type_name(inner)}[]"
    return _TYPES.get(kind, str(kind))  # type: ignore[call-overload, no-any-return]


def column_lineage(lineage: Lineage, step: Step) -> dg.TableColumnLineage | None:
    """Where the columns of a step's main table are copied from; None where none is."""
    graph = {own.name for own in lineage.flow}
    sources = {column: at for column, at in COLUMN_SOURCES.get(step.name, {}).items() if at[0] in graph}
    if not sources:
        return None
    return dg.TableColumnLineage({column: [_dep(lineage.named, at)] for column, at in sources.items()})


def _dep(named: NamedRecipe, source: _Source) -> dg.TableColumnDep:
    step, column = source
    return dg.TableColumnDep(asset_key=asset_key(named, step), column_name=column)


def preview(rows: Sequence[Row], count: int = 5) -> dg.TableMetadataValue:
    """The first rows of a table, of which there is one at least, as a typed table; long cells are cut."""
    schema = table_schema(type(rows[0]))
    records = [
        dg.TableRecord({column.name: _cell(getattr(row, column.name)) for column in schema.columns})
        for row in rows[:count]
    ]
    return dg.MetadataValue.table(records, schema)


def _cell(value: object, width: int = 160) -> str | int | float | bool | None:
    """A value as a table of Dagster's takes it: lists are joined, text is one line of at most ``width`` letters."""
    if isinstance(value, bool | int | float) or value is None:
        return round(value, 4) if isinstance(value, float) else value
    if isinstance(value, list):
        value = ", ".join(f"{item:.4g}" if isinstance(item, float) else str(item) for item in value)
    text = " ".join(str(value).split())
    return text if len(text) <= width else text[: width - 1] + "…"
