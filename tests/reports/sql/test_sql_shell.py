"""`selfspec sql` without a statement, into files, and what it says of what is wrong or empty."""

import io
import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet
import pytest
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document
from typer.testing import CliRunner

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.base.signature import text_digest
from selfspec_assets.cli.app import app
from selfspec_assets.recipe.recipe import load_recipe
from selfspec_assets.reports.sql import pager, sql_print
from selfspec_assets.reports.sql.empty_tables import FILLED_BY, RECIPE_WITH
from selfspec_assets.reports.sql.sql_prompt import SqlCompleter, is_whole
from selfspec_assets.reports.sql.sql_shell import Shell
from selfspec_assets.steps.lineage import every_step, flow
from selfspec_assets.warehouse import StepKey, Warehouse, catalogue_of, reading_batches
from selfspec_assets.warehouse.rows import LossRow, RunRow
from selfspec_assets.warehouse.statements import split_statements
from tests.warehouse.finished_loop import row

RUN = CliRunner()


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    warehouse = Warehouse(tmp_path / "warehouse")
    signature = text_digest("a")
    losses = [LossRow(n, 1.0, 0.1, 1e-4) for n in range(3)]
    run = row(RunRow, step="adapter", signature=signature)
    warehouse.commit(StepKey("quickstart", "adapter", "sports", 1), signature, {LossRow: losses}, run=run)
    monkeypatch.setenv("SELFSPEC_WAREHOUSE", str(warehouse.root))
    return warehouse.database


@pytest.mark.parametrize(
    ("text", "statements", "rest"),
    [
        ("SELECT 1; SELECT 'a;b' -- x; \n; SELECT 3", ["SELECT 1", "SELECT 'a;b' -- x;"], "SELECT 3"),
        ("-- only\n;", [], ""),
        ("SELECT e'it\\'s; x'; y", ["SELECT e'it\\'s; x'"], "y"),
        ("SELECT $$a;b$$;", ["SELECT $$a;b$$"], ""),
        ("SELECT $x$a;$$;b$x$;", ["SELECT $x$a;$$;b$x$"], ""),
        ("/* ; */ SELECT 1/2-3;", ["/* ; */ SELECT 1/2-3"], ""),
        ('FROM "a;""b"; x -- c', ['FROM "a;""b"'], "x -- c"),
        ("select 'open; ", [], "select 'open;"),
        ("", [], ""),
    ],
)
def test_statements_end_where_duckdb_ends_them(text: str, statements: list[str], rest: str) -> None:
    assert split_statements(text) == (statements, rest)
    assert is_whole(text) == (not text or (bool(statements) and not rest))


def test_standard_input_brings_statements_and_commands(database: Path) -> None:
    typed = ".mode csv\nSELECT count(*) AS n\nFROM losses; SELECT 2 AS b;\n.mode json\nSELECT 3 AS c"
    done = RUN.invoke(app, ["sql"], input=typed)
    assert (done.exit_code, done.stdout) == (0, 'n\n3\nb\n2\n[{"c": 3}]\n')


def test_what_stands_behind_a_refused_statement_is_not_run(database: Path) -> None:
    done = RUN.invoke(app, ["sql", "--format", "csv"], input="SELECT 1 AS a; FROM nowhere; SELECT 2 AS b;")
    assert (done.exit_code, done.stdout) == (1, "a\n1\n")
    assert RUN.invoke(app, ["sql"], input=".quit\nSELECT 1;").stdout == ""


@pytest.mark.parametrize("suffix", ["csv", "json", "parquet"])
def test_a_result_goes_into_a_file_by_its_suffix(database: Path, tmp_path: Path, suffix: str) -> None:
    target = tmp_path / f"out.{suffix}"
    target.write_text("of yesterday")
    done = RUN.invoke(app, ["sql", "SELECT range AS a, 'é' AS a FROM range(25000)", "--output", str(target)])
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", f"25000 rows in {target}\n")
    if suffix == "parquet":
        table = pyarrow.parquet.read_table(target)
        assert table.column_names == ["a", "a_1"]
        assert table.column("a").to_pylist() == list(range(25000))
    elif suffix == "json":
        assert json.loads(target.read_text())[-1] == {"a": 24999, "a_1": "é"}
    else:
        assert target.read_text(encoding="utf-8").splitlines()[:2] == ["a,a_1", "0,é"]
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == [target.name]


@pytest.mark.parametrize(
    ("query", "options", "words"),
    [
        ("SELECT 1", ["--output", "{folder}/x.txt"], "names no format"),
        ("SELECT 1", ["--output", "{folder}/x.csv", "--format", "json"], "its suffix says csv"),
        ("SELECT 1", ["--output", "{folder}/x", "--format", "table"], "cut to a terminal"),
        ("SELECT 1", ["--output", "{folder}/no/x.csv"], "there is no folder"),
        ("SELECT 1", ["--output", "{folder}/warehouse/selfspec.duckdb", "--format", "csv"], "lies in the warehouse"),
        ("SELECT 1", ["--format", "parquet"], "--output"),
        ("SELECT INTERVAL 1 DAY AS i", ["--output", "{folder}/x.parquet"], "Parquet cannot hold it"),
        ("SELECT error('half-way') FROM range(3)", ["--output", "{folder}/x.csv"], "half-way"),
    ],
)
def test_no_file_is_left_where_it_cannot_be_written(
    database: Path, tmp_path: Path, query: str, options: list[str], words: str
) -> None:
    before = database.read_bytes()
    done = RUN.invoke(app, ["sql", query, *(option.format(folder=tmp_path) for option in options)])
    assert done.exit_code == 1
    assert words in done.stderr
    assert database.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["warehouse"]


def test_the_shell_writes_the_next_result_into_a_file(
    database: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shell = Shell(database, "csv")
    rest = shell.run(f".output '{tmp_path}/a b.csv'\nSELECT 1 AS a; SELECT 2 AS b; SELECT")
    assert rest == "SELECT"
    assert (tmp_path / "a b.csv").read_text() == "a\n1\n"
    assert capsys.readouterr().out == "b\n2\n"


@pytest.mark.parametrize(
    ("command", "words"),
    [(".table", "did you mean '.tables'"), (".mode xml", "table, csv, json"), (".schema loses", "mean 'losses'")],
)
def test_a_command_that_is_wrong_says_what_is_right(database: Path, command: str, words: str) -> None:
    with pytest.raises(SelfspecError, match=words):
        Shell(database).run(command)


def test_schema_and_tables_say_what_things_are(database: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Shell(database).run(".tables\n.schema losses")
    shown = capsys.readouterr().out
    assert "Optimiser" not in shown
    assert any(line.split()[:2] == ["losses", "3"] for line in shown.splitlines())
    assert any(line.split()[:2] == ["yields", "view"] for line in shown.splitlines())
    assert any(line.split()[:2] == ["learning_rate", "DOUBLE"] for line in shown.splitlines())


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("FORM losses", "did you mean FROM instead of FORM?"),
        ("SELECT * FROM losses ORDR BY step", "did you mean ORDER instead of ORDR?"),
        ("FROM loses", "did you mean 'losses'?"),
        ("SELECT learning_rat FROM losses", "did you mean 'learning_rate'?"),
    ],
)
def test_an_error_has_a_caret_and_a_hint(database: Path, sql: str, words: str) -> None:
    done = RUN.invoke(app, ["sql", sql])
    lines = done.stderr.splitlines()
    place = next(number for number, line in enumerate(lines) if line.startswith("LINE 1: "))
    assert lines[place + 1].strip(" ^") == ""
    assert "^" in lines[place + 1]
    assert words in done.stderr
    assert "pg_" not in done.stderr


def test_an_empty_table_names_the_command_that_fills_it(database: Path) -> None:
    said = RUN.invoke(app, ["sql", "SELECT count(*) FROM predictions"]).stderr
    assert said == "note: predictions is empty so far; the step predictions fills it: selfspec run quickstart\n"
    assert "reference_supervised" in RUN.invoke(app, ["sql", "FROM training_items"]).stderr
    assert "in recipes with scores.further_models" in RUN.invoke(app, ["sql", "FROM further_lift"]).stderr
    assert RUN.invoke(app, ["sql", "FROM losses"]).stderr == ""


def test_steps_fill_the_tables_that_the_notes_say() -> None:
    steps = every_step()
    assert {table for step in steps.values() for table in (row.table for row in step.tables)} == FILLED_BY.keys()
    for table, name in FILLED_BY.items():
        assert table in {row.table for row in steps[name].tables}
    for name, recipe in RECIPE_WITH.items():
        assert name in {step.name for step in flow(load_recipe(recipe).recipe)}


def test_arrow_reads_nothing_from_outside(database: Path, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("a\nsecret\n")
    local = pyarrow.table({"a": ["secret"]})
    assert local.num_rows
    for sql in ("FROM local", f"FROM '{tmp_path}/x.csv'", f"COPY losses TO '{tmp_path}/y.csv'", "DROP TABLE losses"):
        with pytest.raises(SelfspecError), reading_batches(database, sql) as (_, batches):
            list(batches)
    assert not (tmp_path / "y.csv").exists()


def test_all_of_response_tokens_fits_eighty_columns(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    heads = ["recipe", "domain", "iteration", "instruction_id", "position", "token_id", "token", "posterior"]
    heads += ["top_passage_token_id", "marginal_token_id"]
    rows = [
        ("quickstart", "sports", 1, n, n, 2037, f" word{n}", [0.571757972240448, 0.428], 13246, 13246) for n in (1, 2)
    ]
    sql_print.print_table(heads, rows)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert "word1" in "".join(lines)
    assert "[0.571" in "".join(lines)
    assert not any("…┃" in line and line.count("┃") < 9 for line in lines), "no column is left out"
    assert lines[-2:] == ["2 rows", "in each row shown: recipe quickstart, domain sports, iteration 1"]


def completions(columns: dict[str, list[str]], text: str) -> list[str]:
    found = SqlCompleter(columns).get_completions(Document(text), CompleteEvent(completion_requested=True))
    return [one.text for one in found]


def test_completion_knows_tables_columns_and_aliases(database: Path) -> None:
    columns = catalogue_of(database)
    assert completions(columns, "SELECT * FROM los") == ["losses"]
    assert completions(columns, "FROM losses SELECT learn") == ["learning_rate"]
    assert "learning_rate" not in completions(columns, "FROM runs SELECT learn")
    cursor_in_the_middle = Document("SELECT l.le FROM losses l", len("SELECT l.le"))
    (alias,) = SqlCompleter(columns).get_completions(cursor_in_the_middle, CompleteEvent())
    assert alias.text == "learning_rate"
    assert completions(columns, ".sch") == [".schema"]
    assert completions(columns, ".schema los") == ["losses"]


def test_a_pager_that_is_left_stops_the_query(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAGER", f"{sys.executable} -c 'import sys; sys.stdin.readline()'")

    class Terminal(io.StringIO):
        encoding = "utf-8"  # type: ignore[assignment]

        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdout", Terminal())
    written = 0
    with pager.paged():
        while written < 10**7:
            written += sys.stdout.write("line\n" * 100)
    assert 0 < written < 10**7


def test_the_prompt_on_a_terminal(database: Path, tmp_path: Path) -> None:
    """Typed as a person does: a statement in two lines, a mistake, an endless query that Ctrl-C stops, .quit."""
    master, slave = pty.openpty()
    environment = {
        **os.environ,
        "TERM": "xterm",
        "PROMPT_TOOLKIT_NO_CPR": "1",
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "PAGER": "cat",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "selfspec_assets", "sql"],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env=environment,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    os.close(slave)
    seen = ""

    def until(words: str) -> None:
        nonlocal seen
        seen, end = "", time.monotonic() + 120
        while words not in seen:
            assert time.monotonic() < end, seen
            if select.select([master], [], [], 1)[0]:
                seen += os.read(master, 65536).decode(errors="replace")

    def types(text: str) -> None:
        os.write(master, text.encode())

    until("selfspec>")
    types("SELECT count(*) AS n\r")
    until("...>")
    types("FROM losses;\r")
    until("1 row")
    types("FORM losses;\r")
    until("did you mean FROM")
    types("SELECT sum(x.range * y.range) FROM range(1000000) x, range(100000000) y;\r")
    until("y;")
    time.sleep(2)
    os.kill(process.pid, signal.SIGINT)
    until("stopped")
    types(".quit\r")
    assert process.wait(60) == 0
    os.close(master)
    history = (tmp_path / "state" / "selfspec" / "sql_history").read_text()
    assert "+FORM losses;" in history
