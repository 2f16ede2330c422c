"""The whole lineage on a tiny random model, in a real Dagster instance, with a real DuckDB."""

import json
import shutil
import threading
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.models.language_model import LanguageModel
from selfspec_assets.orchestration.partitions import asset_key
from selfspec_assets.orchestration.runner import run_recipe
from selfspec_assets.recipe.recipe import load_recipe
from selfspec_assets.warehouse.rows import (
    BenchmarkRemarkRow,
    CorpusDropRow,
    TooLongRow,
    TrainingItemRow,
    TrainingRemarkRow,
    VerdictRow,
)
from selfspec_assets.warehouse.score_rows import BaselineRow, FurtherLiftRow, FurtherModelRow
from selfspec_assets.warehouse.tables import ROW_TYPES
from tests.conftest import Project

# Only a supervised recipe has the first two (tests/steps/test_reference.py), only a corpus that repeats itself the next
# (tests/steps/test_corpus.py), only a benchmark that declares a metric the fourth
# (tests/reports/scores/test_score_table.py), only one with doubtful items the fifth
# (tests/packs/test_scored_benchmarks.py), only a recipe with a judge the next (tests/test_plugins.py), only one with
# further models the last two (tests/steps/test_further_models.py).
NOT_HERE = {
    TrainingItemRow,
    TrainingRemarkRow,
    CorpusDropRow,
    BaselineRow,
    BenchmarkRemarkRow,
    TooLongRow,
    VerdictRow,
    FurtherModelRow,
    FurtherLiftRow,
}


def run(iterations: int = 2) -> list[str]:
    lines: list[str] = []
    run_recipe(load_recipe("tiny"), ["botany"], iterations, lines.append)
    return lines


def ask(project: Project, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(project.database), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def test_every_table_is_there_and_filled(finished: Project) -> None:
    for row_type in set(ROW_TYPES) - NOT_HERE:
        count = ask(finished, f"SELECT count(*) FROM {row_type.table}")[0][0]
        assert count > 0, row_type.table


def test_rows_reconcile(finished: Project) -> None:
    kept = dict(ask(finished, "SELECT iteration, count(*) FROM instructions WHERE kept GROUP BY ALL"))
    asked = dict(ask(finished, "SELECT iteration, count(*) FROM responses GROUP BY ALL"))
    queried = dict(ask(finished, "SELECT iteration, count(*) FROM retrievals GROUP BY ALL"))
    assert kept == asked == queried
    assert set(kept) == {1, 2, 3}
    assert ask(finished, "SELECT count(*) FROM instructions WHERE kept = (reason IS NOT NULL)") == [(0,)]
    assert ask(finished, "SELECT count(*) FROM responses WHERE (verdict = 'kept') = (reason IS NOT NULL)") == [(0,)]
    # 4 items × 2 numbers of shots × (2 base prompts, or the adapter's one)
    counts = ask(finished, "SELECT iteration, count(*) FROM predictions GROUP BY ALL ORDER BY 1")
    assert counts == [(0, 16), (1, 8), (2, 8), (3, 8)]


def test_each_iteration_is_written_by_the_last_adapter_against_its_ancestor(finished: Project) -> None:
    adapters = dict(ask(finished, "SELECT iteration, adapter_digest FROM adapters"))
    assert len(set(adapters.values())) == 3
    pairs = ask(finished, "SELECT DISTINCT iteration, adapter_digest, weaker_adapter_digest FROM responses ORDER BY 1")
    assert pairs == [(1, None, None), (2, adapters[1], None), (3, adapters[2], adapters[1])]
    writers = ask(finished, "SELECT DISTINCT iteration, adapter_digest FROM instruction_requests ORDER BY 1")
    assert writers == [(1, None), (2, adapters[1]), (3, adapters[2])]
    judged = ask(finished, "SELECT DISTINCT iteration, adapter_digest FROM predictions ORDER BY 1")
    assert judged == [(0, None), (1, adapters[1]), (2, adapters[2]), (3, adapters[3])]


def test_both_mechanisms_are_at_work(finished: Project) -> None:
    shares = ask(
        finished,
        "SELECT iteration, sum(marginal_changed), sum(contrast_changed) FROM responses GROUP BY ALL ORDER BY 1",
    )
    assert [row[0] for row in shares] == [1, 2, 3]
    assert all(row[1] > 0 for row in shares)
    assert shares[0][2] == 0
    assert all(row[2] > 0 for row in shares[1:])


def test_sql_walks_from_an_answer_to_everything_behind_it(finished: Project) -> None:
    rows = ask(
        finished,
        """
        SELECT r.response, p.title, p.p_ret, s.output, r.prompt_digest, r.model_digest, a.path
        FROM responses r
        JOIN passages p USING (recipe, domain, iteration, instruction_id)
        JOIN instructions i USING (recipe, domain, iteration, instruction_id)
        JOIN instruction_requests q USING (recipe, domain, iteration, request)
        JOIN seeds s ON s.recipe = q.recipe AND s.domain = q.domain AND list_contains(q.seed_ids, s.seed_id)
        JOIN adapters a ON a.adapter_digest = r.adapter_digest
        WHERE r.iteration = 2 AND r.verdict = 'kept'""",
    )
    assert rows
    assert all(value is not None for row in rows for value in row)


def test_attribution_sums_to_one_and_stands_for_every_token(finished: Project) -> None:
    worst, count = ask(finished, "SELECT max(abs(list_sum(posterior) - 1)), count(*) FROM response_tokens")[0]
    assert worst < 1e-4
    assert ask(finished, "SELECT sum(tokens) FROM responses") == [(count,)]


def test_the_adapter_loads_with_plain_peft_and_changes_the_logits(finished: Project) -> None:
    import torch
    from peft import AutoPeftModelForCausalLM, PeftModel
    from transformers import AutoModelForCausalLM

    folder = finished.folder / "warehouse" / ask(finished, "SELECT path FROM adapters WHERE iteration = 3")[0][0]
    base = AutoModelForCausalLM.from_pretrained(finished.folder / "model")
    ids = torch.tensor([[5, 6, 7, 8]])
    with torch.no_grad():
        before = base(ids).logits.clone()
        tuned = PeftModel.from_pretrained(base, folder)
        after = tuned(ids).logits
        by_itself = AutoPeftModelForCausalLM.from_pretrained(folder)(ids).logits
    assert (after - before).abs().max() > 1e-3
    assert torch.equal(after, by_itself)
    recorded = json.loads((folder / "adapter_config.json").read_text())
    assert Path(recorded["base_model_name_or_path"]).is_dir()


def test_dagster_knows_what_was_made(finished: Project) -> None:
    with dg.DagsterInstance.get() as instance:
        named = load_recipe("tiny")
        for name in ("instructions", "scores", "published_adapters"):
            partitions = instance.get_materialized_partitions(asset_key(named, name))
            assert partitions == {"botany|1", "botany|2", "botany|3"}
        event = instance.get_latest_materialization_event(asset_key(named, "responses"))
        assert event is not None
        assert event.asset_materialization is not None
        metadata = event.asset_materialization.metadata
        assert "preview/responses" in metadata
        assert metadata["rows/responses"].value > 0
        signature = (event.asset_materialization.tags or {})["dagster/data_version"]
        assert metadata["revision"].value == signature


def test_a_second_run_computes_nothing(finished: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    before = ask(finished, "SELECT * FROM revisions ORDER BY ALL")

    def refuse(spec: object) -> LanguageModel:
        raise AssertionError("a model was loaded")

    monkeypatch.setattr(LanguageModel, "load", refuse)
    lines = run(3)
    assert all(line.endswith("up to date") for line in lines)
    assert ask(finished, "SELECT * FROM revisions ORDER BY ALL") == before


def test_a_changed_value_remakes_its_step_and_what_follows(begun: Project) -> None:
    before = dict(ask(begun, "SELECT step, signature FROM revisions"))
    begun.recipe["responses"]["max_new_tokens"] = 9
    begun.save()
    lines = run(1)
    after = dict(ask(begun, "SELECT step, signature FROM revisions"))
    changed = {step for step, signature in after.items() if before[step] != signature}
    assert changed == {"responses", "adapter", "predictions", "scores"}
    assert "tiny botany: up to date" in lines
    assert "tiny botany|1: making responses, adapter, predictions, scores" in lines


def test_the_database_answers_while_a_run_is_going(project: Project) -> None:
    seen: set[int] = set()
    stop = threading.Event()
    errors: list[Exception] = []

    def read() -> None:
        while not stop.wait(0.05):
            try:
                if project.database.exists():
                    seen.add(ask(project, "SELECT count(*) FROM runs")[0][0])
            except Exception as error:
                errors.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        run(1)
    finally:
        stop.set()
        reader.join()
    assert not errors
    assert len(seen) > 3, seen


def test_iteration_two_without_one_names_the_partition_and_the_command(begun: Project) -> None:
    from selfspec_assets.orchestration.builder import definitions_of
    from selfspec_assets.orchestration.partitions import partition_key

    named = load_recipe("tiny")
    shutil.rmtree(begun.folder / "warehouse" / "manifest" / "tiny" / "adapter")
    job = definitions_of([named]).resolve_implicit_global_asset_job_def()
    with dg.DagsterInstance.get() as instance, pytest.raises(dg.Failure) as caught:
        job.execute_in_process(
            instance=instance,
            partition_key=partition_key("botany", 2),
            asset_selection=[asset_key(named, "instructions")],
        )
    assert "it needs adapter of botany|1, which has not been made" in str(caught.value)
    assert caught.value.metadata["remedy"].value == "selfspec run tiny --domain botany --iterations 1"


def test_too_few_instructions_is_a_named_failure_and_loses_no_request(project: Project) -> None:
    project.recipe["instructions"].update(target=60, min_kept=50, max_requests=4)
    project.save()
    with pytest.raises(SelfspecError) as caught:
        run(1)
    assert "instructions.min_kept" in caught.value.place
    assert "after 4 requests only" in caught.value.reason
    assert ask(project, "SELECT count(*) FROM instructions") == [(0,)]
    project.recipe["instructions"].update(target=6, min_kept=1)
    project.save()
    lines = run(1)
    assert any("4 of 4 were already there" in line for line in lines), lines


def test_same_instructions_variant_answers_the_first_ones_anew(begun: Project) -> None:
    begun.recipe["instructions"]["later_iterations"] = "same"
    begun.save()
    run(2)
    same = ask(
        begun,
        """SELECT count(*) FROM instructions a FULL JOIN instructions b
        ON a.instruction = b.instruction AND a.input = b.input
        WHERE a.iteration = 1 AND a.kept AND b.iteration = 2 AND b.kept AND b.made_in_iteration = 1""",
    )
    kept = ask(begun, "SELECT count(*) FROM instructions WHERE kept AND iteration = 1")
    assert same == kept
    assert ask(begun, "SELECT count(*) FROM instruction_requests WHERE iteration = 2") == [(0,)]


def test_two_recipes_share_what_they_agree_on(begun: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (begun.folder / "recipes/tiny.yaml").read_text()
    (begun.folder / "recipes/other.yaml").write_text(text)

    def refuse(spec: object) -> LanguageModel:
        raise AssertionError("a model was loaded")

    monkeypatch.setattr(LanguageModel, "load", refuse)
    run_recipe(load_recipe("other"), ["botany"], 1, lambda line: None)
    counts = ask(begun, "SELECT recipe, count(*), count(DISTINCT signature) FROM revisions GROUP BY ALL ORDER BY 1")
    assert counts[0][1:] == counts[1][1:]
    assert ask(begun, "SELECT count(DISTINCT signature) FROM revisions") == [(counts[0][1],)]
    assert len(list((begun.folder / "warehouse" / "revisions").iterdir())) == counts[0][1]
