"""``selfspec compare``: two models item by item, with the paired test that ``scores`` uses.

A model is the base of a recipe with its best prompt, or the adapter of one of its iterations. Two recipes may draw
different items of a benchmark: compared are the items that both answered, by benchmark, id, question and references.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.base.signature import random_seed
from selfspec_assets.method.scoring import metrics
from selfspec_assets.recipe.recipe import NamedRecipe, load_recipe
from selfspec_assets.reports.query import in_domain, of_own_models, query_rows
from selfspec_assets.reports.scores import easiest, score_table
from selfspec_assets.reports.scores.score_table import AVERAGE, METRICS, Items, Model, Report
from selfspec_assets.warehouse.parquet import literal

BASE = "base"


class Side(NamedTuple):
    """What was typed: a recipe, and ``base``, an iteration's number, or None for its last."""

    named: NamedRecipe
    which: str | None


class Answered(NamedTuple):
    """One model with its answers and scores at one k."""

    report: Report
    model: Model
    answers: dict[tuple[str, int], str]  # by benchmark and item
    questions: dict[tuple[str, int], tuple[str, str, tuple[str, ...]]]  # id, input, references

    @property
    def title(self) -> str:
        return f"{self.report.named.name}: {score_table.title(self.report, self.model)}"


class Item(NamedTuple):
    """One item that both answered; ``difference`` is the second's F1 minus the first's."""

    benchmark: str
    item_id: str
    input: str
    references: list[str]
    first: str
    second: str
    first_f1: float
    second_f1: float

    @property
    def difference(self) -> float:
        return self.second_f1 - self.first_f1


@dataclass(frozen=True)
class Comparison:
    """Two models in one domain; ``tests`` are the macro averages, then each benchmark, with interval and p-value."""

    domain: str
    k: int
    first: str
    second: str
    shared: int
    only_first: int
    only_second: int
    tests: list[dict[str, Any]]
    items: list[Item]

    @property
    def counts(self) -> dict[str, Counter[str]]:
        """Benchmark -> won, lost, tied: how often the second's F1 is above, below and equal to the first's."""
        found: dict[str, Counter[str]] = {}
        for item in self.items:
            outcome = "won" if item.difference > 0 else "lost" if item.difference < 0 else "tied"
            found.setdefault(item.benchmark, Counter())[outcome] += 1
        return found

    def largest(self, how_many: int) -> tuple[list[Item], list[Item]]:
        """The items that the second won and lost by most, at most so many of each."""
        ordered = sorted(self.items, key=lambda item: (-item.difference, item.benchmark, item.item_id))
        won = [item for item in ordered if item.difference > 0][:how_many]
        lost = [item for item in reversed(ordered) if item.difference < 0][:how_many]
        return won, lost


def side(typed: str) -> Side:
    """``RECIPE``, ``RECIPE:2`` or ``RECIPE:base``.

    Raises:
        SelfspecError: no such recipe, or what stands behind the colon is neither.
    """
    name, colon, which = typed.rpartition(":")
    if not colon:
        return Side(load_recipe(typed), None)
    if which != BASE and not re.fullmatch("[0-9]{1,4}", which):
        raise SelfspecError(f"'{typed}'", f"'{which}' is no iteration", f"write {name}:1, {name}:2 … or {name}:{BASE}")
    return Side(load_recipe(name), which)


def shared_domains(first: Side, second: Side, only: str | None) -> list[str]:
    """The domains that both recipes have, or the one that is asked for.

    Raises:
        SelfspecError: they share none, or one of them lacks it.
    """
    both = [domain for domain in first.named.recipe.domains if domain in second.named.recipe.domains]
    if only is None and both:
        return both
    if only in both:
        return [str(only)]
    place = f"{first.named.name} and {second.named.name}"
    about = "share no domain" if only is None else f"do not both have the domain '{only}'"
    remedy = f"shared are: {', '.join(both)}" if both else "compare recipes of one domain"
    raise SelfspecError(place, about, remedy)


def compare(database: Path, first: Side, second: Side, domain: str, k: int | None) -> Comparison | None:
    """The two in one domain; None where one of them has no scores there.

    Args:
        k: the number of shots; None: the smallest that both were scored with.

    Raises:
        SelfspecError: an iteration without scores, no shared number of shots, no shared items, or the same model twice.
    """
    reports = [score_table.load_domain(database, one.named, domain) for one in (first, second)]
    theirs, ours = reports
    if theirs is None or ours is None:
        return None
    chosen = _shots(theirs, ours, k)
    models = [_model(one, report, chosen) for one, report in ((first, theirs), (second, ours))]
    if models[0] == models[1] and first.named.name == second.named.name:
        raise SelfspecError(f"{first.named.name}: {score_table.title(theirs, models[0])}", "is compared with itself",
                            "name another iteration, the base, or another recipe")  # fmt: skip
    sides = [_answered(database, report, model, chosen) for report, model in zip((theirs, ours), models, strict=True)]
    return _compared(domain, chosen, *sides)


def _shots(first: Report, second: Report, k: int | None) -> int:
    both = sorted(set(score_table.shots(first)) & set(score_table.shots(second)))
    if k in both or (k is None and both):
        return both[0] if k is None else k
    place = f"{first.named.name} and {second.named.name}"
    listed = ", ".join(map(str, both)) or "none"
    raise SelfspecError(place, f"were not both scored with {k} shots" if k is not None else "share no number of shots",
                        f"numbers of shots that they share: {listed}")  # fmt: skip


def _model(one: Side, report: Report, k: int) -> Model:
    if one.which == BASE:
        base = easiest.best_base(report, k, "f1", oracle=False, names=score_table.shared_benchmarks(report, k))
        if base is not None:
            return base
        raise SelfspecError(f"{one.named.name}:{BASE}", f"the base has no score at k={k}", _run(one, report))
    adapters = [model for model in score_table.models(report) if model.iteration]
    wanted = [model for model in adapters if one.which is None or model.iteration == int(one.which)]
    if wanted:
        return wanted[-1]
    there = ", ".join(str(model.iteration) for model in adapters) or "none"
    most = one.named.recipe.iterations
    if one.which is not None and not 1 <= int(one.which) <= most:
        remedy = f"choose one of 1 to {most}, or {one.named.name}:{BASE}; scored so far: {there}"
        raise SelfspecError(f"{one.named.name}:{one.which}", f"the recipe has {most} iterations", remedy)
    about = f"iteration {one.which} has no scores of {report.domain}" if one.which else f"no scores of {report.domain}"
    raise SelfspecError(f"{one.named.name}", f"{about}; scored so far: {there}", _run(one, report))


def _run(one: Side, report: Report) -> str:
    return f"selfspec run {one.named.name} --domain {report.domain}"


def _answered(database: Path, report: Report, model: Model, k: int) -> Answered:
    where = in_domain(report.named.name, report.domain)
    answers = query_rows(
        database,
        f"SELECT benchmark, item, prediction FROM predictions WHERE {where} AND iteration = {model.iteration} "
        f"AND {of_own_models()} AND variant = {literal(model.variant)} AND shots = {k} AND finish <> 'too_long'",
    )
    questions = query_rows(
        database, f'SELECT benchmark, item, item_id, "input", "references" FROM benchmark_items WHERE {where}'
    )
    return Answered(
        report,
        model,
        {(row["benchmark"], row["item"]): row["prediction"] for row in answers},
        {
            (row["benchmark"], row["item"]): (row["item_id"], row["input"], tuple(row["references"]))
            for row in questions
        },
    )


def _compared(domain: str, k: int, first: Answered, second: Answered) -> Comparison:
    here = {(key[0], *second.questions[key]): key for key in second.answers}
    pairs = {}
    for key in sorted(first.answers):
        other = here.pop((key[0], *first.questions[key]), None)
        if other is not None:
            pairs[key] = other
    if not pairs:
        place = f"{first.title}; {second.title}"
        about = f"share none of their items of {domain} ({len(first.answers)} and {len(second.answers)})"
        remedy = "score both on the same items: the same data, scores.items, scores.items_per_benchmark and seed"
        raise SelfspecError(place, about, remedy)
    f1 = [one.report.items[one.model, k, "f1"] for one in (first, second)]
    items = [
        Item(
            key[0],
            first.questions[key][0],
            first.questions[key][1],
            list(first.questions[key][2]),
            first.answers[key],
            second.answers[other],
            f1[0][key[0]][key[1]],
            f1[1][other[0]][other[1]],
        )
        for key, other in pairs.items()
    ]
    left = len(first.answers) - len(pairs), len(second.answers) - len(pairs)
    whole = not any(left)
    tests = _tests(k, first, second, pairs, whole=whole)
    return Comparison(domain, k, first.title, second.title, len(pairs), *left, tests, items)


def _tests(
    k: int, first: Answered, second: Answered, pairs: dict[tuple[str, int], tuple[str, int]], *, whole: bool
) -> list[dict[str, Any]]:
    """The macro average and each benchmark by metric.

    What `lift` holds already, the base of a recipe against one of its iterations over all items, is taken as it is: so
    the numbers are those of ``scores``.
    """
    names = sorted({benchmark for benchmark, _ in pairs})
    rows = []
    for metric in METRICS:
        theirs = first.report.items[first.model, k, metric.name]
        ours = _as_first(second.report.items[second.model, k, metric.name], pairs)
        for name, chosen in [(AVERAGE, names), *((name, [name]) for name in names)]:
            stored = _stored(k, first, second, metric.name, name) if whole else None
            rows.append(stored or _tested(k, first, second, metric.name, name, theirs, ours, chosen))
    return rows


def _as_first(ours: Items, pairs: dict[tuple[str, int], tuple[str, int]]) -> Items:
    """The second's scores under the first's numbers of the shared items."""
    found: dict[str, dict[int, float]] = {}
    for (benchmark, item), (_, other) in pairs.items():
        found.setdefault(benchmark, {})[item] = ours[benchmark][other]
    return found


def _stored(k: int, first: Answered, second: Answered, metric: str, name: str) -> dict[str, Any] | None:
    report = second.report
    if first.report.named.name != report.named.name or first.model.iteration or not second.model.iteration:
        return None
    about = {"iteration": second.model.iteration, "k": k, "metric": metric, "base_variant": first.model.variant}
    for row in report.lift if name == AVERAGE else report.lift_by_benchmark:
        same = all(row[key] == value for key, value in about.items()) and row.get("benchmark", AVERAGE) == name
        if same and not row.get("oracle"):
            values = {"first": row["base"], "second": row["adapter"], "difference": row["lift"]}
            tested = {key: row[key] for key in ("low", "high", "p_value", "n")}
            return {"metric": metric, "benchmark": name, **values, **tested}
    return None


def _tested(
    k: int,
    first: Answered,
    second: Answered,
    metric: str,
    name: str,
    theirs: Items,
    ours: Items,
    chosen: Sequence[str],
) -> dict[str, Any]:
    pairs = easiest.paired(theirs, ours, chosen)
    assert pairs is not None, "every chosen benchmark has a shared item"
    recipe = first.report.named.recipe
    seed = random_seed(recipe.seed, first.report.domain, *first.model, *second.model, metric, k, name)
    tested = metrics.macro_paired_test(*pairs, seed, recipe.scores.resamples)
    means = [sum(sum(values) / len(values) for values in one) / len(one) for one in pairs]
    about = {"metric": metric, "benchmark": name, "first": means[0], "second": means[1]}
    return {**about, **tested._asdict(), "n": sum(map(len, pairs[0]))}


def as_json(found: Comparison) -> dict[str, Any]:
    """Everything, every item with both answers."""
    return {
        "domain": found.domain,
        "k": found.k,
        "first": found.first,
        "second": found.second,
        "items": {"shared": found.shared, "only_first": found.only_first, "only_second": found.only_second},
        "tests": found.tests,
        "counts": {name: dict(counts) for name, counts in found.counts.items()},
        "answers": [{**item._asdict(), "difference": item.difference} for item in found.items],
    }
