"""What came out, read from the published database: scores, lift, the two mechanism shares, and averages over them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.base.signature import random_seed
from selfspec_assets.method.scoring import metrics
from selfspec_assets.recipe.recipe import NamedRecipe, Recipe
from selfspec_assets.reports.query import in_domain, of_own_models, query_rows
from selfspec_assets.reports.scores import training_yield
from selfspec_assets.warehouse import read_only_query
from selfspec_assets.warehouse.parquet import literal

AVERAGE = "average"  # the macro average's name among the benchmarks, in `scores` and `lift`

Items = Mapping[str, Mapping[int, float]]  # benchmark -> item -> score, 0 to 100


class Metric(NamedTuple):
    """A metric's column name and its title."""

    name: str
    title: str


METRICS = (Metric("f1", "F1"), Metric("rouge_l", "ROUGE-L"))


class Model(NamedTuple):
    """One row of the score table: the base with one prompt (iteration 0), or an iteration's adapter."""

    iteration: int
    oracle: bool
    variant: str


class Average(NamedTuple):
    """A macro mean over benchmarks, its 95 % interval (0 to 100), and how many items stand behind it."""

    value: float
    low: float
    high: float
    n: int


class Further(NamedTuple):
    """A further model with its prompt: its rows of ``scores``, and its items as in ``Report``."""

    name: str
    variant: str
    scores: list[dict[str, Any]]
    items: dict[tuple[Model, int, str], Items]

    @property
    def title(self) -> str:
        return f"{self.name}, {self.variant}"


@dataclass(frozen=True)
class Report:
    """One recipe's results in one domain."""

    named: NamedRecipe
    domain: str
    scores: list[dict[str, Any]]
    lift: list[dict[str, Any]]
    shares: list[dict[str, Any]]
    left_out: list[str]
    adapters: list[dict[str, Any]]
    tasks: dict[str, str]  # benchmark -> task
    items: dict[tuple[Model, int, str], Items]  # by model, k and metric
    lift_by_benchmark: list[dict[str, Any]] = field(default_factory=list)
    baselines: list[dict[str, Any]] = field(default_factory=list)
    training_yield: list[dict[str, Any]] = field(default_factory=list)
    at_the_limit: list[dict[str, Any]] = field(default_factory=list)  # predictions by model, k: how many ran into it
    further: list[Further] = field(default_factory=list)
    further_lift: list[dict[str, Any]] = field(default_factory=list)
    examples: list[dict[str, Any]] = field(default_factory=list)  # of each adapter, counted by the table they stand in


def load(database: Path, named: NamedRecipe, domains: Iterable[str]) -> list[Report]:
    """Reports of the domains that have scores.

    Raises:
        SelfspecError: nothing of this recipe has been scored yet.
    """
    domains = list(domains)
    reports = [report for domain in domains if (report := load_domain(database, named, domain)) is not None]
    if not reports:
        raise SelfspecError(
            f"recipe '{named.name}'", f"no scores of {', '.join(domains)} in {database}", f"selfspec run {named.name}"
        )
    return reports


def load_domain(database: Path, named: NamedRecipe, domain: str) -> Report | None:
    """One domain's report; None where nothing has been scored."""
    where = in_domain(named.name, domain)
    scores = _scores(database, where)
    if not scores:
        return None
    shares = query_rows(
        database,
        f"""
        SELECT iteration, sum(tokens)::BIGINT AS tokens, sum(marginal_changed) / sum(tokens) AS marginal_changed,
               sum(contrast_changed) / sum(tokens) AS contrast_changed,
               count(*) FILTER (verdict = 'kept') AS kept
        FROM responses WHERE {where} GROUP BY iteration HAVING sum(tokens) > 0 ORDER BY iteration""",
    )
    declared = query_rows(database, f"SELECT benchmark, task, present FROM benchmarks WHERE {where} ORDER BY 1")
    return Report(
        named,
        domain,
        scores,
        lift_rows(database, where),
        shares,
        [row["benchmark"] for row in declared if not row["present"]],
        query_rows(database, f"SELECT * FROM adapters WHERE {where} ORDER BY iteration"),
        {row["benchmark"]: row["task"] for row in declared},
        _items(database, where),
        lift_by_benchmark(database, where),
        query_rows(database, f"SELECT * FROM baselines WHERE {where} ORDER BY benchmark, metric"),
        training_yield.load(database, where),
        _at_the_limit(database, where),
        *_further(database, where),
        query_rows(
            database,
            f"SELECT iteration, source, count(*) AS n FROM training_set WHERE {where} GROUP BY ALL ORDER BY ALL",
        ),
    )


def _scores(database: Path, where: str) -> list[dict[str, Any]]:
    """Of the recipe's own models: what a report is of. Further ones stand beside it."""
    return query_rows(
        database,
        f"SELECT * FROM scores WHERE {where} AND {of_own_models()} "
        "ORDER BY iteration, variant, oracle, shots, benchmark, metric",
    )


def _further(database: Path, where: str) -> tuple[list[Further], list[dict[str, Any]]]:
    """The further models by name, and the macro averages of what own models are above them.

    Of the base's prompts the one with the highest average stands for it, as in ``lift``.
    """
    rows = query_rows(
        database,
        f"SELECT * FROM scores WHERE {where} AND NOT {of_own_models()} ORDER BY model, shots, benchmark, metric",
    )
    further = [
        Further(name, own[0]["variant"], own, _items(database, f"{where} AND model = {literal(name)}", own=False))
        for name in dict.fromkeys(row["model"] for row in rows)
        if (own := [row for row in rows if row["model"] == name])
    ]
    lifts = query_rows(
        database,
        f"""
        SELECT domain, iteration, shots AS k, metric, model, variant, own_variant, further, own, lift, low, high,
               p_value, n, missing
        FROM further_lift WHERE {where} AND benchmark = {literal(AVERAGE)}
        QUALIFY row_number() OVER (PARTITION BY domain, iteration, k, metric, model
                                   ORDER BY len(missing), own DESC, own_variant) = 1
        ORDER BY domain, metric, k, model, iteration""",
    )
    return further, lifts


def lift_rows(database: Path, where: str) -> list[dict[str, Any]]:
    """Macro averages: for each iteration, k and metric the best base prompt, and the best first-line oracle.

    The best is the one with the highest average among those with the fewest ``missing`` benchmarks.
    """
    return query_rows(
        database,
        f"""
        SELECT domain, iteration, shots AS k, metric, base_variant, oracle, base, adapter, lift, low, high, p_value, n,
               coalesce(missing, []) AS missing
        FROM lift WHERE {where} AND benchmark = {literal(AVERAGE)}
        QUALIFY row_number() OVER (PARTITION BY domain, iteration, k, metric, oracle
                                   ORDER BY len(coalesce(missing, [])), base DESC, base_variant) = 1
        ORDER BY domain, metric, k, iteration, oracle""",
    )


def lift_by_benchmark(database: Path, where: str) -> list[dict[str, Any]]:
    """The same for each benchmark, with every metric that it has: over the base prompt with the best average F1 at that
    k, so that one prompt stands behind all of a model's rows."""
    return query_rows(
        database,
        f"""
        WITH best AS (
            SELECT shots, base_variant FROM lift WHERE {where} AND benchmark = {literal(AVERAGE)} AND metric = 'f1'
            AND NOT oracle QUALIFY row_number() OVER (
                PARTITION BY shots ORDER BY len(coalesce(missing, [])), base DESC, base_variant) = 1)
        SELECT domain, iteration, shots AS k, benchmark, metric, base_variant,
               base, adapter, lift, low, high, p_value, n
        FROM lift SEMI JOIN best USING (shots, base_variant)
        WHERE {where} AND NOT oracle AND benchmark <> {literal(AVERAGE)}
        ORDER BY domain, k, iteration, benchmark, metric""",
    )


def _at_the_limit(database: Path, where: str) -> list[dict[str, Any]]:
    """Of each model, prompt and k: the shares of predictions that ran into ``scores.max_new_tokens`` and that repeated
    themselves."""
    return query_rows(
        database,
        f"""
        SELECT domain, iteration, variant, shots AS k, count(*) AS predictions,
               count(*) FILTER (finish = 'length') / count(*) AS truncated,
               count(*) FILTER (finish = 'repetition') / count(*) AS repetitive
        FROM predictions WHERE {where} AND {of_own_models()} AND finish <> 'too_long' GROUP BY ALL ORDER BY ALL""",
    )


def _items(database: Path, where: str, *, own: bool = True) -> dict[tuple[Model, int, str], Items]:
    found: dict[tuple[Model, int, str], dict[str, dict[int, float]]] = {}
    columns = "iteration, oracle, variant, shots, metric, benchmark, item, value"
    of = f" AND {of_own_models()}" if own else ""
    _, rows = read_only_query(database, f"SELECT {columns} FROM item_scores WHERE {where}{of} ORDER BY ALL")
    for iteration, oracle, variant, k, metric, benchmark, item, value in rows:
        series = found.setdefault((Model(iteration, oracle, variant), k, metric), {})
        series.setdefault(benchmark, {})[item] = value
    return dict(found)


def adapter_title(recipe: Recipe, iteration: int) -> str:
    """What the adapter of an iteration is, in a few words."""
    references = {"seeds": "seeds alone", "supervised": "supervised"}
    return references.get(recipe.adapter.data, f"iteration {iteration}")


def title(report: Report, model: Model) -> str:
    """A row's head; ``*`` marks an oracle."""
    if model.iteration:
        return adapter_title(report.named.recipe, model.iteration)
    return f"base, {model.variant}{'*' if model.oracle else ''}"


def models(report: Report) -> list[Model]:
    """In reading order: the base as prompted, its oracles, the iterations."""
    return sorted({Model(row["iteration"], row["oracle"], row["variant"]) for row in report.scores})


def shots(report: Report) -> list[int]:
    return sorted({row["shots"] for row in report.scores})


def benchmarks(report: Report) -> list[str]:
    return sorted({row["benchmark"] for row in report.scores} - {AVERAGE})


def shared_benchmarks(report: Report, k: int) -> list[str]:
    """The benchmarks that every model with any score at that k has: what averages are comparable over.

    Prompts of one model may all be longer than the context where another's fit.
    """
    scored: dict[Model, set[str]] = {}
    for row in report.scores:
        if row["shots"] == k and row["benchmark"] != AVERAGE:
            scored.setdefault(Model(row["iteration"], row["oracle"], row["variant"]), set()).add(row["benchmark"])
    return sorted(set.intersection(*scored.values())) if scored else []


def asked_benchmarks(report: Report) -> list[str]:
    """All that were asked of a model, also those of which no prompt fitted."""
    return sorted({*benchmarks(report), *(name for row in report.scores for name in row["missing"] or ())})


def not_shared(report: Report, k: int) -> dict[str, list[str]]:
    """Each benchmark that the averages at that k are without, and the models that have no score of it."""
    found = {}
    for name in sorted(set(asked_benchmarks(report)) - set(shared_benchmarks(report, k))):
        lacking = [model for model in models(report) if not cell(report, model, "f1", k, name)]
        found[name] = [title(report, model) for model in lacking if not model.oracle]
    return found


def extra_metrics(report: Report) -> list[tuple[str, str]]:
    """(benchmark, metric) of what the pack declares beside F1 and ROUGE-L, as far as it was scored."""
    headline = {metric.name for metric in METRICS}
    return sorted({(row["benchmark"], row["metric"]) for row in report.scores if row["metric"] not in headline})


def baseline(report: Report, benchmark: str, metric: str) -> dict[str, Any] | None:
    """The majority baseline's row, or None where there is none."""
    return next((row for row in report.baselines if (row["benchmark"], row["metric"]) == (benchmark, metric)), None)


def cell(report: Report, model: Model, metric: str, k: int, benchmark: str) -> dict[str, Any] | None:
    """The score row, or None where there is none."""
    for row in report.scores:
        if (row["iteration"], row["oracle"], row["variant"]) == model and (
            row["metric"],
            row["shots"],
            row["benchmark"],
        ) == (metric, k, benchmark):
            return row
    return None


def average_over(report: Report, model: Model, metric: str, k: int, names: Iterable[str]) -> Average | None:
    """The macro average over some benchmarks; None where one of them has no score, as it would not be comparable.

    Stored rows are taken as they are: all benchmarks, or one alone. Others are made from `item_scores`.
    """
    chosen = sorted(names)
    stored = AVERAGE if chosen == benchmarks(report) else chosen[0] if len(chosen) == 1 else None
    if stored is not None:
        row = cell(report, model, metric, k, stored)
        if row is None or not set(chosen).isdisjoint(row["missing"] or ()):
            return None
        return Average(row["value"], row["low"], row["high"], row["n"])
    items = report.items.get((model, k, metric), {})
    if not chosen or not all(items.get(name) for name in chosen):
        return None
    strata = [list(items[name].values()) for name in chosen]
    section = report.named.recipe.scores
    seed = random_seed(report.named.recipe.seed, report.domain, *model, metric, k, *chosen)
    low, high = metrics.macro_bootstrap(strata, seed, section.resamples)
    return Average(sum(sum(v) / len(v) for v in strata) / len(strata), low, high, sum(map(len, strata)))


def further_average(report: Report, further: Further, metric: str, k: int) -> Average | None:
    """A further model's macro average over what the recipe's own models share; None where it has not all of that."""
    beside = replace(report, scores=further.scores, items=further.items)
    return average_over(beside, Model(0, False, further.variant), metric, k, shared_benchmarks(report, k))
