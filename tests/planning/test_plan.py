"""``selfspec plan`` on a real project that is fresh, half made, made, changed, blocked or failed."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from typer.testing import CliRunner

from selfspec_assets.base import home
from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.cli.app import app
from selfspec_assets.models.language_model import LanguageModel
from selfspec_assets.orchestration.builder import definitions_of
from selfspec_assets.orchestration.partitions import asset_key, partition_key
from selfspec_assets.orchestration.runner import run_recipe
from selfspec_assets.planning.costs import Cost, Past, PastRuns
from selfspec_assets.planning.plan import Row, plan, totals
from selfspec_assets.recipe.recipe import EXCLUDED, load_recipe
from selfspec_assets.steps import responses as responses_asset
from selfspec_assets.steps.job import Job
from selfspec_assets.steps.lineage import Lineage, every_step
from selfspec_assets.steps.size import Size
from selfspec_assets.warehouse import Attempts, Warehouse
from selfspec_assets.warehouse.rows import ResponseRow
from tests.conftest import PACK, RECIPE, Project, make_project

RUN = CliRunner()
FIRST = [("botany", step) for step in ("seeds", "corpus", "benchmarks", "base_predictions", "base_scores")] + [
    ("botany|1", step) for step in ("instructions", "passages", "responses", "adapter", "predictions", "scores")
]


def warehouse() -> Warehouse:
    return Warehouse(home.warehouse_folder())


def planned(name: str = "tiny") -> dict[tuple[str, str], Row]:
    named = load_recipe(name)
    return {(row.partition, row.step): row for row in plan([(named, named.recipe.domains)], warehouse())}


def run(iterations: int = 1, name: str = "tiny") -> None:
    run_recipe(load_recipe(name), ["botany"], iterations, lambda line: None)


def make_alone(step: str) -> None:
    """One step of iteration 1, as the UI makes it."""
    named = load_recipe("tiny")
    job = definitions_of([named]).resolve_implicit_global_asset_job_def()
    selection, key = [asset_key(named, step)], partition_key("botany", 1)
    with dg.DagsterInstance.get() as instance:
        job.execute_in_process(instance=instance, partition_key=key, asset_selection=selection)


def states(rows: dict[tuple[str, str], Row]) -> dict[tuple[str, str], str]:
    return {place: row.state for place, row in rows.items()}


def to_make(rows: dict[tuple[str, str], Row]) -> list[tuple[str, str]]:
    return [place for place, row in rows.items() if row.state == "make"]


# --- nothing made yet


def test_a_fresh_project_has_all_to_make_and_nothing_tells_the_cost(project: Project) -> None:
    rows = planned()
    assert len(rows) == 17
    assert {row.state for row in rows.values()} == {"make"}
    assert {row.why for row in rows.values()} == {("nothing made yet",)}
    assert all(row.estimate is not None and row.estimate.cost is None for row in rows.values())
    counted = {place: row.estimate for place, row in rows.items()}
    requests, answers = counted["botany|1", "instructions"], counted["botany|1", "responses"]
    assert requests is not None
    assert (requests.total, requests.at_most, requests.unit) == (40, True, "requests")
    assert answers is not None
    assert answers.total == 16
    questions = [counted[place] for place in (("botany", "base_predictions"), ("botany|2", "predictions"))]
    assert [one.total for one in questions if one is not None] == [4 * 2 * 2, 4 * 2]  # items × shots (× base prompts)
    assert totals(list(rows.values())).unknown == 17
    assert not (project.folder / "warehouse").exists()


def test_the_command_says_so_without_loading_a_model_library(project: Project) -> None:
    code = (
        "import sys\nfrom typer.testing import CliRunner\nfrom selfspec_assets.cli.app import app\n"
        "done = CliRunner().invoke(app, ['plan', 'tiny'])\nprint(done.output)\n"
        "print([m for m in ('torch', 'transformers', 'peft', 'dagster') if m in sys.modules], done.exit_code)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    lines = done.stdout.rstrip().splitlines()
    assert lines[-1] == "[] 0"
    assert "0 steps to reuse, 17 to make, 0 blocked" in lines
    assert "17 of the steps to make have no past run: unknown; --sample tries them" in lines
    assert max(map(len, lines)) <= 100


# --- blocked

BLOCKED: dict[str, tuple[Any, tuple[str, str], str]] = {
    "no benchmark file": (
        lambda p: (p.folder / "data/colours.jsonl").unlink(),
        ("botany", "benchmarks"),
        "none of the published benchmarks is present",
    ),
    "no corpus": (lambda p: (p.folder / "data/corpus.jsonl").unlink(), ("botany", "corpus"), "corpus.jsonl"),
    "no data folder": (lambda p: (p.folder / "data").rename(p.folder / "d"), ("botany", "corpus"), "SELFSPEC_DATA"),
    "no model": (lambda p: (p.folder / "model").unlink(), ("botany", "base_predictions"), "no such model folder"),
    "bad seed": (lambda p: (p.folder / "seeds/botany.jsonl").write_text("{\n"), ("botany", "seeds"), "botany.jsonl:1"),
}


@pytest.mark.parametrize("case", BLOCKED)
def test_what_is_missing_blocks_its_step_and_what_follows(project: Project, case: str) -> None:
    damage, place, words = BLOCKED[case]
    damage(project)
    rows = planned()
    assert rows[place].state == "blocked"
    assert words in rows[place].why[0]
    assert "remedy" in rows[place].why[0]
    assert rows["botany|2", "scores"].state == "blocked"
    assert rows["botany|2", "scores"].why[0].startswith("by ")
    assert not any(row.estimate for row in rows.values() if row.state == "blocked")


def test_too_few_seeds_block_the_steps_that_show_them(project: Project) -> None:
    project.recipe["scores"]["shots"] = [0, 11]
    project.recipe["instructions"]["seeds_per_prompt"] = 12
    project.save()
    rows = planned()
    assert [place for place, row in rows.items() if row.state == "blocked" and "seeds" in row.why[0]] == [
        ("botany", "base_predictions"),
        ("botany|1", "instructions"),
    ]
    assert "10 seeds demonstrate 'colours'" in rows["botany", "base_predictions"].why[0]
    assert rows["botany|1", "passages"].why == ("by instructions",)
    assert rows["botany|2", "instructions"].why == ("by instructions of iteration 1; adapter of iteration 1",)
    assert {row.state for (part, _), row in rows.items() if part == "botany"} == {"make", "blocked"}


# --- one iteration made


@pytest.fixture(scope="module")
def one_iteration(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Iterator[Project]:
    with pytest.MonkeyPatch.context() as patch:
        made = make_project(tmp_path_factory.mktemp("plan") / "project", tiny_model, patch)
        run()
        yield made


@pytest.fixture
def made(one_iteration: Project) -> Iterator[Project]:
    """The same project; recipe, pack and seeds are put back."""
    kept = {path: path.read_bytes() for path in (one_iteration.folder / "domains").rglob("*") if path.is_file()}
    seeds = one_iteration.folder / "seeds" / "botany.jsonl"
    kept[seeds] = seeds.read_bytes()
    yield one_iteration
    one_iteration.recipe, one_iteration.pack = json.loads(json.dumps(RECIPE)), json.loads(json.dumps(PACK))
    one_iteration.save()
    for path, data in kept.items():
        path.write_bytes(data)


def test_what_is_made_is_reused_and_the_rest_is_estimated_from_it(made: Project) -> None:
    rows = planned()
    assert [place for place, row in rows.items() if row.state == "reuse"] == FIRST
    later = {step: row.estimate for (part, step), row in rows.items() if part == "botany|2"}
    assert all(one is not None and one.cost is not None and one.source != "" for one in later.values())
    sums = totals(list(rows.values()))
    assert (sums.reuse, sums.make, sums.blocked, sums.unknown) == (11, 6, 0, 0)
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


def test_every_excluded_field_together_reuses_everything(made: Project) -> None:
    for field in EXCLUDED:
        section, key = field.split(".")
        made.recipe[section][key] = 2
    made.save()
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
def test_a_changed_step_says_what_changed_and_those_behind_it_what_they_follow(made: Project, case: str) -> None:
    change, place, words, last = CHANGES[case]
    change(made)
    made.save()
    rows = planned()
    assert rows[place].state == "make"
    assert words in rows[place].why
    assert rows["botany|1", "scores"].why == last
    assert {row.why for (part, _), row in rows.items() if part == "botany|2"} == {("nothing made yet",)}


def test_a_changed_code_version_is_named(made: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    from selfspec_assets.steps.adapter import Adapter

    monkeypatch.setattr(Adapter, "code_version", "99")
    row = planned()["botany|1", "adapter"]
    assert row.why[0].startswith("code of adapter: version ")
    assert row.why[0].endswith("→ 99")


def test_what_changed_upstream_and_is_made_again_already_is_still_told(made: Project) -> None:
    """Only ``seeds`` is made under the new file: the steps behind it say what changed in it."""
    append(made, "seeds/botany.jsonl")
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


def test_recipes_that_share_a_prefix_share_revisions(made: Project) -> None:
    recipe = {**made.recipe, "adapter": {**made.recipe["adapter"], "epochs": 2}, "iterations": 1}
    other = made.folder / "recipes" / "other.yaml"
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


def test_the_table_fits_and_the_json_holds_all(made: Project) -> None:
    made.recipe["responses"]["max_new_tokens"] = 9
    made.save()
    done = RUN.invoke(app, ["plan", "tiny", "--domain", "botany"])
    assert done.exit_code == 0
    assert max(map(len, done.stdout.splitlines())) <= 100
    assert "responses.max_new_tokens: 16 → 9" in done.stdout
    assert "7 steps to reuse, 10 to make, 0 blocked" in done.stdout
    value = json.loads(RUN.invoke(app, ["plan", "tiny", "--json"]).stdout)
    assert value["totals"]["make"] == 10
    assert [step["state"] for step in value["steps"]].count("reuse") == 7
    estimate = next(step["estimate"] for step in value["steps"] if step["state"] == "make")
    assert set(estimate) == {"unit", "total", "at_most", "made", "cost", "source"}
    assert set(estimate["cost"]) == {"input_tokens", "output_tokens", "seconds", "bytes"}
    assert RUN.invoke(app, ["plan", "tiny", "--domain", "zoology"]).exit_code == 1


def test_another_models_runs_tell_nothing(made: Project) -> None:
    made.recipe["base_model"]["dtype"] = "bfloat16"
    made.save()
    rows = planned()
    known = {step for (_, step), row in rows.items() if row.estimate is not None and row.estimate.cost is not None}
    assert known == {"base_scores", "passages", "scores"}


# --- half made, deleted, damaged: each in a copy of its own


@pytest.fixture
def copied(one_iteration: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    folder = tmp_path / "copy"
    shutil.copytree(one_iteration.folder, folder, symlinks=True)
    copy = Project(folder)
    copy.enter(monkeypatch)
    return copy


def test_a_step_that_failed_says_how_and_blocks_what_needs_it(copied: Project) -> None:
    copied.recipe["instructions"].update(temperature=0.9, target=60, min_kept=50, max_requests=4)
    copied.save()
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
    copied.recipe["instructions"]["max_requests"] = 5  # another signature: nothing is known against it
    copied.save()
    rows = planned()
    again = rows["botany|1", "instructions"]
    assert not any("failed" in reason for reason in again.why)
    assert "instructions.max_requests: 40 → 5" in again.why
    assert again.estimate is not None
    assert again.estimate.made == 4
    assert rows["botany|1", "passages"].state == "make"


def test_a_half_made_step_counts_what_is_there(copied: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    copied.recipe["responses"].update(max_new_tokens=12, batch_size=4)
    copied.save()
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
    make_alone("responses")
    made = warehouse().revision(Lineage(load_recipe("tiny")).signature("responses", "botany", 1))
    assert made.run is not None
    assert made.run.seconds >= earlier  # both attempts
    assert states(planned())["botany|1", "responses"] == "reuse"


def test_a_deleted_revision_has_to_be_made_again_alone(copied: Project) -> None:
    signature = Lineage(load_recipe("tiny")).signature("responses", "botany", 1)
    shutil.rmtree(warehouse().root / "revisions" / signature)
    rows = planned()
    assert [place for place in to_make(rows) if place[0] != "botany|2"] == [("botany|1", "responses")]
    assert rows["botany|1", "responses"].why == ("its revision was deleted",)


def test_damage_is_named_by_the_run_dropped_by_verify_and_made_again_alone(copied: Project) -> None:
    lineage, store = Lineage(load_recipe("tiny")), warehouse()
    answers, tuned = (lineage.signature(step, "botany", 1) for step in ("responses", "adapter"))
    digests = [store.revision(one).content_digest for one in (answers, tuned)]
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
    assert [store.revision(one).content_digest for one in (answers, tuned)] == digests
    assert {path: path.stat().st_mtime_ns for path in others} == others


@pytest.mark.slow
def test_the_second_iteration_costs_about_what_was_foretold(copied: Project) -> None:
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


# --- sizes


def test_a_reused_model_is_not_loaded(made: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(spec: object) -> LanguageModel:
        raise AssertionError("a model was loaded")

    monkeypatch.setattr(LanguageModel, "load", refuse)
    assert planned()


def test_costs_scale_with_what_they_grow_with() -> None:
    past = Past(Size(10, 10, 20, disk=5), Cost(1000, 400, 60, 500), "a test")
    assert past.scaled(Size(20, 20, 40, disk=10)) == Cost(2000, 800, 120, 1000)
    assert past.scaled(Size(10, 20, 20, disk=5)) == Cost(2000, 400, 90, 500)
    assert past.scaled(Size(10, 10, 20, weight=2, disk=5)) == Cost(1000, 400, 120, 500)
    only_reading = Past(Size(10, 30, 0, disk=8), Cost(300, 0, 9, 800), "a test")
    assert only_reading.scaled(Size(20, 60, 0, disk=4)) == Cost(600, 0, 18, 400)


LIST = {"tasks_per_prompt": 20, "seeds_per_prompt": 3}


@pytest.mark.parametrize(
    ("step", "settings", "counts", "expected"),
    [
        (
            "instructions",
            {"instructions": {"tasks_per_prompt": 20, "seeds_per_prompt": 3}},
            {"units": 2},
            (2, 2, 34, 1),
        ),
        ("responses", {"responses": {"contrast": {"form": "none"}}}, {"units": 4, "passages": 20}, (4, 20, 4, 1)),
        ("responses", {"responses": {"contrast": {"form": "difference"}}}, {"units": 4}, (4, 4, 4, 2)),
        ("responses", {"responses": {}}, {"units": 4}, (4, 4, 4, 1)),
        ("adapter", {"adapter": {"epochs": 3, "r": 8}}, {"units": 5}, (5, 15, 0, 1)),
        ("predictions", {"scores": {"shots": [0, 1, 5]}}, {"units": 9}, (9, 27, 9, 1)),
        ("scores", {"scores": {"resamples": 100}}, {"units": 9}, (9, 900, 0, 1)),
        ("corpus", {}, {"units": 1}, (1, 1, 0, 1)),
    ],
)
def test_sizes(step: str, settings: dict[str, Any], counts: dict[str, float], expected: tuple[float, ...]) -> None:
    found = every_step()[step].size(settings, counts)
    assert (found.units, found.reading, found.writing, found.weight) == expected
