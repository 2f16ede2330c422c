"""Comments in the published database, and views: they show what belongs together, whatever was remade meanwhile."""

from typing import Any

import duckdb
import pytest

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.warehouse import StepKey, Warehouse, published, read_only_query
from selfspec_assets.warehouse.blank import TABLES
from selfspec_assets.warehouse.comments import OF_TABLE, SHARED
from selfspec_assets.warehouse.rows import ResponseRow
from selfspec_assets.warehouse.views import VIEWS
from tests.warehouse.finished_loop import (
    DOMAIN,
    RECIPE,
    Loop,
    passages,
    response,
    verdict,
)


def ask(loop: Loop, sql: str) -> list[tuple[Any, ...]]:
    return read_only_query(loop.warehouse.database, sql)[1]


def learnt(loop: Loop, iteration: int) -> list[tuple[Any, ...]]:
    where = f"recipe = '{RECIPE}' AND iteration = {iteration}"
    return ask(loop, f"SELECT source, source_iteration, row FROM training_set WHERE {where} ORDER BY ALL")


def test_every_table_view_and_column_has_a_comment_that_any_client_reads(warehouse: Warehouse) -> None:
    warehouse.publish()
    with duckdb.connect(str(warehouse.database), read_only=True) as connection:
        tables = dict(connection.execute("SELECT table_name, comment FROM duckdb_tables()").fetchall())
        views = dict(connection.execute("SELECT view_name, comment FROM duckdb_views() WHERE NOT internal").fetchall())
        columns = connection.execute(
            "SELECT table_name, column_name, comment FROM duckdb_columns() WHERE NOT internal"
        ).fetchall()
    assert tables.keys() == TABLES.keys()
    assert views.keys() == {view.name for view in VIEWS}
    for name, comment in [*tables.items(), *views.items(), *((f"{t}.{c}", comment) for t, c, comment in columns)]:
        assert comment, f"{name} has no comment: warehouse/comments.py, warehouse/views.py or the row's docstring"
        assert comment.endswith("."), name


def test_no_comment_is_of_a_column_that_is_not_there() -> None:
    for table, words in OF_TABLE.items():
        assert words.keys() <= TABLES[table].keys(), table
    used = {column for columns in TABLES.values() for column in columns}
    assert SHARED.keys() <= used


def test_a_database_of_an_earlier_version_gets_views_at_the_next_publish(loop: Loop) -> None:
    before = ask(loop, "SELECT * FROM yields ORDER BY ALL")
    with duckdb.connect(str(loop.warehouse.database)) as connection:
        for view in reversed(VIEWS):
            connection.execute(f"DROP VIEW {view.name}")
        connection.execute("COMMENT ON COLUMN runs.seconds IS NULL")
    with pytest.raises(SelfspecError, match="not in this database yet") as caught:
        ask(loop, "FROM yields")
    assert "selfspec run" in caught.value.remedy
    loop.warehouse.publish()
    assert ask(loop, "SELECT * FROM yields ORDER BY ALL") == before
    assert ask(loop, "SELECT comment FROM duckdb_columns() WHERE table_name = 'runs' AND column_name = 'seconds'") == [
        ("Wall time.",)
    ]


@pytest.mark.parametrize("change", ["DROP VIEW yields", "COMMENT ON VIEW yields IS 'other'"])
def test_one_view_that_differs_is_enough(loop: Loop, change: str) -> None:
    with duckdb.connect(str(loop.warehouse.database)) as connection:
        connection.execute(change)
    loop.warehouse.publish()
    assert ask(loop, "SELECT comment FROM duckdb_views() WHERE view_name = 'yields'")[0][0].startswith("From requests")


def test_views_and_comments_are_not_made_again_at_each_commit(loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(published, "blank_file", None)  # from here on by replacing rows, never by writing anew
    loop.make("responses", 1, [("instructions", 1), ("passages", 1)], response(0, "x"), settings="warmer")
    assert ask(loop, "SELECT response FROM responses WHERE iteration = 1 AND recipe = 'quickstart'") == [("x",)]
    assert ask(loop, "SELECT count(*) FROM yields") == [(3,)]


def test_what_an_adapter_learnt(loop: Loop) -> None:
    assert learnt(loop, 1) == [("responses", 1, 0), ("responses", 1, 3), ("seeds", 0, 0)]
    assert learnt(loop, 2) == [("responses", 1, 0), ("responses", 2, 0), ("responses", 2, 1), ("seeds", 0, 0)]
    reference = ask(loop, "SELECT benchmark, row, response FROM training_set WHERE recipe <> 'quickstart' ORDER BY ALL")
    assert reference == [("quiz", 0, "gold quiz 0"), ("quiz", 1, "gold quiz 1"), ("trivia", 0, "gold trivia 0")]
    counts = "SELECT recipe, iteration, examples FROM adapters ORDER BY ALL"
    assert ask(loop, counts) == ask(
        loop, "SELECT recipe, iteration, count(*) FROM training_set GROUP BY ALL ORDER BY ALL"
    )


def test_an_adapter_that_is_out_of_date_has_no_training_set_until_it_is_tuned_again(loop: Loop) -> None:
    loop.make("responses", 1, [("instructions", 1), ("passages", 1)], response(0, "warm"), settings="warmer")
    assert learnt(loop, 1) == []
    assert learnt(loop, 2) == [], "it was tuned on the first iteration's answers, too"
    assert ("adapter", 1, "responses", 1) in ask(
        loop, "SELECT step, iteration, input_step, input_iteration FROM made_from WHERE NOT shown"
    )
    loop.make("other_form", 1, [("responses", 1)], verdict(0))
    loop.make("adapter", 1, [("responses", 1), ("other_form", 1)])
    assert learnt(loop, 1) == [("responses", 1, 0)]


def test_verdicts_of_a_judge_that_the_adapter_did_not_read_do_not_count(loop: Loop) -> None:
    rejected = "SELECT count(*) FROM rejections WHERE step = 'other_form' AND iteration = 1"
    judged = f"SELECT judged_out_by FROM lineage WHERE recipe = '{RECIPE}' AND iteration = 1 AND instruction_id = 1"
    out = f"SELECT answers_judged_out FROM yields WHERE recipe = '{RECIPE}' AND iteration = 1"
    assert (ask(loop, rejected), ask(loop, judged), ask(loop, out)) == (
        [(1,)],
        [(["other_form: too_short"],)],
        [(1,)],
    )
    loop.make("adapter", 1, [("responses", 1)])  # the recipe no longer names the judge; its verdicts are still there
    assert ask(loop, "SELECT count(*) FROM verdicts WHERE iteration = 1") == [(3,)]
    assert learnt(loop, 1) == [("responses", 1, 0), ("responses", 1, 1), ("responses", 1, 3)]
    assert (ask(loop, rejected), ask(loop, judged), ask(loop, out)) == ([(0,)], [(None,)], [(0,)])


def test_answers_are_not_shown_with_passages_that_were_found_later(loop: Loop) -> None:
    sources = f"SELECT count(*) FROM answer_sources WHERE recipe = '{RECIPE}' AND iteration = 1"
    titles = "SELECT count(passage) FROM training_set WHERE source_iteration = 1"
    assert ask(loop, sources) == [(8,)]
    loop.make("passages", 1, [("instructions", 1)], *passages(0, 1), settings="k: 2 of another corpus")
    assert ask(loop, sources) == [(0,)]
    assert ask(loop, titles) == [(0,)]
    assert learnt(loop, 1), "what was learnt is still known"


def test_a_recipe_that_shares_a_revision_shows_it_and_pays_once(loop: Loop) -> None:
    signature = loop.signature("responses", 1)
    loop.warehouse.reuse(StepKey("ablation", "responses", DOMAIN, 1), signature)
    rows = ask(loop, f"SELECT recipe, shown_by FROM costs WHERE signature = '{signature}' ORDER BY ALL")
    assert rows == [("ablation", 2), (RECIPE, 2)]


def test_a_revision_without_its_signatures_text_is_taken_as_it_is(loop: Loop) -> None:
    key = StepKey("by_hand", "responses", DOMAIN, 1)
    loop.warehouse.commit(key, "0" * 64, {ResponseRow: [response(0, "x")]})
    assert ask(loop, "SELECT inputs FROM revisions WHERE recipe = 'by_hand'") == [(None,)]
    assert ask(loop, "SELECT count(*) FROM made_from WHERE recipe = 'by_hand'") == [(0,)]
    assert ask(loop, "SELECT asked FROM yields WHERE recipe = 'by_hand'") == [(1,)]
