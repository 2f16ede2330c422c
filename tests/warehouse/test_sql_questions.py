"""docs/sql.md: each of its questions is asked exactly as written, and its answer is the one that the loop has."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from typer.testing import CliRunner

from selfspec_assets.cli.app import app
from selfspec_assets.warehouse import Warehouse, read_only_query
from selfspec_assets.warehouse.blank import TABLES
from selfspec_assets.warehouse.views import VIEWS
from tests.checkout import ROOT
from tests.warehouse.finished_loop import DOMAIN, RECIPE, Loop

PAGE = (ROOT / "docs" / "sql.md").read_text(encoding="utf-8")
QUESTIONS = dict(re.findall(r"^### (.+?)\n.*?```sql\n(.*?)```", PAGE, re.MULTILINE | re.DOTALL))
Rows = list[tuple[Any, ...]]

ANSWERS: dict[str, Callable[[Rows], bool]] = {
    "Which model is best at each number of shots?": lambda rows: (
        rows == [(RECIPE, DOMAIN, 0, 2, "alpaca", 40.0, 38.0, 42.0)]
    ),
    # the first adapter's interval holds 0, the second's does not
    "Which gains over the base's prompts are more than chance?": lambda rows: (
        rows == [(2, "alpaca", 0, 20.0, 8.0, 40.0, 0.0625)]
    ),
    # union: the answers of both iterations, but one that was judged out and one that is too long; one seed is, too
    "What was the second adapter tuned on?": lambda rows: (
        rows == [("responses", 1, 1), ("responses", 2, 2), ("seeds", 0, 1)]
    ),
    "How do I take the training data away, for another trainer?": lambda rows: (
        sorted(rows) == [("seed 0", "", "worked 0"), ("task 0", "", "a b"), ("task 3", "", "e f")]
    ),
    "What was rejected, where and why?": lambda rows: (
        rows
        == [
            ("adapter", "too_long", 4),
            ("instructions", "not_novel", 2),
            ("other_form", "too_short", 1),
            ("responses", "prompt_too_long", 1),
            ("responses", "truncated", 1),
        ]
    ),
    "How much is left after each step?": lambda rows: rows == [(1, 5, 4, 3, 2, 3, 2), (2, 4, 3, 2, 2, 4, 2)],
    "Which answers come from another passage than the one that the retriever liked best?": lambda rows: (
        [(*row[:5], round(row[5], 6)) for row in rows] == [(1, 1, "no", "Golf", 0.3, 0.8)]
    ),
    "Which passage does each token of an answer come from?": lambda rows: (
        rows == [(0, "a", "Tennis", 0.9), (1, "b", "Golf", 0.9)]
    ),
    "At how many tokens did Eq. 2 and Eq. 3 change the choice?": lambda rows: rows == [(1, 4 / 7, 0.0), (2, 0.5, 0.0)],
    "What became of one instruction?": lambda rows: (
        rows == [("task 1", ["Tennis", "Golf"], "no", "kept", ["other_form: too_short"], None)]
    ),
    # 0 and 3 of the first iteration, 0 and 1 of the second; the odd ones were shown s1 as well
    "Which seeds lead to answers that were learnt?": lambda rows: rows == [("s0", "seed 0", 4), ("s1", "seed 1", 2)],
    "Where does the time go?": lambda rows: (
        rows[:3] == [("adapter", 41.0, 410), ("responses", 12.0, 120), ("instructions", 8.0, 80)]
    ),
    "Which questions does the last adapter answer worse than the base?": lambda rows: (
        rows == [("quiz", "q1", "question 1", 40.0, 20.0)]
    ),
    "Is a model above the baseline that always gives the commonest answer?": lambda rows: (
        rows == [(1, "alpaca", "quiz", 30.0, 25.0), (2, "alpaca", "quiz", 40.0, 25.0)]
    ),
    "What is out of date?": lambda rows: rows == [],
}


@pytest.fixture
def loop(finished_loop_to_read: Loop) -> Loop:
    return finished_loop_to_read


def test_every_question_has_an_answer_here() -> None:
    assert list(QUESTIONS) == list(ANSWERS)
    assert len(QUESTIONS) >= 12


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_answer_is_right(loop: Loop, question: str) -> None:
    _, rows = read_only_query(loop.warehouse.database, QUESTIONS[question])
    assert ANSWERS[question](rows), rows


def test_the_page_lists_every_table_and_view() -> None:
    tables, views = (re.findall(r"^\| `(\w+)` \|", part, re.MULTILINE) for part in PAGE.split("| view |"))
    assert tables == list(TABLES)
    assert views == [view.name for view in VIEWS]


def test_the_training_data_is_an_alpaca_file(loop: Loop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SELFSPEC_WAREHOUSE", str(loop.warehouse.root))
    sql = QUESTIONS["How do I take the training data away, for another trainer?"]
    done = CliRunner().invoke(app, ["sql", sql, "--output", str(tmp_path / "alpaca.json")])
    assert done.exit_code == 0
    rows = json.loads((tmp_path / "alpaca.json").read_text())
    assert [set(row) for row in rows] == [{"instruction", "input", "output"}] * 3


def test_python_reads_it_from_another_folder_after_a_move_and_while_a_step_is_committed(
    loop: Loop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(loop.warehouse.root, tmp_path / "project" / "warehouse")
    moved = tmp_path / "moved here"
    (tmp_path / "project").rename(moved)
    monkeypatch.chdir(moved)
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    names: dict[str, Any] = {}
    exec(code, names)
    assert [row[2] for row in names["rows"]] == [2, 1, 0, 0]
    assert list(names["frame"].iteration) == [2, 1, 0, 0]
    assert names["table"].column("iteration").to_pylist() == [2, 1, 0, 0]

    warehouse = Warehouse(moved / "warehouse")
    with duckdb.connect(str(warehouse.database), read_only=True) as before:
        for step, iteration in (("scores", 2), ("adapter", 2)):  # as a run that goes on does
            (warehouse.root / "manifest" / RECIPE / step / DOMAIN / f"{iteration}.json").unlink()
            warehouse.publish()
        monkeypatch.chdir(tmp_path)
        assert len(before.sql("FROM leaderboard").fetchall()) == 4, "an open handle keeps its version"
    assert len(read_only_query(warehouse.database, "FROM leaderboard")[1]) == 3
    assert read_only_query(warehouse.database, "SELECT DISTINCT recipe, iteration FROM training_set ORDER BY ALL")[
        1
    ] == [(RECIPE, 1), ("reference_supervised", 1)]


def test_polars_takes_the_arrow_table(loop: Loop) -> None:
    polars = pytest.importorskip("polars")
    with duckdb.connect(str(loop.warehouse.database), read_only=True) as connection:
        frame = polars.from_arrow(connection.sql("FROM leaderboard").to_arrow_table())
    assert frame["iteration"].to_list() == [2, 1, 0, 0]


def test_a_database_attached_under_another_name_has_its_views(loop: Loop) -> None:
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE responses (mine INTEGER)")  # must not be taken for the other
        connection.execute(f"ATTACH '{loop.warehouse.database}' AS other (READ_ONLY)")
        assert connection.execute("SELECT count(*) FROM other.training_set").fetchall() == [(10,)]


def test_older_clients_can_open_it(loop: Loop) -> None:
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{loop.warehouse.database}' AS other (READ_ONLY)")
        (tags,) = connection.execute("SELECT tags FROM duckdb_databases() WHERE database_name = 'other'").fetchone()
    assert tags["storage_version"].startswith("v1.0.0")


@pytest.mark.skipif(shutil.which("duckdb") is None, reason="DuckDB's own shell is not installed")
@pytest.mark.parametrize("view", [view.name for view in VIEWS])
def test_duckdbs_own_shell_reads_every_view(loop: Loop, view: str) -> None:
    command = ["duckdb", "-readonly", "-csv", str(loop.warehouse.database), f"SELECT count(*) FROM {view}"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert int(done.stdout.split()[-1]) > 0
