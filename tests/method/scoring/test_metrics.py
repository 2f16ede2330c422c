"""Metrics: SQuAD's and rouge_score's figures, invariants, and that intervals and p-values mean what they say."""

import itertools
import math
import random
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rouge_score import rouge_scorer

from selfspec_assets.method.scoring import metrics
from selfspec_assets.method.scoring.evaluate_metrics import evaluate_metric
from selfspec_assets.method.scoring.extra_metrics import ascii_rouge_l, squad_f1
from selfspec_assets.method.scoring.metrics import (
    bootstrap_interval,
    corpus_bootstrap,
    corpus_paired_test,
    item_scores,
    macro_bootstrap,
    macro_paired_test,
    normalise,
    paired_test,
    rouge_l,
    token_f1,
    two_level_bootstrap,
)


@pytest.mark.parametrize(("text", "normal"), [
    ("The  Quick, brown FOX!", "quick brown fox"), ("a an the", ""), ("Theatre of an ant", "theatre of ant"),
    ("IL-6", "il6"), ("it's", "its"), ("the-rapy", "therapy"), ("A\tB\nthe C", "b c"), ("α-Synuclein", "αsynuclein"),
    ("1,000.5", "10005"), ("“curly”", "curly"),
    ("patient’s", "patients"), ("东京。", "东 京"), ("DNA、RNA", "dna rna"), ("", ""), ("...", ""),
])  # fmt: skip
def test_normalisation_is_squads(text: str, normal: str) -> None:
    assert normalise(text) == normal


@pytest.mark.parametrize(("prediction", "reference", "f1"), [
    ("Denver Broncos", "The Denver Broncos", 100), ("the Broncos", "Denver Broncos", 200 / 3),
    ("Carolina", "Denver Broncos", 0), ("in the year 1066", "1066", 50),
    ("yes yes", "yes", 200 / 3), ("yes yes no", "yes yes", 80), ("yes", "Yes.", 100), ("a b c d", "d c b", 100),
    ("brain and spinal cord", "spinal cord", 200 / 3), ("", "", 100), ("", "x", 0), ("x", "", 0),
    ("the", "", 100), ("!!", "x", 0), ("a", "a b", 0),
    # A reference of which SQuAD's form leaves nothing: articles count, and if it has no letter, punctuation.
    ("A", "A", 100), ("a.", "A", 100), ("(A)", "A", 100), ("A)", "(A)", 100), ("", "A", 0), ("the", "A", 0),
    ("B", "A", 0), ("the answer is A", "A", 40), ("a", "the", 0), ("-", "+", 0), ("", "+", 0), ("+", "+", 100),
])  # fmt: skip
def test_token_f1_by_hand(prediction: str, reference: str, f1: float) -> None:
    assert token_f1(prediction, reference) == pytest.approx(f1)


def test_f1_follows_the_published_formula() -> None:
    """2PR/(P+R) with precision and recall over the overlap, as in SQuAD's script."""
    rng = random.Random(0)
    for _ in range(500):
        ours = rng.choices("bcdefgh", k=rng.randrange(1, 9))
        gold = rng.choices("bcdefgh", k=rng.randrange(1, 9))
        common = sum(min(ours.count(w), gold.count(w)) for w in set(ours))
        precision, recall = common / len(ours), common / len(gold)
        expected = 2 * precision * recall / (precision + recall) if common else 0
        assert token_f1(" ".join(ours), " ".join(gold)) == pytest.approx(100 * expected)


def test_rouge_l_is_rouge_scores_with_stemmer() -> None:
    scorer = rouge_scorer.RougeScorer(["rougeL"], use_stemmer=True)
    rng = random.Random(1)
    vocabulary = ["patients", "patient", "treated", "treating", "with", "Aspirin", "fever.", "(IL-6)"]
    for _ in range(300):
        ours, gold = (" ".join(rng.choices(vocabulary, k=rng.randrange(1, 12))) for _ in range(2))
        expected = 100 * scorer.score(gold, ours)["rougeL"].fmeasure
        assert rouge_l(ours, gold) == ascii_rouge_l(ours, gold) == expected
    assert rouge_l("patients treated", "patient treating") == 100
    assert rouge_l("the cat sat", "the cat sat on the mat") == pytest.approx(200 * 3 / 9)


@pytest.mark.parametrize(("prediction", "reference", "score"), [
    ("", "", 100), ("", "yes", 0), ("yes", "", 0), ("β", "β", 100), ("β", "γ", 0), ("维生素", "维生素。", 100),
    ("+", "", 100), ("-", "+", 0), ("", "+", 0), ("+", "+", 100), ("(A)", "A", 100), ("", "A", 0), ("the", "A", 0),
])  # fmt: skip
def test_rouge_l_where_a_side_has_no_token(prediction: str, reference: str, score: float) -> None:
    assert rouge_l(prediction, reference) == score


@pytest.mark.parametrize(("prediction", "reference", "f1", "rouge"), [
    ("α-blocker", "β-blocker", 0, 50), ("patient’s", "patient's", 100, 100), ("东京。", "东京", 100, 100),
    ("东京都", "东京", 80, 80), ("cafe\u0301", "café", 100, 100), ("हिन्दी।", "हिन्दी", 100, 100),
    ("हिन्दू", "हिन्दी", 0, 0), ("Экзамен", "экзамен.", 100, 100), ("экзамен", "ответ", 0, 0),
    ("DNAは遺伝子です", "DNAを調べた", 200 / 12, 200 / 12),
    ("«oui»", "oui", 100, 100), ("ＤＮＡ", "dna", 100, 100),
    ("5 – 6", "5–6", 0, 100), ("≥5", "≤5", 0, 100), ("DNA，RNA", "RNA", 200 / 3, 200 / 3),
])  # fmt: skip
def test_text_of_any_script(prediction: str, reference: str, f1: float, rouge: float) -> None:
    assert token_f1(prediction, reference) == pytest.approx(f1)
    assert rouge_l(prediction, reference) == pytest.approx(rouge)


ascii_text = st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126), max_size=30)


@settings(max_examples=300, deadline=None)
@given(ascii_text, ascii_text)
def test_ascii_answers_have_the_scores_of_squads_script_and_of_rouge_score(one: str, other: str) -> None:
    if normalise(other):  # a reference that SQuAD's form leaves something of
        assert token_f1(one, other) == squad_f1(one, other)
    if ascii_rouge_l(other, other):
        assert rouge_l(one, other) == ascii_rouge_l(one, other)


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=40), st.text(max_size=40))
def test_bounds_symmetry_and_gold(one: str, other: str) -> None:
    for metric in (token_f1, rouge_l):
        assert 0 <= metric(one, other) <= 100 + 1e-9
        if normalise(one) and normalise(other):  # else the reference decides what of an answer is compared
            assert metric(one, other) == pytest.approx(metric(other, one))
        assert metric(one, one) == pytest.approx(100)


def test_the_best_reference_counts_for_each_metric_by_itself() -> None:
    scores = item_scores("b c d", ["x", "d c b", "b c e"])
    assert scores == {"f1": pytest.approx(100), "rouge_l": pytest.approx(200 / 3)}
    assert item_scores("yes", ["no", "yes", ""]) == {"f1": 100, "rouge_l": 100}
    assert list(scores) == list(metrics.METRICS) == ["f1", "rouge_l"]


def test_more_references_never_lower_a_score() -> None:
    rng = random.Random(2)
    for _ in range(100):
        texts = [" ".join(rng.choices("bcdef", k=4)) for _ in range(4)]
        fewer, more = item_scores(texts[0], texts[1:3]), item_scores(texts[0], texts[1:])
        assert all(more[name] >= fewer[name] for name in fewer)


def test_an_item_without_references_is_named() -> None:
    with pytest.raises(ValueError, match="pubmedqa/17 has no reference"):
        item_scores("yes", [], "pubmedqa/17")


def test_as_metrics_of_evaluate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    predictions, references = ["yes", "b c", ""], [["no", "yes"], ["c d"], [""]]
    for name in metrics.METRICS:
        mean = sum(item_scores(p, r)[name] for p, r in zip(predictions, references, strict=True)) / 3
        metric = evaluate_metric(name)
        assert metric.compute(predictions=predictions, references=references) == {name: pytest.approx(mean)}
    with pytest.raises(KeyError):
        evaluate_metric("bleu")


def test_scoring_imports_neither_evaluate_nor_torch() -> None:
    code = "import sys, selfspec_assets.method.scoring.metrics as m; m.item_scores('a', ['b']); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"evaluate", "torch", "transformers", "dagster"} & set(loaded)


def test_interval_against_the_normal_approximation() -> None:
    values = np.random.default_rng(0).normal(50, 10, 400)
    low, high = bootstrap_interval(list(values), seed=1, resamples=4000)
    half = 1.96 * values.std() / 20
    assert low == pytest.approx(values.mean() - half, abs=0.15)
    assert high == pytest.approx(values.mean() + half, abs=0.15)
    narrow = bootstrap_interval(list(values), seed=1, resamples=4000, level=0.5)
    quartile = 0.6745 * values.std() / 20
    assert narrow == pytest.approx((values.mean() - quartile, values.mean() + quartile), abs=0.05)


def test_interval_is_seeded_and_the_chunk_size_decides_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    values = [0.0, 100.0, 50.0, 20.0] * 10
    assert bootstrap_interval(values, 5) == bootstrap_interval(values, 5)
    assert bootstrap_interval(values, 5) != bootstrap_interval(values, 6)
    whole = bootstrap_interval(values, 5)
    monkeypatch.setattr(metrics, "_DRAWS_AT_ONCE", 90)
    assert bootstrap_interval(values, 5) == whole, "drawn row by row from one stream"
    assert bootstrap_interval([7.0], 0) == (7.0, 7.0)
    assert bootstrap_interval([7.0] * 9, 0) == (7.0, 7.0)


def test_coverage_of_the_interval_on_simulated_scores() -> None:
    rng = np.random.default_rng(3)
    covered = sum(
        low <= 40 <= high
        for low, high in (
            bootstrap_interval(list(100 * rng.binomial(1, 0.4, 80).astype(float)), seed=i, resamples=400)
            for i in range(500)
        )
    )
    assert 0.91 <= covered / 500 <= 0.98


def test_coverage_of_the_macro_interval_with_unequal_benchmarks() -> None:
    rng = np.random.default_rng(4)
    covered = 0
    for i in range(400):
        strata = [list(rng.normal(mean, 15, size)) for mean, size in ((20, 200), (50, 40), (80, 25))]
        low, high = macro_bootstrap(strata, seed=i, resamples=400)
        covered += low <= 50 <= high
    assert 0.90 <= covered / 400 <= 0.98


def test_macro_weighs_benchmarks_alike_whatever_their_size() -> None:
    low, high = macro_bootstrap([[0.0] * 1000, [100.0]], seed=0)
    assert (low, high) == (50.0, 50.0)
    test = macro_paired_test([[10.0] * 500, [10.0] * 5], [[10.0] * 500, [30.0] * 5], seed=0)
    assert test[:3] == pytest.approx((10, 10, 10))


def test_paired_test_by_enumeration() -> None:
    """Five items: all 32 sign patterns by hand against the sampled share."""
    differences = [4.0, 1.0, 3.0, -2.0, 5.0]
    patterns = [[(-1) ** (code >> i & 1) for i in range(5)] for code in range(32)]
    sums = [sum(s * d for s, d in zip(signs, differences, strict=True)) for signs in patterns]
    exact = sum(abs(total) >= 11 for total in sums) / 32
    result = paired_test([0.0] * 5, differences, seed=0, resamples=20_000)
    assert result.difference == pytest.approx(2.2)
    assert result.p_value == pytest.approx(exact, abs=0.012)
    assert result.low <= 2.2 <= result.high


def test_p_values_are_uniform_under_the_null() -> None:
    rng = np.random.default_rng(5)
    p_values = []
    for i in range(500):
        level = rng.normal(50, 20, 40)  # shared by both, as the difficulty of an item is
        base, adapter = level + rng.normal(0, 10, 40), level + rng.normal(0, 10, 40)
        p_values.append(paired_test(list(base), list(adapter), seed=i, resamples=300).p_value)
    for level_of in (0.05, 0.1, 0.25, 0.5, 0.75):
        share = float(np.mean(np.array(p_values) <= level_of))
        assert abs(share - level_of) < 3.5 * math.sqrt(level_of * (1 - level_of) / 500)


def test_a_real_lift_is_found_and_swapping_turns_it_round() -> None:
    rng = np.random.default_rng(6)
    base = [list(rng.normal(40, 10, size)) for size in (60, 30)]
    adapter = [list(np.array(values) + rng.normal(5, 5, len(values))) for values in base]
    up, down = (macro_paired_test(x, y, seed=1) for x, y in ((base, adapter), (adapter, base)))
    assert up.low > 0
    assert up.p_value == pytest.approx(1 / 2001)
    assert down.high < 0
    assert down.difference == pytest.approx(-up.difference)
    shuffled = [list(rng.permutation(np.array(values))) for values in base]
    assert macro_paired_test(base, shuffled, seed=1).p_value > 0.05, "negative control: the same scores, re-ordered"


def test_identical_models_differ_by_nothing() -> None:
    values = [0.0, 33.3, 66.6, 100.0, 12.5]
    assert paired_test(values, values, seed=0) == (0.0, 0.0, 0.0, 1.0)


def test_one_pair_can_prove_nothing() -> None:
    result = paired_test([0.1], [99.7], seed=0)
    assert result.p_value == 1.0


def test_paired_is_macro_over_one_benchmark() -> None:
    base, adapter = [1.0, 2.0, 9.0], [4.0, 2.0, 5.0]
    assert paired_test(base, adapter, 3) == macro_paired_test([base], [adapter], 3)
    assert bootstrap_interval(base, 3) == macro_bootstrap([base], 3)


def shares(counts: np.ndarray) -> np.ndarray:
    """A score that only a whole benchmark has: right answers per asked, of summed (right, asked)."""
    return np.asarray(100 * counts[..., 0] / np.maximum(counts[..., 1], 1))


def test_a_corpus_score_that_is_a_mean_has_the_means_interval_and_test() -> None:
    rng = np.random.default_rng(9)
    base, adapter = (rng.random(150) < share for share in (0.5, 0.62))
    ours, theirs = (np.stack([side, np.ones(150)], axis=1).astype(float) for side in (adapter, base))
    low, high = corpus_bootstrap(ours, shares, seed=1, resamples=8000)
    assert (low, high) == pytest.approx(bootstrap_interval(list(100.0 * adapter), 2, resamples=8000), abs=0.8)
    tested = corpus_paired_test(theirs, ours, shares, seed=1, resamples=8000)
    means = paired_test(list(100.0 * base), list(100.0 * adapter), 2, resamples=8000)
    assert tested.difference == pytest.approx(means.difference)
    assert (tested.low, tested.high) == pytest.approx((means.low, means.high), abs=1.4)
    assert tested.p_value == pytest.approx(means.p_value, abs=0.02)
    assert 0 < tested.p_value < 0.2


def test_corpus_items_are_drawn_in_pairs() -> None:
    """A hard item is hard for both: an interval of the difference that drew each side by itself would be wide."""
    right = np.arange(100) % 2 == 0
    base = np.stack([right, np.ones(100)], axis=1).astype(float)
    adapter = base.copy()
    adapter[1, 0] = 1
    tested = corpus_paired_test(base, adapter, shares, seed=0)
    assert tested.difference == pytest.approx(1)
    assert 0 <= tested.low <= tested.high <= 4
    assert corpus_paired_test(base, base, shares, seed=0) == (0.0, 0.0, 0.0, 1.0)


def test_a_corpus_score_by_enumeration() -> None:
    """Three items, 27 equally likely draws; and the eight ways to let their answers change sides."""
    counts = np.array([[1.0, 1.0], [0.0, 2.0], [3.0, 4.0]])
    draws = sorted(float(shares(counts[list(chosen)].sum(axis=0))) for chosen in itertools.product(range(3), repeat=3))
    for place in (0, 3, 6, 12):
        level = 1 - 2 * (place + 0.5) / 27
        found = corpus_bootstrap(counts, shares, seed=place, resamples=40_000, level=level)
        assert found == pytest.approx((draws[place], draws[26 - place]))
    base = np.array([[0.0, 1.0], [0.0, 2.0], [1.0, 4.0]])
    gaps = []
    for changed in itertools.product((False, True), repeat=3):
        ours = np.where(np.array(changed)[:, None], base, counts).sum(axis=0)
        theirs = np.where(np.array(changed)[:, None], counts, base).sum(axis=0)
        gaps.append(abs(float(shares(ours) - shares(theirs))))
    exact = sum(gap >= gaps[0] - 1e-9 for gap in gaps) / 8
    assert corpus_paired_test(base, counts, shares, 0, resamples=20_000).p_value == pytest.approx(exact, abs=0.012)


def test_corpus_p_values_are_uniform_under_the_null() -> None:
    p_values = []
    for number in range(300):
        rng = np.random.default_rng(number)
        level = rng.random(60)  # of each item, for both
        sides = [np.stack([rng.random(60) < level, np.ones(60)], axis=1).astype(float) for _ in range(2)]
        p_values.append(corpus_paired_test(*sides, shares, number, resamples=300).p_value)
    for level_of in (0.05, 0.25, 0.5):  # ties make it stay below
        share = float(np.mean(np.array(p_values) <= level_of))
        assert share <= level_of + 3.5 * math.sqrt(level_of * (1 - level_of) / 300)
    assert np.mean(np.array(p_values) <= 0.5) > 0.3


def test_two_levels_by_enumeration() -> None:
    """Two seeds, two items: the 4 × 4 equally likely draws by hand. Items are drawn once for both seeds."""
    scores = np.array([[11.0, 50.0], [30.0, 91.0]])
    means = sorted(
        scores[np.ix_(seeds, items)].mean()
        for seeds in itertools.product(range(2), repeat=2)
        for items in itertools.product(range(2), repeat=2)
    )
    assert len(set(means)) == 9
    for place in range(8):  # bounds in the middle of the place-th draw's sixteenth, from below and from above
        level = 1 - 2 * (place + 0.5) / 16
        low, high = two_level_bootstrap([[row] for row in scores], seed=place, resamples=40_000, level=level)
        assert (low, high) == pytest.approx((means[place], means[15 - place]))


def simulated(rng: np.random.Generator, seeds: int, sizes: tuple[int, ...], spread: float) -> list[list[list[float]]]:
    """Scores of mean 50: a seed's own level (σ ``spread``), an item's own level (σ 20), and noise (σ 5)."""
    items = [rng.normal(50, 20, size) for size in sizes]
    levels = rng.normal(0, spread, seeds)
    return [[list(level + item + rng.normal(0, 5, item.size)) for item in items] for level in levels]


def test_two_levels_cover_the_variance_of_seeds_and_of_items() -> None:
    sizes, seeds, spread = (60, 30), 30, 6.0
    rng = np.random.default_rng(7)
    widths = []
    for number in range(40):
        low, high = two_level_bootstrap(simulated(rng, seeds, sizes, spread), number, resamples=800)
        widths.append((high - low) / (2 * 1.96))
    items = sum(20**2 / size for size in sizes) / len(sizes) ** 2
    noise = sum(5**2 / (seeds * size) for size in sizes) / len(sizes) ** 2
    known = math.sqrt(spread**2 / seeds + items + noise)
    assert float(np.mean(widths)) == pytest.approx(known, rel=0.06)
    assert known > 1.05 * math.sqrt(items + noise), "the seeds' share would be seen to be missing"
    assert known > 1.5 * math.sqrt(spread**2 / seeds + items / seeds), "so would be items drawn anew for each seed"


def test_two_levels_cover_the_true_mean() -> None:
    rng = np.random.default_rng(8)
    covered = 0
    for number in range(300):
        low, high = two_level_bootstrap(simulated(rng, 8, (40, 25), 4.0), number, resamples=300)
        covered += low <= 50 <= high
    assert 0.90 <= covered / 300 <= 0.98


def test_two_levels_of_one_seed_are_the_items_alone() -> None:
    values = [[0.0, 100.0, 40.0] * 20, [10.0, 30.0] * 15]
    one, same = two_level_bootstrap([values], 1), two_level_bootstrap([values] * 3, 1)
    for bounds in (one, same):
        assert bounds == pytest.approx(macro_bootstrap(values, 1), abs=0.6)
    assert two_level_bootstrap([[[7.0] * 5]] * 3, 0) == (pytest.approx(7.0), pytest.approx(7.0))


def test_two_levels_find_no_difference_where_there_is_none() -> None:
    """Negative control: base and adapter share seeds' and items' levels and differ by noise alone."""
    clear = 0
    for number in range(200):
        rng = np.random.default_rng(number)
        noise = rng.normal(0, 5, (6, 2, 40)) - rng.normal(0, 5, (6, 2, 40))
        low, high = two_level_bootstrap(noise.tolist(), number, resamples=300)
        clear += low > 0 or high < 0
    assert clear / 200 <= 0.09


def test_two_levels_are_seeded_and_the_chunk_size_decides_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(0).normal(50, 20, (3, 2, 30)).tolist()
    whole = two_level_bootstrap(values, 5)
    assert whole == two_level_bootstrap(values, 5) != two_level_bootstrap(values, 6)
    monkeypatch.setattr(metrics, "_DRAWS_AT_ONCE", 90)
    assert two_level_bootstrap(values, 5) == whole


@pytest.mark.parametrize("call", [
    lambda: corpus_bootstrap(np.ones((0, 2)), shares, 0), lambda: corpus_bootstrap(np.full((2, 2), np.nan), shares, 0),
    lambda: corpus_paired_test(np.ones((2, 2)), np.ones((3, 2)), shares, 0),
    lambda: corpus_bootstrap(np.ones((2, 2)), shares, 0, resamples=0),
    lambda: two_level_bootstrap([], 0), lambda: two_level_bootstrap([[[1.0]], [[1.0, 2.0]]], 0),
    lambda: two_level_bootstrap([[[math.nan]]], 0), lambda: two_level_bootstrap([[[1.0]]], 0, resamples=0),
    lambda: bootstrap_interval([], 0), lambda: bootstrap_interval([1.0, math.nan], 0), lambda: macro_bootstrap([], 0),
    lambda: macro_bootstrap([[1.0], []], 0), lambda: paired_test([1.0], [1.0, 2.0], 0),
    lambda: paired_test([], [], 0), lambda: macro_paired_test([[1.0]], [[1.0], [2.0]], 0),
    lambda: bootstrap_interval([1.0], 0, resamples=0), lambda: bootstrap_interval([1.0], 0, level=1.0),
])  # fmt: skip
def test_input_that_makes_no_number_is_refused(call) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=r"\S"):
        call()
