"""Rows of many columns are made by name, so that two columns of one type cannot change places in silence."""

from dataclasses import fields

import pytest

from selfspec_assets.steps.lineage import every_step
from selfspec_assets.warehouse.rows import Row, RunRow

ROW_TYPES = sorted({RunRow, *(table for step in every_step().values() for table in step.tables)}, key=lambda t: t.table)


@pytest.mark.parametrize("row_type", ROW_TYPES, ids=lambda row_type: row_type.table)
def test_a_row_of_more_than_five_columns_takes_keywords_alone(row_type: type[Row]) -> None:
    columns = fields(row_type)  # type: ignore[arg-type]
    assert all(column.kw_only for column in columns) == (len(columns) > 5)
