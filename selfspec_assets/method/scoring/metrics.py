"""Scores of answers, 0 to 100, and how sure they are (paper, §4.1: F1 and ROUGE-L on tasks cast as text generation).

Per item: SQuAD's normalisation and token F1 (Rajpurkar et al. 2016, §6.1), and rouge_score's ROUGE-L with its stemmer,
each the maximum over the references. Per benchmark: the mean over items; macro averages are means of those means.

Both originals pass over whatever is not ASCII. Here letters and punctuation of any script count (``words``), and scores
are the same to the last digit where a text is ASCII; ``extra_metrics`` has the originals for comparison.
"""

import string
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
import regex
from numpy.typing import NDArray

from selfspec_assets.base.words import comparable, folded, spaced, words

_ARTICLES = frozenset(("a", "an", "the"))
_PUNCTUATION = regex.compile(rf"[\p{{P}}{regex.escape(string.punctuation)}]+", regex.V1)
_DRAWS_AT_ONCE = 2_000_000  # resampled values held in memory, 8 bytes each

Values = Sequence[float]
Floats = NDArray[np.float64]
Statistic = Callable[[Floats], Floats]  # counts summed over items, shape (..., *counts) -> scores, shape (...)


def normalise(text: str) -> str:
    """SQuAD's normal form for any script: no case, no punctuation, no English articles, single spaces.

    Letters of a script without spaces stand alone, as in the scores of MLQA.

    >>> normalise("The  IL-6 receptor."), normalise("the patient’s 東京。")
    ('il6 receptor', 'patients 東 京')
    """
    return " ".join(word for word in without_punctuation(text).split() if word not in _ARTICLES)


def without_punctuation(text: str) -> str:
    """SQuAD's normal form with the articles kept.

    >>> without_punctuation("(A)")
    'a'
    """
    return " ".join(spaced(_PUNCTUATION.sub("", folded(text))).split())


def normal_form(reference: str) -> Callable[[str], str]:
    """How an answer and this reference are written before they are compared.

    SQuAD's form; but that leaves nothing of "A", the letter of an option, nor of "+", and everything else that it
    leaves nothing of would be right, no answer at all included. For such a reference articles are kept, and where it
    is punctuation alone, that too. A reference without a character has SQuAD's form.

    >>> [normal_form("A")(said) for said in ("A.", "(a)", "the", "")]
    ['a', 'a', 'the', '']
    """
    return next((form for form in (normalise, without_punctuation, comparable) if form(reference)), normalise)


def token_f1(prediction: str, reference: str) -> float:
    """Token F1 after normalisation (``normal_form``), 0 to 100.

    Where either side has no token left, it is 100 if neither has and 0 otherwise (SQuAD 2.0's rule).

    >>> token_f1("the Broncos", "Denver Broncos")  # one of one token, one of two
    66.66666666666667
    >>> token_f1("A.", "A"), token_f1("", "A")
    (100.0, 0.0)
    """
    form = normal_form(reference)
    return f1_of_tokens(form(prediction).split(), form(reference).split())


def f1_of_tokens(ours: Sequence[str], gold: Sequence[str]) -> float:
    """F1 of two bags of tokens, 0 to 100."""
    if not ours or not gold:
        return 100.0 if ours == gold else 0.0
    return 200.0 * (Counter(ours) & Counter(gold)).total() / (len(ours) + len(gold))


def rouge_l(prediction: str, reference: str) -> float:
    """rouge_score's rougeL F with its stemmer over the ``words`` of a text, 0 to 100.

    Where neither text has any ("", "+"), texts that are equal after normalisation (``normal_form``) score 100, so that
    the gold answer always does.

    >>> rouge_l("patients treated", "patient treating"), rouge_l("b c", "c b"), rouge_l("α-blocker", "β-blocker")
    (100.0, 50.0, 50.0)
    """
    scorer = _rouge_scorer()
    if not words(prediction) and not words(reference):
        form = normal_form(reference)
        return 100.0 if form(prediction) == form(reference) else 0.0
    return 100.0 * float(scorer.score(reference, prediction)["rougeL"].fmeasure)


class _StemmedWords:
    """A tokenizer for rouge_score: ``words``, of which the ASCII ones are stemmed as it does."""

    def __init__(self) -> None:
        from rouge_score.tokenizers import DefaultTokenizer

        self._ascii = DefaultTokenizer(use_stemmer=True)

    def tokenize(self, text: str) -> list[str]:
        stems = (self._ascii.tokenize(word) if word.isascii() else [word] for word in words(text))
        return list(chain.from_iterable(stems))


@cache
def _rouge_scorer() -> Any:
    from rouge_score.rouge_scorer import RougeScorer  # brings nltk and scipy: seconds, and every command loads this

    return RougeScorer(["rougeL"], tokenizer=_StemmedWords())


METRICS: dict[str, Callable[[str, str], float]] = {"f1": token_f1, "rouge_l": rouge_l}


def item_scores(prediction: str, references: Sequence[str], item: str = "an item") -> dict[str, float]:
    """``{"f1": …, "rouge_l": …}`` of one answer, 0 to 100, each the maximum over its references.

    Raises:
        ValueError: there is no reference; ``item`` is its name in the message.
    """
    if not references:
        raise ValueError(f"{item} has no reference to score against")
    return {name: max(score(prediction, reference) for reference in references) for name, score in METRICS.items()}


class PairedTest(NamedTuple):
    """Adapter minus base: the difference of means, its bootstrap interval, and the two-sided sign-flip p-value."""

    difference: float
    low: float
    high: float
    p_value: float


def bootstrap_interval(values: Values, seed: int, resamples: int = 2000, level: float = 0.95) -> tuple[float, float]:
    """Percentile bootstrap interval of the mean (Efron & Tibshirani 1993, ch. 13); items are what is resampled.

    Raises:
        ValueError: no value, or one that is not finite.
    """
    return macro_bootstrap([values], seed, resamples, level)


def macro_bootstrap(
    values_by_benchmark: Sequence[Values], seed: int, resamples: int = 2000, level: float = 0.95
) -> tuple[float, float]:
    """The same of the mean of benchmark means: items are resampled within each benchmark, benchmarks stay as they are.

    Raises:
        ValueError: no benchmark, one without values, or a value that is not finite.
    """
    return _interval(_strata(values_by_benchmark), np.random.default_rng(seed), resamples, level)


def two_level_bootstrap(
    values: Sequence[Sequence[Values]], seed: int, resamples: int = 2000, level: float = 0.95
) -> tuple[float, float]:
    """Percentile interval of the mean over training seeds of the macro mean; covers the choice of both.

    Each resample draws seeds, then items within each benchmark, once for all the drawn seeds: every seed was scored on
    the same items, so a hard item is hard in all of them and more seeds do not make it average out (Owen 2007, the
    pigeonhole bootstrap). For a comparison pass differences of the same item, adapter minus base: that pairs them.
    With few seeds their share of the interval is rough and, by (S − 1) / S of the variance, small.

    Args:
        values: ``values[s][b][i]``, the score of item i of benchmark b under seed s; the same items for every seed.

    Raises:
        ValueError: no seed, seeds that differ in items, no benchmark, one without values, or a value not finite.
    """
    _check_interval(resamples, level)
    runs = [_strata(run) for run in values]
    if not runs or len({tuple(v.size for v in run) for run in runs}) != 1:
        raise ValueError("no seeds, or seeds that were not scored on the same items")
    rng = np.random.default_rng(seed)
    seeds = rng.multinomial(len(runs), np.full(len(runs), 1 / len(runs)), resamples) / len(runs)
    means = np.zeros(resamples)
    for benchmark in range(len(runs[0])):
        scores = np.stack([run[benchmark] for run in runs])
        size = scores.shape[1]
        for part in _parts(resamples, size):
            items = rng.multinomial(size, np.full(size, 1 / size), part.stop - part.start) / size
            means[part] += np.einsum("rs,si,ri->r", seeds[part], scores, items, optimize=True)
    low, high = np.quantile(means / len(runs[0]), [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def paired_test(base: Values, adapter: Values, seed: int, resamples: int = 2000, level: float = 0.95) -> PairedTest:
    """The same items scored twice: is the adapter better or worse than its base?

    The p-value is the share of random sign flips of the items' differences whose mean is at least as far from zero,
    counted as (count + 1) / (resamples + 1) so that it is never zero (Phipson & Smyth 2010).

    Raises:
        ValueError: no pair, unequal counts, or a value that is not finite.
    """
    return macro_paired_test([base], [adapter], seed, resamples, level)


def macro_paired_test(
    base: Sequence[Values], adapter: Sequence[Values], seed: int, resamples: int = 2000, level: float = 0.95
) -> PairedTest:
    """``paired_test`` for the mean of benchmark means; ``base[b][i]`` and ``adapter[b][i]`` are the same item's.

    Raises:
        ValueError: as ``paired_test``, and where the two differ in benchmarks.
    """
    if [len(values) for values in base] != [len(values) for values in adapter]:
        raise ValueError("base and adapter were not scored on the same items")
    pairs = zip(_strata(base), _strata(adapter), strict=True)
    differences = [ours - theirs for theirs, ours in pairs]
    rng = np.random.default_rng(seed)
    low, high = _interval(differences, rng, resamples, level)
    observed = float(np.mean([d.mean() for d in differences]))
    flipped = _macro_means(differences, resamples, lambda d, shape: d * rng.choice((-1.0, 1.0), shape))
    # Flips that amount to the data itself count as equal, whatever order their sum was rounded in.
    slack = 1e-9 * max(float(np.abs(d).max()) for d in differences)
    count = int(np.count_nonzero(np.abs(flipped) >= abs(observed) - slack))
    return PairedTest(observed, low, high, (count + 1) / (resamples + 1))


def corpus_bootstrap(
    counts: Floats, statistic: Statistic, seed: int, resamples: int = 2000, level: float = 0.95
) -> tuple[float, float]:
    """``bootstrap_interval`` of a score that only a whole benchmark has: items are resampled, the score made anew.

    Args:
        counts: what each item adds to the sums that ``statistic`` takes, shape (items, *counts).

    Raises:
        ValueError: no item, or a count that is not finite.
    """
    _check_interval(resamples, level)
    draws = _resampled(*_kinds(counts), np.random.default_rng(seed), resamples)
    low, high = np.quantile(statistic(draws.reshape(resamples, *counts.shape[1:])), [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def corpus_paired_test(
    base: Floats, adapter: Floats, statistic: Statistic, seed: int, resamples: int = 2000, level: float = 0.95
) -> PairedTest:
    """``paired_test`` for such a score; both counts have the shape (items, *counts) and hold the same items.

    The p-value is that of approximate randomisation (Noreen 1989, ch. 2): each item's two answers change sides at
    random, which for a mean over items is the random sign of its difference.

    Raises:
        ValueError: as ``corpus_bootstrap``, and where the two differ in shape.
    """
    _check_interval(resamples, level)
    if base.shape != adapter.shape:
        raise ValueError("base and adapter were not scored on the same items")
    kinds, sizes = _kinds(np.stack([base, adapter], axis=1))
    rng = np.random.default_rng(seed)

    def difference(sums: Floats) -> Floats:
        pairs = statistic(sums.reshape(len(sums), 2, *base.shape[1:]))
        return pairs[:, 1] - pairs[:, 0]

    whole = (sizes @ kinds)[None]
    observed = float(difference(whole)[0])
    low, high = np.quantile(difference(_resampled(kinds, sizes, rng, resamples)), [(1 - level) / 2, (1 + level) / 2])
    changing = rng.binomial(sizes.astype(np.int64), 0.5, (resamples, len(sizes))).astype(np.float64)
    ours, theirs = kinds.reshape(len(kinds), 2, -1).transpose(1, 0, 2)
    moved = changing @ (theirs - ours)
    flipped = difference(whole + np.concatenate([moved, -moved], axis=1))
    count = int(np.count_nonzero(np.abs(flipped) >= abs(observed) - 1e-9))
    return PairedTest(observed, float(low), float(high), (count + 1) / (resamples + 1))


def _kinds(counts: Floats) -> tuple[Floats, Floats]:
    """The different items, flat, and how many there are of each: drawing kinds is drawing items, and far fewer."""
    if not len(counts) or not np.isfinite(counts).all():
        raise ValueError("no items, or a count that is not a finite number")
    kinds, sizes = np.unique(counts.reshape(len(counts), -1), axis=0, return_counts=True)
    return kinds.astype(np.float64), sizes.astype(np.float64)


def _resampled(kinds: Floats, sizes: Floats, rng: np.random.Generator, resamples: int) -> Floats:
    """Sums over ``resamples`` draws of as many items as there are, with replacement; shape (resamples, counts)."""
    drawn = rng.multinomial(int(sizes.sum()), sizes / sizes.sum(), resamples).astype(np.float64)
    return np.asarray(drawn @ kinds, dtype=np.float64)


def _strata(values_by_benchmark: Sequence[Values]) -> list[Floats]:
    strata = [np.asarray(values, dtype=np.float64) for values in values_by_benchmark]
    if not strata or not all(values.size for values in strata):
        raise ValueError("no scores, or a benchmark without any")
    if not all(np.isfinite(values).all() for values in strata):
        raise ValueError("a score that is not a finite number")
    return strata


def _interval(strata: list[Floats], rng: np.random.Generator, resamples: int, level: float) -> tuple[float, float]:
    _check_interval(resamples, level)
    means = _macro_means(strata, resamples, lambda v, shape: v[rng.integers(0, v.size, shape)])
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _check_interval(resamples: int, level: float) -> None:
    if resamples < 1 or not 0 < level < 1:
        raise ValueError(f"resamples above 0 and a level between 0 and 1, not {resamples} and {level}")


def _macro_means(strata: list[Floats], resamples: int, draw: Callable[[Floats, tuple[int, int]], Floats]) -> Floats:
    """Mean over strata of the means of ``resamples`` draws, shape (resamples,)."""
    total = np.zeros(resamples)
    for values in strata:
        for part in _parts(resamples, values.size):
            total[part] += draw(values, (part.stop - part.start, values.size)).mean(axis=1)
    return total / len(strata)


def _parts(resamples: int, size: int) -> Iterator[slice]:
    step = max(1, _DRAWS_AT_ONCE // size)
    return (slice(start, min(start + step, resamples)) for start in range(0, resamples, step))
