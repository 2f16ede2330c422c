"""Rows of the published database as dictionaries."""

from pathlib import Path
from typing import Any

from selfspec_assets.base.model_settings import OWN_MODELS
from selfspec_assets.warehouse import read_only_query
from selfspec_assets.warehouse.parquet import literal


def query_rows(database: Path, sql: str) -> list[dict[str, Any]]:
    columns, rows = read_only_query(database, sql)
    return [dict(zip(columns, row, strict=True)) for row in rows]


def in_domain(recipe: str, domain: str) -> str:
    """The condition that takes one recipe's rows of one domain."""
    return f"recipe = {literal(recipe)} AND domain = {literal(domain)}"


def of_own_models() -> str:
    """A condition on the column ``model``: the recipe's base and adapters, and no further model."""
    return f"model IN ({', '.join(map(literal, OWN_MODELS))})"
