"""`selfspec sql`: a table that is cut and says so, streams of CSV and JSON, columns of one name, Ctrl-C."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.cells import cell_len
from typer.testing import CliRunner

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.base.signature import text_digest
from selfspec_assets.cli.app import app
from selfspec_assets.reports.sql import sql_print
from selfspec_assets.warehouse import StepKey, Warehouse, reading
from selfspec_assets.warehouse.rows import LossRow
from tests.conftest import Project

RUN = CliRunner()
COLUMNS = [f"column_{n}" for n in range(9)]


@pytest.fixture
def database(project: Project) -> Path:
    warehouse = Warehouse(project.folder / "warehouse")
    key = StepKey("tiny", "adapter", "botany", 1)
    warehouse.commit(key, text_digest("a"), {LossRow: [LossRow(0, 1.0, 0.1, 1e-4)]})
    return warehouse.database


def printed(columns: list[str], rows: Iterator[tuple[object, ...]], capsys: pytest.CaptureFixture[str]) -> list[str]:
    sql_print.print_table(columns, rows)
    return capsys.readouterr().out.splitlines()


@pytest.mark.parametrize(("count", "said"), [(0, "0 rows"), (1, "1 row"), (40, "40 rows"), (41, "1 of them not")])
def test_forty_rows_are_shown_and_the_rest_is_counted(
    count: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = printed(["n"], ((n,) for n in range(count)), capsys)
    numbers = [int(line.strip("│ ")) for line in lines if line.strip("│ ").isdecimal()]
    assert numbers == (list(range(20)) + list(range(count - 20, count)) if count > 40 else list(range(count)))
    assert said in lines[-1]
    assert ("not shown" in lines[-1]) == (count > 40)


@pytest.mark.parametrize("width", [9, 25, 40, 80, 200])
def test_a_table_fits_the_terminal(
    width: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    row = tuple(f"{'語' * 5}{n}" if n % 2 else "x" * 60 + str(n) for n in range(9))
    lines = printed(COLUMNS, iter([row] * 50), capsys)
    assert {cell_len(line) for line in lines[:-1]} == {cell_len(lines[0])}
    assert cell_len(lines[0]) <= max(width, 13)  # two columns of a dot, and the gap between them
    shown = [n for n in range(9) if f"column_{n}"[: len("column_") + 1] in lines[1]]
    if width >= 80:
        assert 0 in shown
        assert 8 in shown, "columns are left out in the middle"
    if len(shown) < 9 and width >= 40:
        assert "┃ … ┃" in lines[1]
        assert f"9 columns, {9 - len(shown)} of them not shown" in lines[-1]
    assert "10 of them not shown" in lines[-1]
    assert not any("\n" in line for line in lines)


def test_cells_are_cut_before_columns_are_left_out(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    lines = printed(["a", "b", "c"], iter([("y" * 500, "z" * 30, 1)]), capsys)
    assert cell_len(lines[0]) == 80
    assert "z" * 30 in lines[3]
    assert "y… │" in lines[3]
    assert lines[-1] == "1 row"


def test_a_value_takes_one_line_and_null_is_no_text(capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed(["a", "b", "c"], iter([("x\ny\tz", None, 1.5), ("None", "", 2)]), capsys)
    assert r"x\ny\tz" in lines[3]
    assert "NULL" in lines[3]
    assert lines[3].endswith("1.5 │")
    assert lines[4].endswith("  2 │")


class Counted:
    """A value of which is known how many there are at a time."""

    alive = most = 0

    def __init__(self) -> None:
        Counted.alive += 1
        Counted.most = max(Counted.most, Counted.alive)

    def __del__(self) -> None:
        Counted.alive -= 1

    def __str__(self) -> str:
        return "value"


@pytest.mark.parametrize("output", ["table", "csv", "json"])
def test_rows_are_not_held(output: str, capsys: pytest.CaptureFixture[str]) -> None:
    Counted.most = Counted.alive
    rows = ((Counted(),) for _ in range(5000))
    if output == "table":
        sql_print.print_table(["a"], rows)
    else:
        (sql_print.write_csv if output == "csv" else sql_print.write_json)(sys.stdout, ["a"], rows)
    assert Counted.most < 100
    assert capsys.readouterr().out


def test_rows_come_before_the_statement_is_through(database: Path) -> None:
    sql = "SELECT CASE WHEN range = 2999999 THEN error('the end') ELSE range END FROM range(3000000)"
    with reading(database, sql) as (columns, rows):
        assert len(columns) == 1
        assert next(rows) == (0,)
        with pytest.raises(SelfspecError, match="the end"):
            list(rows)


def test_csv_ends_its_lines_as_the_system_does_and_is_utf8(database: Path) -> None:
    command = [sys.executable, "-m", "selfspec_assets", "sql", "--format", "csv", "SELECT 'é' a, NULL b, e'x\\ny' a"]
    done = subprocess.run(command, env={**os.environ, "LC_ALL": "C"}, capture_output=True, check=True)
    lines = 'a,b,a_1\né,,"x\ny"\n'.replace("\n", os.linesep)
    assert done.stdout.decode() == lines


def test_json_of_every_value(database: Path) -> None:
    sql = "SELECT 1 a, 2 a, 'nan'::FLOAT f, [1, 'inf'::DOUBLE] g, MAP {(1, 2): 3} m, {'x': NULL} s, DATE '2020-01-02' d"
    done = RUN.invoke(app, ["sql", sql, "--format", "json"])
    (row,) = json.loads(done.stdout, parse_constant=pytest.fail)
    assert row == {"a": 1, "a_1": 2, "f": None, "g": [1.0, None], "s": {"x": None}, "d": "2020-01-02", "m": row["m"]}
    many = json.loads(RUN.invoke(app, ["sql", "FROM range(3)", "--format", "json"]).stdout)
    assert many == [{"range": 0}, {"range": 1}, {"range": 2}]
    assert json.loads(RUN.invoke(app, ["sql", "FROM range(0)", "--format", "json"]).stdout) == []


@pytest.mark.parametrize(
    ("given", "names"),
    [
        (["a", "b"], ["a", "b"]),
        (["a", "a", "a"], ["a", "a_1", "a_2"]),
        (["a", "a", "a_1"], ["a", "a_2", "a_1"]),
        (["a_1", "a", "a"], ["a_1", "a", "a_2"]),
        (["a", "a_1", "a_1", "a"], ["a", "a_1", "a_1_1", "a_2"]),
        ([], []),
    ],
)
def test_no_column_hides_another(given: list[str], names: list[str]) -> None:
    assert sql_print.distinct(given) == names


def test_a_reader_of_the_csv_finds_every_column(capsys: pytest.CaptureFixture[str]) -> None:
    sql_print.write_csv(sys.stdout, ["a", "a"], [(1, 2)])
    assert list(csv.DictReader(io.StringIO(capsys.readouterr().out))) == [{"a": "1", "a_1": "2"}]


@pytest.fixture
def heard() -> Iterator[None]:
    """Ctrl-C interrupts, also where the tests were started in a shell's background, which has it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


ENDLESS = "SELECT sum(x.range * y.range) FROM range(1000000) x, range(100000000) y"


@pytest.mark.parametrize("query", [ENDLESS, "FROM range(10000000000)"], ids=["in DuckDB", "between rows"])
def test_ctrl_c_is_said_in_one_line(database: Path, query: str, heard: None) -> None:
    timer = threading.Timer(2, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    done = RUN.invoke(app, ["sql", query])
    timer.join()
    assert done.exit_code == 130
    assert (done.stdout, done.stderr) == ("", "stopped\n")


def test_python_m_is_the_command_line(project: Project) -> None:
    command = [sys.executable, "-m", "selfspec_assets", "check", "nothing"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("error")
