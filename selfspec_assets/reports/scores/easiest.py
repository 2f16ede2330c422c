"""Averages without the two easiest benchmarks: two tasks that the adapter wins by format can make most of its gain.

In the paper, BioASQ-Yesno and Medical Drugs carry the zero-shot gain; without them about 2.5 points of it are left.
The easiest are therefore the two at which the last iteration gained most F1 over the best base prompt, for each k.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from selfspec_assets.base.signature import random_seed
from selfspec_assets.method.scoring import metrics
from selfspec_assets.reports.scores.score_table import (
    METRICS,
    Items,
    Model,
    Report,
    average_over,
    models,
    shared_benchmarks,
    shots,
)

LEFT_OUT = 2


def largest_gains(gains: Mapping[str, float]) -> tuple[str, ...]:
    """The two benchmarks with the largest gain; none where fewer than three are there, as no average would be left."""
    if len(gains) <= LEFT_OUT:
        return ()
    return tuple(sorted(sorted(gains), key=lambda name: -gains[name])[:LEFT_OUT])


def best_base(report: Report, k: int, metric: str, *, oracle: bool, names: Iterable[str]) -> Model | None:
    """The base prompt with the highest macro average over these benchmarks; the first by name among equals."""
    names = list(names)
    bases = [model for model in models(report) if model.iteration == 0 and model.oracle == oracle]
    averages = {model: average_over(report, model, metric, k, names) for model in bases}
    return highest({model: found.value for model, found in averages.items() if found is not None})


def highest(values: Mapping[Model, float]) -> Model | None:
    """The model with the highest value; the first by its prompt's name among equals, as ``score_table.lift_rows``."""
    return min(values, key=lambda model: (-values[model], model.variant), default=None)


def easiest(report: Report, k: int) -> tuple[str, ...]:
    """The two benchmarks at which the last iteration gained most F1 over the best base prompt; () if unknown."""
    base = best_base(report, k, "f1", oracle=False, names=shared_benchmarks(report, k))
    last = models(report)[-1]
    if base is None or not last.iteration:
        return ()
    theirs, ours = (report.items.get((model, k, "f1"), {}) for model in (base, last))
    gains = {}
    for name in shared_benchmarks(report, k):
        # The same items on both sides: where prompts are too long for the context, each side may lack others.
        pair = paired(theirs, ours, [name])
        if pair is not None:
            means = [sum(values) / len(values) for (values,) in pair]
            gains[name] = means[1] - means[0]
    return largest_gains(gains)


def rest(report: Report, k: int) -> list[str]:
    """The benchmarks without the two easiest; empty where there are no two to leave out."""
    left_out = easiest(report, k)
    return [name for name in shared_benchmarks(report, k) if name not in left_out] if left_out else []


def scores_without(report: Report) -> list[dict[str, Any]]:
    """The macro averages without the two easiest, as rows."""
    rows = []
    for k in shots(report):
        kept = rest(report, k)
        for model in models(report) if kept else []:
            for metric in METRICS:
                found = average_over(report, model, metric.name, k, kept)
                if found:
                    about = {"domain": report.domain, "shots": k, "metric": metric.name, **model._asdict()}
                    rows.append({**about, **found._asdict(), "without": list(easiest(report, k))})
    return rows


def lift_without(report: Report) -> list[dict[str, Any]]:
    """As ``lift``: for each iteration, k and metric over the best base prompt and the best first-line oracle."""
    rows = []
    for k in shots(report):
        kept = rest(report, k)
        for adapter in [model for model in models(report) if model.iteration and kept]:
            for metric in METRICS:
                for oracle in (False, True):
                    base = best_base(report, k, metric.name, oracle=oracle, names=kept)
                    row = _lift(report, k, metric.name, base, adapter, kept) if base else None
                    if row:
                        rows.append(row)
    return rows


def _lift(report: Report, k: int, metric: str, base: Model, adapter: Model, names: list[str]) -> dict[str, Any] | None:
    theirs, ours = report.items[base, k, metric], report.items.get((adapter, k, metric), {})
    pairs = paired(theirs, ours, names)
    if pairs is None:
        return None
    recipe = report.named.recipe
    seed = random_seed(recipe.seed, report.domain, *base, *adapter, metric, k, *names)
    tested = metrics.macro_paired_test(*pairs, seed, recipe.scores.resamples)
    means = [sum(sum(values) / len(values) for values in side) / len(side) for side in pairs]
    return {
        "domain": report.domain,
        "iteration": adapter.iteration,
        "k": k,
        "metric": metric,
        "base_variant": base.variant,
        "oracle": base.oracle,
        "base": means[0],
        "adapter": means[1],
        "lift": tested.difference,
        "low": tested.low,
        "high": tested.high,
        "p_value": tested.p_value,
        "n": sum(map(len, pairs[0])),
        "without": list(easiest(report, k)),
    }


def paired(base: Items, adapter: Items, names: Iterable[str]) -> tuple[list[list[float]], list[list[float]]] | None:
    """Both sides' scores of the items that both answered, by benchmark; None where a benchmark has no such item."""
    common = [(name, sorted(base.get(name, {}).keys() & adapter.get(name, {}).keys())) for name in names]
    if not all(items for _, items in common):
        return None
    theirs, ours = ([[side[name][item] for item in items] for name, items in common] for side in (base, adapter))
    return theirs, ours
