"""The step ``passages``: a corpus in which questions find nothing is told of, and refused where none finds anything."""

from types import SimpleNamespace
from typing import Any

import dagster as dg
import duckdb
import pytest

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.orchestration.partitions import asset_key
from selfspec_assets.recipe.recipe import load_recipe
from selfspec_assets.steps.passages import Passages
from selfspec_assets.warehouse.rows import PassageRow, RetrievalRow
from tests.conftest import Project, corpus_rows, write_lines
from tests.making import make


def passages_of(project: Project, corpus: list[dict[str, Any]], **passages: object) -> list[str]:
    write_lines(project.folder / "data" / "corpus.jsonl", corpus)
    project.recipe["passages"] = {"k": 3, **passages}
    project.save()
    return make("corpus", *(["index"] if project.recipe["passages"]["k"] else []), "passages")


def hits(project: Project) -> list[int]:
    with duckdb.connect(str(project.database), read_only=True) as connection:
        return [row[0] for row in connection.execute("SELECT hits FROM retrievals").fetchall()]


def check_of(name: str) -> dg.AssetCheckEvaluation:
    key = dg.AssetCheckKey(asset_key(load_recipe("tiny"), "passages"), name)
    with dg.DagsterInstance.get() as instance:
        (record,) = instance.event_log_storage.get_asset_check_execution_history(key, limit=1)
    assert record.event is not None
    assert record.event.dagster_event is not None
    return record.event.dagster_event.asset_check_evaluation_data


UNIFORM = [{"id": f"u{i}", "text": f"The plant {'is brown ' * (i + 1)}."} for i in range(4)]


def test_words_of_every_document_find_passages_unless_the_recipe_asks_for_rank_bm25s_idf(begun: Project) -> None:
    with pytest.raises(SelfspecError) as caught:
        passages_of(begun, UNIFORM, options={"idf": "okapi"})
    assert caught.value.place.endswith("tiny.yaml: passages botany|1")
    assert "no passage was found for any of the" in caught.value.reason
    assert caught.value.remedy.startswith("set passages.options.idf: lucene")
    passages_of(begun, UNIFORM)
    assert any(hits(begun))


def test_many_questions_without_a_passage_are_a_warning_with_the_figure(begun: Project) -> None:
    warned = passages_of(begun, [{"id": "one", "text": "Moss, fern, thistle, moss, fern."}])
    counts = hits(begun)
    without = counts.count(0)
    assert len(counts) * 0.05 < without < len(counts)
    told = f"passages botany|1: WARNING: {without} of {len(counts)} questions have no passage"
    assert any(line.endswith(told) for line in warned), warned
    check = check_of("passages_found")
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.WARN)


@pytest.mark.parametrize(("without", "k", "passed"), [(0, 3, True), (1, 3, True), (2, 3, False), (20, 0, True)])
def test_one_question_in_twenty_may_find_nothing(project: Project, without: int, k: int, passed: bool) -> None:
    project.recipe["passages"] = {"k": k}
    project.save()
    job: Any = SimpleNamespace(recipe=load_recipe("tiny").recipe, iteration=1, read=lambda *_: [])
    rows = [RetrievalRow(n, "a question", 0 if n < without else 3, 1.0) for n in range(20)]
    check = next(rule for rule in Passages().check(job, {RetrievalRow: rows, PassageRow: []}) if rule.warns)
    assert (check.passed, check.detail) == (passed, f"{without} of 20 questions have no passage")


def test_a_corpus_of_another_language_is_refused_and_no_passages_may_be_wanted(begun: Project) -> None:
    with pytest.raises(SelfspecError) as caught:
        passages_of(begun, [{"id": "ja", "text": "苔は緑色です。"}])
    assert "or set passages.k: 0" in caught.value.remedy
    assert not any("WARNING" in line for line in passages_of(begun, corpus_rows(), k=0))
    assert set(hits(begun)) == {0}
