"""What a card says of scores: the rows of the database, of base and adapter alone, p-values worded as everywhere."""

from pathlib import Path

import pytest

from selfspec_assets.base.signature import text_digest
from selfspec_assets.recipe.recipe import load_recipe
from selfspec_assets.reports.exports.cards.card_facts import average_scores, score_lines
from selfspec_assets.reports.exports.tuned import find_tuned
from selfspec_assets.reports.query import query_rows
from selfspec_assets.reports.scores.p_values import p_in_words
from selfspec_assets.warehouse import StepKey, Warehouse
from selfspec_assets.warehouse.score_rows import ScoreRow
from tests.conftest import Project, copied


def stranger() -> ScoreRow:
    about = {"model": "stranger", "variant": "alpaca", "oracle": False, "shots": 0}
    return ScoreRow(
        **about, benchmark="average", metric="f1", value=99.9, low=99.0, high=100.0, n=4, left_out=0, missing=[]
    )


def test_scores_are_of_base_and_adapter_and_further_models_are_no_part_of_a_card(
    tuned_project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = copied(tuned_project, tmp_path / "project", monkeypatch)
    key = StepKey("tiny", "further_scores", "botany", 0)
    Warehouse(project.database.parent).commit(key, text_digest("further"), {ScoreRow: [stranger()]})
    tuned = find_tuned(load_recipe("tiny"), "botany", None, lambda line: None)
    lines = score_lines(tuned)
    assert not any("99.9" in line for line in lines)
    stored = query_rows(project.database, "FROM scores WHERE benchmark = 'average' AND NOT oracle")
    assert len(average_scores(tuned)) == len(stored) - 1
    lifts = query_rows(project.database, "FROM lift WHERE benchmark = 'average' AND NOT oracle")
    assert len(lifts) == sum(line.startswith("- k=") for line in lines)
    for row in lifts:
        about = f"- k={row['shots']}, {row['metric']}, base prompted {row['base_variant']}: {row['lift']:+.1f} "
        (line,) = [line for line in lines if line.startswith(about)]
        assert line.endswith(f", {p_in_words(row['p_value'])}")
