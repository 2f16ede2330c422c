"""Gold answers score 100 by every metric that a benchmark has, and shuffled ones no more than chance gives them."""

import random
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from selfspec_assets.method.scoring.extra_metrics import CORPUS, ITEM
from selfspec_assets.method.scoring.metrics import METRICS
from selfspec_assets.packs.contract import Benchmark
from selfspec_assets.packs.items import load_items
from selfspec_assets.packs.pack import Pack, load_pack
from selfspec_assets.packs.records import Item
from selfspec_assets.recipe.sections import DataKind
from selfspec_assets.steps.exam import AVERAGE, Exam, baseline_rows, majority_of, score, score_rows
from selfspec_assets.warehouse.score_rows import ScoreRow
from tests.checkout import ROOT
from tests.native_samples import NATIVE
from tests.published_data import DATA, published_file

PACKS = ("biomedicine", "finance", "sports")
PRESENT = {
    "biomedicine": ("pubmedqa_long", "anatem", "ncbi_disease", "hoc"),
    "finance": ("fiqa_sa", "tatqa", "fin_ner"),
    "sports": (
        *("sports_understanding", "bbh_sports_understanding", "sentiment", "event_plausibility", "commentary_qa"),
        *("implicit_knowledge", "data_to_text", "highlights"),
    ),
}
PUBLISHED = [(domain, name) for domain, names in PRESENT.items() for name in names]
SAMPLES = [(domain, name) for domain, samples in NATIVE.items() for name in samples]
MOST = 150  # items of a published benchmark
SHUFFLED = 20
Answers = Sequence[str]


@pytest.fixture(scope="module")
def packs() -> Iterator[dict[str, Pack]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SELFSPEC_HOME", str(ROOT))
        yield {name: load_pack(name) for name in PACKS}


def benchmark(pack: Pack, kind: DataKind, name: str) -> Benchmark:
    return next(benchmark for benchmark in pack.data(kind).benchmarks if benchmark.name == name)


def published(pack: Pack, name: str, monkeypatch: pytest.MonkeyPatch) -> tuple[Benchmark, list[Item]]:
    tested = benchmark(pack, "published", name)
    for relative in () if tested.comes_with_pack else (tested.file, *tested.also):
        published_file(relative)
    monkeypatch.setenv("SELFSPEC_DATA", str(DATA))
    items = load_items(pack, tested, "published")
    return tested, random.Random(7).sample(items, min(MOST, len(items)))


def sample(pack: Pack, name: str, folder: Path) -> tuple[Benchmark, list[Item]]:
    """A small file in the benchmark's native format."""
    path, content = folder / "file", NATIVE[pack.name][name]
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    tested = benchmark(pack, "published", name)
    return tested, [record for record in pack.reader(tested)(path) if isinstance(record, Item)]


def names(tested: Benchmark) -> list[str]:
    return [use.name for use in tested.metrics]


def exam_of(tested: Benchmark, items: Sequence[Item]) -> Exam:
    golds = {(tested.name, number): item.references for number, item in enumerate(items)}
    return Exam("a domain", 0, 100, golds, {tested.name: names(tested)})


def scored(tested: Benchmark, items: Sequence[Item], answers: Answers) -> dict[str, ScoreRow]:
    """The rows of one benchmark by metric, as the pipeline makes them."""
    exam = exam_of(tested, items)
    series = score(exam, ("adapter", "alpaca", False, 0), {tested.name: dict(enumerate(answers))})
    return {row.metric: row for row in score_rows(exam, series) if row.benchmark != AVERAGE}


def golds(items: Sequence[Item]) -> list[str]:
    return [item.references[0] for item in items]


def assert_gold_is_perfect(tested: Benchmark, items: Sequence[Item]) -> None:
    rows = scored(tested, items, golds(items))
    assert {*rows} == {*METRICS, *names(tested)} - {"majority"}
    for metric, row in rows.items():
        if metric != "box_f1":
            assert (row.value, row.low, row.high) == (pytest.approx(100),) * 3, metric
    if "box_f1" in rows:  # In-BoXBART's script gives 100 to one member of a list, and less to the whole
        pieces = [text.split(", ")[0] for text in golds(items)]
        assert scored(tested, items, pieces)["box_f1"].value == pytest.approx(100)


def assert_shuffled_is_chance(tested: Benchmark, items: Sequence[Item]) -> None:
    """Each metric, over five shuffles, lies where 500 others put it, and those below what the gold order scores."""
    chosen = random.Random(5).sample(list(items), min(SHUFFLED, len(items)))
    texts = golds(chosen)
    found = [scored(tested, chosen, random.Random(seed).sample(texts, len(texts))) for seed in range(5)]
    perfect = scored(tested, chosen, texts)
    for metric in perfect:
        low, high = np.quantile(_chance(metric, chosen, texts), [0.005, 0.995])
        assert low - 1e-9 <= np.mean([rows[metric].value for rows in found]) <= high + 1e-9, metric
        assert high < perfect[metric].value, metric


def _chance(metric: str, items: Sequence[Item], texts: Answers) -> list[float]:
    """What shuffled answers score, 500 times."""
    rng, size = np.random.default_rng(3), len(items)
    references = [item.references for item in items]
    if metric in CORPUS:
        counts, value = CORPUS[metric]
        shuffles = [[texts[place] for place in rng.permutation(size)] for _ in range(500)]
        return [float(value(counts(shuffled, references).sum(axis=0))) for shuffled in shuffles]
    score_of = cache({**METRICS, **ITEM}[metric])  # labels repeat
    table = np.array([[max(score_of(text, gold) for gold in own) for text in texts] for own in references])
    return [float(table[np.arange(size), rng.permutation(size)].mean()) for _ in range(500)]


@pytest.mark.parametrize("kind", ["bundled", "starter"])
@pytest.mark.parametrize("domain", PACKS)
def test_gold_answers_in_the_pack_score_100(packs: dict[str, Pack], domain: str, kind: DataKind) -> None:
    declared = packs[domain].data(kind).benchmarks
    for benchmark in declared:
        assert_gold_is_perfect(benchmark, load_items(packs[domain], benchmark, kind))
    assert sum(bool(benchmark.metrics) for benchmark in declared) >= 6, "labels and lists have metrics of their own"


@pytest.mark.parametrize(("domain", "name"), SAMPLES)
def test_gold_answers_in_native_form_score_100(packs: dict[str, Pack], tmp_path: Path, domain: str, name: str) -> None:
    assert_gold_is_perfect(*sample(packs[domain], name, tmp_path))


@pytest.mark.parametrize(("domain", "name"), PUBLISHED)
def test_published_gold_scores_100_and_shuffled_gold_what_chance_gives(
    packs: dict[str, Pack], monkeypatch: pytest.MonkeyPatch, domain: str, name: str
) -> None:
    tested, items = published(packs[domain], name, monkeypatch)
    assert_gold_is_perfect(tested, items)
    assert_shuffled_is_chance(tested, items)


@pytest.mark.parametrize("kind", ["bundled", "starter"])
@pytest.mark.parametrize("domain", PACKS)
def test_shuffled_gold_in_the_pack_scores_what_chance_gives(
    packs: dict[str, Pack], domain: str, kind: DataKind
) -> None:
    for benchmark in packs[domain].data(kind).benchmarks:
        assert_shuffled_is_chance(benchmark, load_items(packs[domain], benchmark, kind))


@pytest.mark.parametrize("domain", PACKS)
def test_the_majority_baseline_of_the_bundled_benchmarks_is_the_best_constant(
    packs: dict[str, Pack], domain: str
) -> None:
    """Of single labels no other gold answer, given always, is right more often; macro F1 sees through all of them."""
    for benchmark in packs[domain].data("bundled").benchmarks:
        if "majority" in names(benchmark):
            items = load_items(packs[domain], benchmark, "bundled")
            exam = exam_of(benchmark, items)
            asked = score(exam, ("base", "plain", False, 0), {benchmark.name: dict.fromkeys(range(len(items)), "")})
            rows = {row.metric: row for row in baseline_rows(exam, majority_of(exam, [asked]))}
            labels = sorted(set(golds(items)))
            constants = {label: scored(benchmark, items, [label] * len(items)) for label in labels}
            assert rows["f1"].value == max(found["f1"].value for found in constants.values())
            assert rows["majority"].value == rows["f1"].value
            assert rows["macro_f1"].value < 100 / len(labels)
