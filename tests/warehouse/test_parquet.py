"""Rows to Parquet and back: nothing is rounded, cut or taken for something else."""

import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.warehouse import parquet as parquet_module
from selfspec_assets.warehouse.parquet import columns, read_rows, write_rows
from selfspec_assets.warehouse.rows import LossRow, ResponseTokenRow, RetrievalRow, VerdictRow
from selfspec_assets.warehouse.tables import ROW_TYPES
from tests.warehouse.samples import losses


def _values(kind: str) -> st.SearchStrategy:
    if kind.endswith("[]"):
        return st.lists(_values(kind[:-2]), max_size=3)
    return {
        "BIGINT": st.integers(-(2**63), 2**63 - 1) | st.sampled_from([-(2**63), 2**63 - 1]),
        "DOUBLE": st.floats(allow_nan=False, allow_infinity=False),
        "BOOLEAN": st.booleans(),
        "VARCHAR": st.text(max_size=12) | st.sampled_from(["", "a\nb\r\n", "\x00", "'\"", "Ärzte 😀 ‮", "NULL"]),
    }[kind]


def _rows(row_type):
    hints = parquet_module._hints(row_type)
    fields = {
        name: _values(kind) if parquet_module._without_none(hints[name])[1] is False else st.none() | _values(kind)
        for name, kind in columns(row_type).items()
    }
    return st.lists(st.builds(row_type, **fields), max_size=4)


@pytest.mark.parametrize("row_type", ROW_TYPES)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_rows_come_back_as_they_were(tmp_path, row_type, data):
    rows = data.draw(_rows(row_type))
    path = tmp_path / "[odd] *name'?.parquet"
    write_rows(row_type, rows, path)
    assert repr(read_rows(row_type, path)) == repr(rows)


def test_a_path_is_never_taken_for_a_pattern(tmp_path):
    """DuckDB would read ``run[1]/x`` as ``run1/x``, and ``run?/x`` as both."""
    for value, folder in enumerate(["run[1]", "run1", "run?", "run*", "it's"]):
        (tmp_path / folder).mkdir()
        write_rows(LossRow, losses(float(value)), tmp_path / folder / "x.parquet")
    for value, folder in enumerate(["run[1]", "run1", "run?", "run*", "it's"]):
        assert read_rows(LossRow, tmp_path / folder / "x.parquet") == losses(float(value))


def test_order_survives_many_batches(tmp_path):
    rows = losses(0.5, 25_001)
    write_rows(LossRow, rows, tmp_path / "x.parquet")
    assert read_rows(LossRow, tmp_path / "x.parquet") == rows


@pytest.mark.parametrize(
    ("row", "column"),
    [
        (LossRow(1, math.nan, 1.0, 1.0), "epoch"),
        (LossRow(1, 1.0, -math.inf, 1.0), "loss"),
        (LossRow(2**63, 1.0, 1.0, 1.0), "step"),
        (LossRow(True, 1.0, 1.0, 1.0), "step"),
        (LossRow(1.0, 1.0, 1.0, 1.0), "step"),
        (LossRow(1, None, 1.0, 1.0), "epoch"),
        (LossRow(1, 2**53 + 1, 1.0, 1.0), "epoch"),
        (LossRow(1, "1", 1.0, 1.0), "epoch"),
        (RetrievalRow(1, "\ud800", 1, 1.0), "query"),
        (RetrievalRow(1, None, 1, 1.0), "query"),
        (
            ResponseTokenRow(
                instruction_id=1,
                position=1,
                token_id=1,
                token="a",
                posterior=[1.0, math.nan],
                top_passage_token_id=1,
                marginal_token_id=1,
            ),
            "posterior",
        ),
        (
            ResponseTokenRow(
                instruction_id=1,
                position=1,
                token_id=1,
                token="a",
                posterior=None,
                top_passage_token_id=1,
                marginal_token_id=1,
            ),
            "posterior",
        ),
        (
            ResponseTokenRow(
                instruction_id=1,
                position=1,
                token_id=1,
                token="a",
                posterior=(1.0,),
                top_passage_token_id=1,
                marginal_token_id=1,
            ),
            "posterior",
        ),
    ],
)
def test_a_value_that_a_column_cannot_hold_exactly_is_refused(tmp_path, row, column):
    good = type(row)(**{name: _plain(kind) for name, kind in columns(type(row)).items()})
    with pytest.raises(SelfspecError, match=rf"{row.table}, row 1, column {column}"):
        write_rows(type(row), [good, row], tmp_path / "x.parquet")
    assert list(tmp_path.iterdir()) == []


def _plain(kind: str) -> object:
    return {"BIGINT": 1, "DOUBLE": 1.0, "VARCHAR": "a", "DOUBLE[]": [1.0]}[kind]


def test_a_row_of_another_type_is_refused(tmp_path):
    with pytest.raises(TypeError, match="RetrievalRow is not LossRow"):
        write_rows(LossRow, [RetrievalRow(1, "q", 1, 1.0)], tmp_path / "x.parquet")


def test_a_column_that_is_younger_than_the_file_has_its_default(tmp_path):
    verdict = {"step": "review", "refines": "responses", "row": 1, "verdict": "kept", "reason": None, "version": "1"}
    write_rows(VerdictRow, [VerdictRow(**verdict, edited="An oak.")], tmp_path / "new.parquet")
    for columns_of_then, refused in (("* EXCLUDE (edited)", False), ("* EXCLUDE (edited, version)", True)):
        old = tmp_path / "old.parquet"
        with parquet_module.connect() as connection:
            connection.execute(f"COPY (SELECT {columns_of_then} FROM '{tmp_path}/new.parquet') TO '{old}'")
        if refused:
            with pytest.raises(SelfspecError, match="another version of selfspec"):
                read_rows(VerdictRow, old)
        else:
            assert read_rows(VerdictRow, old) == [VerdictRow(**verdict)]


def test_parquet_with_other_columns_is_not_read_as_rows(tmp_path):
    write_rows(RetrievalRow, [], tmp_path / "x.parquet")
    with pytest.raises(SelfspecError, match="another version of selfspec"):
        read_rows(LossRow, tmp_path / "x.parquet")
