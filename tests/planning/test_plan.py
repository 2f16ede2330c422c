"""``selfspec plan`` on a real project whose first iteration is made, then changed, broken off or damaged."""

import json
import shutil
from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import CliRunner

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.cli.app import app
from selfspec_assets.models.language_model import LanguageModel
from selfspec_assets.planning.costs import PastRuns
from selfspec_assets.planning.plan import plan, totals
from selfspec_assets.recipe.recipe import EXCLUDED, load_recipe
from selfspec_assets.steps import responses as responses_asset
from selfspec_assets.steps.job import Job
from selfspec_assets.steps.lineage import Lineage
from selfspec_assets.warehouse import Attempts
from selfspec_assets.warehouse.rows import ResponseRow
from tests.conftest import Project
from tests.making import make
from tests.planning.plans import FIRST, planned, run, states, to_make, warehouse

RUN = CliRunner()


# --- one iteration made


def test_what_is_made_is_reused_and_the_rest_is_estimated_from_it(begun: Project) -> None:
    rows = planned()
    assert [place for place, row in rows.items() if row.state == "reuse"] == FIRST
    later = {step: row.estimate for (part, step), row in rows.items() if part == "botany|2"}
    assert all(
        estimate is not None and estimate.cost is not None and estimate.source != "" for estimate in later.values()
    )
    sums = totals(list(rows.values()))
    assert (sums.reuse, sums.make, sums.blocked, sums.unknown) == (12, 6, 0, 0)
    assert sums.cost.bytes > 0
    assert sums.cost.seconds > 0
    answers = later["responses"]
    assert answers is not None
    assert answers.cost is not None
    past = PastRuns(warehouse()).best(Lineage(load_recipe("tiny")), "responses", "botany", 2)
    assert past is not None
    # As many answers (but a few questions found less than k passages), two models at a time.
    assert answers.cost.input_tokens == pytest.approx(past.cost.input_tokens, rel=0.25)
    assert answers.cost.seconds == pytest.approx(2 * past.cost.seconds, rel=0.25)
    assert answers.cost.seconds / past.cost.seconds >= 1.99


def test_every_excluded_field_together_reuses_everything(begun: Project) -> None:
    for field in EXCLUDED - {"automation", "execution.engine"}:
        section, key = field.split(".")
        share = field == "responses.min_kept" or section == "checks"
        begun.recipe.setdefault(section, {})[key] = 0.02 if share else 2
    begun.recipe["automation"] = True
    begun.recipe["execution"]["engine"] = "ray"
    begun.save()
    rows = planned()
    assert [place for place, row in rows.items() if row.state == "reuse"] == FIRST


PREDICTED = "follows predictions"
BOTH_PREDICTED = "follows base_predictions, predictions"
# change -> where it shows, how, and what the last step says
CHANGES: dict[str, tuple[Callable[[Project], object], tuple[str, str], str, tuple[str, ...]]] = {
    "value": (
        lambda p: p.recipe["responses"].update(max_new_tokens=9),
        ("botany|1", "responses"),
        "responses.max_new_tokens: 16 → 9",
        (PREDICTED,),
    ),
    "default value": (
        lambda p: p.recipe["adapter"].update(dropout=0.5),
        ("botany|1", "adapter"),
        "adapter.dropout: 0.0 → 0.5",
        (PREDICTED,),
    ),
    "list": (
        lambda p: p.recipe["scores"].update(shots=[0]),
        ("botany", "base_predictions"),
        "scores.shots: [0, 2] → [0]",
        (BOTH_PREDICTED,),
    ),
    "seed": (
        lambda p: p.recipe.update(seed=4),
        ("botany|1", "instructions"),
        "seed: 3 → 4",
        ("seed: 3 → 4", BOTH_PREDICTED),
    ),
    "precision": (
        lambda p: p.recipe["base_model"].update(dtype="bfloat16"),
        ("botany|1", "instructions"),
        "base_model.dtype: auto → bfloat16",
        (BOTH_PREDICTED,),
    ),
    "seed file": (
        lambda p: append(p, "seeds/botany.jsonl"),
        ("botany", "seeds"),
        "seeds/botany.jsonl changed",
        (BOTH_PREDICTED,),
    ),
    "template": (
        lambda p: append(p, "domains/botany/answer.j2"),
        ("botany|1", "responses"),
        "domains/botany/answer.j2 changed",
        (PREDICTED,),
    ),
    "banned words": (
        lambda p: p.pack.update(banned_words=["snapshot"]),
        ("botany|1", "instructions"),
        "domains/botany/domain.yaml changed (banned_words)",
        (PREDICTED,),
    ),
    "declaration": (
        lambda p: p.pack["published"]["benchmarks"][0].update(instruction="Say the colour."),
        ("botany", "benchmarks"),
        "domains/botany/domain.yaml changed (benchmark colours)",
        ("follows base_predictions, benchmarks, predictions",),
    ),
}


def append(project: Project, name: str) -> None:
    """One more row, or one more sentence."""
    path = project.folder / name
    text = path.read_text()
    row = text.splitlines()[0].replace('"s0"', '"s99"')
    path.write_text(f"{text}{row if name.endswith('jsonl') else 'And?'}\n")


@pytest.mark.parametrize("case", CHANGES)
def test_a_changed_step_says_what_changed_and_those_behind_it_what_they_follow(begun: Project, case: str) -> None:
    change, place, words, last = CHANGES[case]
    change(begun)
    begun.save()
    rows = planned()
    assert rows[place].state == "make"
    assert words in rows[place].why
    assert rows["botany|1", "scores"].why == last
    assert {row.why for (part, _), row in rows.items() if part == "botany|2"} == {("nothing made yet",)}


def test_a_changed_code_version_is_named(begun: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    from selfspec_assets.steps.adapter import Adapter

    monkeypatch.setattr(Adapter, "code_version", "99")
    row = planned()["botany|1", "adapter"]
    assert row.why[0].startswith("code of adapter: version ")
    assert row.why[0].endswith("→ 99")


def test_what_changed_upstream_and_is_made_again_already_is_still_told(begun: Project) -> None:
    """Only ``seeds`` is made under the new file: the steps behind it say what changed in it."""
    append(begun, "seeds/botany.jsonl")
    named = load_recipe("tiny")
    from selfspec_assets.steps.job import Job
    from selfspec_assets.steps.seeds import Seeds

    store = warehouse()
    lineage = Lineage(named)
    before = store.current(lineage.key("seeds", "botany", 0))
    assert before is not None
    outcome = Seeds().make(Job(lineage, "seeds", "botany", 0, lambda line: None))
    signature = lineage.signature("seeds", "botany", 0)
    signed = lineage.signed("seeds", "botany", 0)
    try:
        store.commit(lineage.key("seeds", "botany", 0), signature, outcome.tables, signed=signed)
        rows = planned()
        assert rows["botany", "seeds"].state == "reuse"
        assert rows["botany", "base_predictions"].why == ("seeds: seeds/botany.jsonl changed",)
    finally:
        store.reuse(lineage.key("seeds", "botany", 0), before)
        shutil.rmtree(store.root / "revisions" / signature)


def test_recipes_that_share_a_prefix_share_revisions(begun: Project) -> None:
    recipe = {**begun.recipe, "adapter": {**begun.recipe["adapter"], "epochs": 2}, "iterations": 1}
    other = begun.folder / "recipes" / "other.yaml"
    try:
        for name in ("other", "third"):
            other.with_name(f"{name}.yaml").write_text(json.dumps(recipe))
        rows = planned("other")
        assert [step for _, step in to_make(rows)] == ["adapter", "predictions", "scores"]
        assert {row.why for row in rows.values() if row.state == "reuse"} == {
            ("made before, for other settings or another recipe",)
        }
        assert {row.why for row in rows.values() if row.state == "make"} == {("nothing made yet",)}
        # What two recipes of one plan share is made once, and counted once.
        both = plan([(load_recipe(name), ["botany"]) for name in ("other", "third")], warehouse())
        assert totals(both).make == 3
        assert [row.why for row in both if row.recipe == "third" and row.step == "adapter"] == [
            ("made for other first",)
        ]
    finally:
        for name in ("other", "third"):
            other.with_name(f"{name}.yaml").unlink()


def test_the_table_fits_and_the_json_holds_all(begun: Project) -> None:
    begun.recipe["responses"]["max_new_tokens"] = 9
    begun.save()
    done = RUN.invoke(app, ["plan", "tiny", "--domain", "botany"])
    assert done.exit_code == 0
    assert max(map(len, done.stdout.splitlines())) <= 100
    assert "responses.max_new_tokens: 16 → 9" in done.stdout
    assert "8 steps to reuse, 10 to make, 0 blocked" in done.stdout
    value = json.loads(RUN.invoke(app, ["plan", "tiny", "--json"]).stdout)
    assert value["totals"]["make"] == 10
    assert [step["state"] for step in value["steps"]].count("reuse") == 8
    estimate = next(step["estimate"] for step in value["steps"] if step["state"] == "make")
    assert set(estimate) == {"unit", "total", "at_most", "made", "cost", "source"}
    assert set(estimate["cost"]) == {"input_tokens", "output_tokens", "seconds", "bytes"}
    assert RUN.invoke(app, ["plan", "tiny", "--domain", "zoology"]).exit_code == 1


def test_another_models_runs_tell_nothing(begun: Project) -> None:
    begun.recipe["base_model"]["dtype"] = "bfloat16"
    begun.save()
    rows = planned()
    known = {step for (_, step), row in rows.items() if row.estimate is not None and row.estimate.cost is not None}
    assert known == {"base_scores", "passages", "scores"}


# --- half made, deleted, damaged


def test_a_step_that_failed_says_how_and_blocks_what_needs_it(begun: Project) -> None:
    begun.recipe["instructions"].update(temperature=0.9, target=60, min_kept=50, max_requests=4)
    begun.save()
    with pytest.raises(SelfspecError):
        run()
    rows = planned()
    failed = rows["botany|1", "instructions"]
    assert failed.state == "make"
    assert "its last attempt failed" in failed.why[0]
    assert "instructions.min_kept" in failed.why[0]
    assert failed.estimate is not None
    assert failed.estimate.made == 4  # requests that are there already
    assert rows["botany|1", "passages"].state == "blocked"
    assert rows["botany|1", "passages"].why == ("by instructions, which failed",)
    begun.recipe["instructions"]["max_requests"] = 5  # another signature: nothing is known against it
    begun.save()
    rows = planned()
    again = rows["botany|1", "instructions"]
    assert not any("failed" in reason for reason in again.why)
    assert "instructions.max_requests: 40 → 5" in again.why
    assert again.estimate is not None
    assert again.estimate.made == 4
    assert rows["botany|1", "passages"].state == "make"


def test_a_half_made_step_counts_what_is_there(begun: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    begun.recipe["responses"].update(max_new_tokens=12, batch_size=4)
    begun.save()
    real, calls = responses_asset.answer, []

    def dies(*arguments: Any, **settings: Any) -> Any:
        if calls:
            raise SystemExit(1)  # as a kill: nothing gets to say that it failed
        calls.append(1)
        return real(*arguments, **settings)

    monkeypatch.setattr(responses_asset, "answer", dies)
    with pytest.raises(BaseException):  # noqa: B017, PT011
        run()
    rows = planned()
    row = rows["botany|1", "responses"]
    assert row.state == "make"
    assert row.estimate is not None
    whole = row.estimate.total
    assert row.estimate.made == 4
    assert rows["botany|1", "adapter"].state == "make"  # nothing failed
    printed = RUN.invoke(app, ["plan", "tiny"]).stdout
    assert f"4 of {whole} answers made" in " ".join(printed.split())
    assert row.estimate.cost is not None
    past = PastRuns(warehouse()).best(Lineage(load_recipe("tiny")), "responses", "botany", 1)
    assert past is not None
    assert row.estimate.cost.input_tokens < past.cost.input_tokens
    place = warehouse().root / "work" / Lineage(load_recipe("tiny")).signature("responses", "botany", 1)
    earlier = Attempts(place).spent()
    assert earlier > 0
    monkeypatch.setattr(responses_asset, "answer", real)
    make("responses")
    revision = warehouse().revision(Lineage(load_recipe("tiny")).signature("responses", "botany", 1))
    assert revision.run is not None
    assert revision.run.seconds >= earlier  # both attempts
    assert states(planned())["botany|1", "responses"] == "reuse"


def test_a_deleted_revision_has_to_be_made_again_alone(begun: Project) -> None:
    signature = Lineage(load_recipe("tiny")).signature("responses", "botany", 1)
    shutil.rmtree(warehouse().root / "revisions" / signature)
    rows = planned()
    assert [place for place in to_make(rows) if place[0] != "botany|2"] == [("botany|1", "responses")]
    assert rows["botany|1", "responses"].why == ("its revision was deleted",)


def test_damage_is_named_by_the_run_dropped_by_verify_and_made_again_alone(begun: Project) -> None:
    lineage, store = Lineage(load_recipe("tiny")), warehouse()
    answers, tuned = (lineage.signature(step, "botany", 1) for step in ("responses", "adapter"))
    digests = [store.revision(signature).content_digest for signature in (answers, tuned)]
    parquet = store.root / "revisions" / answers / "responses.parquet"
    weights = store.root / "revisions" / tuned / "adapter" / "adapter_model.safetensors"
    folders = [path for path in (store.root / "revisions").iterdir() if path.name not in (answers, tuned)]
    others = {path: path.stat().st_mtime_ns for path in folders}
    for path in (parquet, weights):
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
    with pytest.raises(SelfspecError) as caught:
        run(2)
    assert str(weights.parent) in str(caught.value)  # iteration 2 loads the adapter
    with pytest.raises(SelfspecError, match=r"responses\.parquet"):
        store.read(answers, ResponseRow)
    done = RUN.invoke(app, ["verify", "--drop"])
    assert done.exit_code == 0
    for path in (parquet, weights):
        assert str(path) in done.stderr
    assert [place for place in to_make(planned()) if place[0] != "botany|2"] == [
        ("botany|1", "responses"),
        ("botany|1", "adapter"),
    ]
    run()
    assert [store.revision(signature).content_digest for signature in (answers, tuned)] == digests
    assert {path: path.stat().st_mtime_ns for path in others} == others


@pytest.mark.slow
def test_the_second_iteration_costs_about_what_was_foretold(begun: Project) -> None:
    foretold = totals(list(planned().values())).cost
    before = set(warehouse().entries())
    run(2)
    runs = [warehouse().revision(entry.signature).run for entry in warehouse().entries() if entry not in before]
    read, written = (sum(getattr(one, name) for one in runs if one) for name in ("input_tokens", "output_tokens"))
    assert foretold.input_tokens / 2 <= read <= foretold.input_tokens * 2
    assert foretold.output_tokens / 2 <= written <= foretold.output_tokens * 2


def test_a_sample_tells_what_no_past_run_does(project: Project) -> None:
    from selfspec_assets.planning.sample import Sampler

    named, lines = load_recipe("tiny"), list[str]()
    Job(Lineage(named), "responses", "botany", 1, print).release_model()  # of another test
    rows = plan([(named, ["botany"])], warehouse(), Sampler(lines.append))
    known = {row.step: row.estimate.cost for row in rows if row.estimate is not None and row.estimate.cost is not None}
    assert set(known) == {"instructions", "responses", "adapter", "base_predictions", "predictions"}
    assert all(cost.seconds > 0 and cost.input_tokens > 0 and cost.bytes > 0 for cost in known.values())
    assert sum("loading" in line for line in lines) == 2, "before tuning, which loads its own, and after it"
    assert not (project.folder / "warehouse").exists()


@pytest.mark.parametrize("step", ["instructions", "responses", "base_predictions", "predictions"])
def test_a_sample_runs_the_steps_own_code(project: Project, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    from selfspec_assets.planning.sample import Sampler

    def make(step: object, job: Job) -> None:
        raise SelfspecError(job.name, "the step's own code", "none")

    lineage = Lineage(load_recipe("tiny"))
    monkeypatch.setattr(type(lineage.step(step)), "make", make)
    with pytest.raises(SelfspecError, match="the step's own code"):
        Sampler(lambda line: None).of(lineage, step, "botany")


def test_a_reused_model_is_not_loaded(begun: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(spec: object) -> LanguageModel:
        raise AssertionError("a model was loaded")

    monkeypatch.setattr(LanguageModel, "load", refuse)
    assert planned()
