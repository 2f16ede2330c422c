"""Rows of the published database as dictionaries."""

from pathlib import Path
from typing import Any

from selfspec_assets.warehouse import read_only_query


def query_rows(database: Path, sql: str) -> list[dict[str, Any]]:
    columns, rows = read_only_query(database, sql)
    return [dict(zip(columns, row, strict=True)) for row in rows]
