"""From answers to rows: every metric's value, interval and lift, benchmark by benchmark, and the majority baseline.

F1 and ROUGE-L (Section 4.1) are scored everywhere and averaged over benchmarks. What a pack declares beside them fits
some benchmarks only: it is scored there, and never averaged.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from selfspec_assets.base.signature import random_seed
from selfspec_assets.method.scoring import metrics
from selfspec_assets.method.scoring.extra_metrics import CORPUS, commonest
from selfspec_assets.method.scoring.registered import ItemMetric, item_metric
from selfspec_assets.packs.contract import MAJORITY
from selfspec_assets.warehouse.score_rows import BaselineRow, ItemScoreRow, LiftRow, ScoreRow

AVERAGE = "average"


@dataclass(frozen=True)
class Exam:
    """One domain's gold answers, the metrics that are wanted, and how intervals are drawn."""

    domain: str
    seed: int
    resamples: int
    references: Mapping[tuple[str, int], Sequence[str]]  # by benchmark and item
    declared: Mapping[str, Sequence[str]]  # benchmark -> metrics beside F1 and ROUGE-L
    options: Mapping[tuple[str, str], Mapping[str, object]] = field(default_factory=dict)  # by benchmark and metric

    def extra(self, benchmark: str) -> list[str]:
        """What is declared and is no baseline, each once."""
        everywhere = {MAJORITY, *metrics.METRICS}
        return [name for name in dict.fromkeys(self.declared.get(benchmark, ())) if name not in everywhere]

    def is_of_labels(self, benchmark: str) -> bool:
        """Whether always giving one answer is an opponent: the pack asks for it, or for a score of labels."""
        return not {MAJORITY, *CORPUS}.isdisjoint(self.declared.get(benchmark, ()))

    def random_seed(self, *parts: object) -> int:
        return random_seed(self.seed, self.domain, "scores", *parts)

    def item_scores(self, benchmark: str, item: int, answer: str) -> dict[str, float]:
        """One answer's scores, each the best over the references."""
        references = self.references[benchmark, item]
        return {
            **metrics.item_scores(answer, references, f"{benchmark}/{item}"),
            **{name: score(answer, references) for name, score in self._item_metrics[benchmark].items()},
        }

    @cached_property
    def _item_metrics(self) -> defaultdict[str, dict[str, ItemMetric]]:
        metrics_of: defaultdict[str, dict[str, ItemMetric]] = defaultdict(dict)
        for benchmark in self.declared:
            for name in self.extra(benchmark):
                if name not in CORPUS:
                    place = f"benchmark {benchmark}: metrics"
                    metrics_of[benchmark][name] = item_metric(name, self.options.get((benchmark, name), {}), place)
        return metrics_of


@dataclass(frozen=True)
class Series:
    """One model with one prompt at one number of shots; answers by benchmark and item, None where nothing was asked."""

    model: str
    variant: str
    oracle: bool
    shots: int
    answers: Mapping[str, Mapping[int, str | None]]
    values: Mapping[str, Mapping[int, Mapping[str, float]]]  # of the items that were answered

    def of(self, metric: str, benchmark: str) -> dict[int, float]:
        return {item: scores[metric] for item, scores in self.values[benchmark].items()}

    @property
    def about(self) -> tuple[str, str, bool, int]:
        return self.model, self.variant, self.oracle, self.shots


def score(exam: Exam, about: tuple[str, str, bool, int], answers: Mapping[str, Mapping[int, str | None]]) -> Series:
    """A series from its answers; ``about`` is model, variant, oracle and shots."""
    values = {
        name: {item: exam.item_scores(name, item, text) for item, text in given.items() if text is not None}
        for name, given in answers.items()
    }
    return Series(*about, answers, values)


def majority_of(exam: Exam, series: Sequence[Series]) -> Series:
    """The baseline that always gives the commonest gold answer, on every item that was asked of a model."""
    asked: dict[str, set[int]] = {}
    for scored in series:
        for name in filter(exam.is_of_labels, scored.answers):
            asked.setdefault(name, set()).update(scored.answers[name])
    answers: dict[str, dict[int, str | None]] = {}
    for name, items in asked.items():
        answer, _ = commonest([exam.references[name, item] for item in sorted(items)])
        answers[name] = dict.fromkeys(sorted(items), answer)
    return score(exam, (MAJORITY, "", False, 0), answers)


def item_rows(series: Series) -> list[ItemScoreRow]:
    """A row per answer and metric; a score of a whole benchmark has none."""
    return [
        ItemScoreRow(
            model=series.model,
            variant=series.variant,
            oracle=series.oracle,
            shots=series.shots,
            benchmark=benchmark,
            item=item,
            metric=metric,
            value=value,
        )
        for benchmark, values in series.values.items()
        for item, scored in values.items()
        for metric, value in scored.items()
    ]


def score_rows(exam: Exam, series: Series) -> list[ScoreRow]:
    """A row per benchmark and metric, and the macro averages of F1 and ROUGE-L over all that were scored."""
    rows: list[ScoreRow] = []
    left_out = {name: sum(text is None for text in answers.values()) for name, answers in series.answers.items()}
    for metric in metrics.METRICS:
        by_benchmark = {name: list(series.of(metric, name).values()) for name in series.values}
        scored = {name: values for name, values in by_benchmark.items() if values}
        for name, values in scored.items():
            rows.append(_mean_row(exam, series, name, metric, values, left_out[name]))
        if scored:
            seed = exam.random_seed(*series.about, metric, AVERAGE)
            interval = metrics.macro_bootstrap(list(scored.values()), seed, exam.resamples)
            means = [sum(values) / len(values) for values in scored.values()]
            value, count = sum(means) / len(means), sum(map(len, scored.values()))
            missing = sorted(by_benchmark.keys() - scored.keys())
            rows.append(_score_row(series, AVERAGE, metric, value, interval, count, sum(left_out.values()), missing))
    return rows + [
        _extra_row(exam, series, name, metric, left_out[name])
        for name, values in series.values.items()
        for metric in exam.extra(name)
        if values
    ]


def _extra_row(exam: Exam, series: Series, benchmark: str, metric: str, left_out: int) -> ScoreRow:
    if metric not in CORPUS:
        return _mean_row(exam, series, benchmark, metric, list(series.of(metric, benchmark).values()), left_out)
    items = list(series.values[benchmark])
    corpus, counts = CORPUS[metric], _counts(exam, series, benchmark, metric, items)
    seed = exam.random_seed(*series.about, metric, benchmark)
    interval = metrics.corpus_bootstrap(counts, corpus.score, seed, exam.resamples)
    value = float(corpus.score(counts.sum(axis=0)))
    return _score_row(series, benchmark, metric, value, interval, len(items), left_out)


def _mean_row(
    exam: Exam, series: Series, benchmark: str, metric: str, values: Sequence[float], left_out: int
) -> ScoreRow:
    seed = exam.random_seed(*series.about, metric, benchmark)
    interval = metrics.bootstrap_interval(values, seed, exam.resamples)
    return _score_row(series, benchmark, metric, sum(values) / len(values), interval, len(values), left_out)


def _score_row(
    series: Series,
    benchmark: str,
    metric: str,
    value: float,
    interval: tuple[float, float],
    n: int,
    left_out: int,
    missing: Sequence[str] = (),
) -> ScoreRow:
    return ScoreRow(
        model=series.model,
        variant=series.variant,
        oracle=series.oracle,
        shots=series.shots,
        benchmark=benchmark,
        metric=metric,
        value=value,
        low=interval[0],
        high=interval[1],
        n=n,
        left_out=left_out,
        missing=list(missing),
    )


def _counts(exam: Exam, series: Series, benchmark: str, metric: str, items: Sequence[int]) -> metrics.Floats:
    answers = [series.answers[benchmark][item] or "" for item in items]
    return CORPUS[metric].counts(answers, [exam.references[benchmark, item] for item in items])


def baseline_rows(exam: Exam, baseline: Series) -> list[BaselineRow]:
    """The majority baseline's scores, and the share of its answer; per benchmark of labels, never averaged."""
    rows = []
    for row in score_rows(exam, baseline):
        if row.benchmark != AVERAGE:
            answer = next(iter(baseline.answers[row.benchmark].values())) or ""
            interval = row.low, row.high
            rows.append(_baseline_row(row.benchmark, answer, row.metric, row.value, interval, row.n))
    for name, answers in baseline.answers.items():
        golds = [exam.references[name, item] for item in answers]
        answer, count = commonest(golds)
        same = [100.0] * count + [0.0] * (len(golds) - count)
        seed = exam.random_seed(*baseline.about, MAJORITY, name)
        interval = metrics.bootstrap_interval(same, seed, exam.resamples)
        rows.append(_baseline_row(name, answer, MAJORITY, 100.0 * count / len(golds), interval, len(golds)))
    return rows


def _baseline_row(
    benchmark: str, answer: str, metric: str, value: float, interval: tuple[float, float], n: int
) -> BaselineRow:
    return BaselineRow(
        baseline=MAJORITY,
        benchmark=benchmark,
        answer=answer,
        metric=metric,
        value=value,
        low=interval[0],
        high=interval[1],
        n=n,
    )


def lift_rows(exam: Exam, base: Series, adapter: Series) -> list[LiftRow]:
    """Adapter minus base on the items that both answered, per benchmark and as a macro average."""
    rows: list[LiftRow] = []
    for metric in metrics.METRICS:
        pairs = {name: _paired(base.of(metric, name), adapter.of(metric, name)) for name in base.values}
        strata = {name: pair for name, pair in pairs.items() if pair[0]}
        selections = {name: [pair] for name, pair in strata.items()}
        rows += [_mean_lift(exam, base, name, metric, chosen) for name, chosen in selections.items()]
        if strata:
            missing = sorted(pairs.keys() - strata.keys())
            rows.append(_mean_lift(exam, base, AVERAGE, metric, list(strata.values()), missing))
    for name in base.values:
        items = sorted(base.values[name].keys() & adapter.values[name].keys())
        rows += [_extra_lift(exam, base, adapter, name, metric, items) for metric in exam.extra(name) if items]
    return rows


def _paired(base: dict[int, float], adapter: dict[int, float]) -> tuple[list[float], list[float]]:
    both = sorted(base.keys() & adapter.keys())
    return [base[item] for item in both], [adapter[item] for item in both]


def _mean_lift(
    exam: Exam,
    base: Series,
    benchmark: str,
    metric: str,
    chosen: Sequence[tuple[list[float], list[float]]],
    missing: Sequence[str] = (),
) -> LiftRow:
    tested = metrics.macro_paired_test(
        [b for b, _ in chosen],
        [a for _, a in chosen],
        exam.random_seed(base.variant, base.oracle, base.shots, metric, benchmark),
        exam.resamples,
    )
    base_mean = sum(sum(b) / len(b) for b, _ in chosen) / len(chosen)
    adapter_mean = sum(sum(a) / len(a) for _, a in chosen) / len(chosen)
    both, n = (base_mean, adapter_mean), sum(len(b) for b, _ in chosen)
    return _lift_row(base, benchmark, metric, both, tested, n, missing)


def _extra_lift(
    exam: Exam, base: Series, adapter: Series, benchmark: str, metric: str, items: Sequence[int]
) -> LiftRow:
    if metric not in CORPUS:
        pair = _paired(base.of(metric, benchmark), adapter.of(metric, benchmark))
        return _mean_lift(exam, base, benchmark, metric, [pair])
    corpus = CORPUS[metric]
    theirs, ours = (_counts(exam, series, benchmark, metric, items) for series in (base, adapter))
    seed = exam.random_seed(base.variant, base.oracle, base.shots, metric, benchmark)
    tested = metrics.corpus_paired_test(theirs, ours, corpus.score, seed, exam.resamples)
    both = float(corpus.score(theirs.sum(axis=0))), float(corpus.score(ours.sum(axis=0)))
    return _lift_row(base, benchmark, metric, both, tested, len(items))


def _lift_row(
    base: Series,
    benchmark: str,
    metric: str,
    both: tuple[float, float],
    tested: metrics.PairedTest,
    n: int,
    missing: Sequence[str] = (),
) -> LiftRow:
    return LiftRow(
        base_variant=base.variant,
        oracle=base.oracle,
        shots=base.shots,
        benchmark=benchmark,
        metric=metric,
        base=both[0],
        adapter=both[1],
        lift=tested.difference,
        low=tested.low,
        high=tested.high,
        p_value=tested.p_value,
        n=n,
        missing=list(missing),
    )
