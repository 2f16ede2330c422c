"""Numbers over seeds: means, differences paired by item, and intervals that cover both items and seeds."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from bench.evidence_plan import MAIN, Planned
from selfspec_assets.base.signature import random_seed
from selfspec_assets.method.scoring.metrics import two_level_bootstrap
from selfspec_assets.reports.query import in_domain
from selfspec_assets.reports.scores import score_table
from selfspec_assets.reports.scores.ablation_table import VARIANTS
from selfspec_assets.reports.scores.easiest import highest, largest_gains
from selfspec_assets.reports.scores.score_table import Items, Model, Report
from selfspec_assets.warehouse import Warehouse, read_only_query

if TYPE_CHECKING:
    from bench.evidence_samples import Samples


class Row(NamedTuple):
    """A model of a real recipe, whatever the seed."""

    source: str
    model: Model


class Estimate(NamedTuple):
    """A mean over seeds of macro averages (or of their differences), and its 95 % interval; 0 to 100."""

    value: float
    low: float
    high: float
    seeds: int
    items: int


@dataclass(frozen=True)
class Measured:
    """All reports of a plan, by (source, domain, seed)."""

    reports: Mapping[tuple[str, str, int], Report]
    seconds: Mapping[tuple[str, str, int], float]  # of all steps behind a report, s
    declared: Mapping[tuple[str, str], int]  # (domain, benchmark) -> items there are
    samples: Mapping[str, "Samples"] = field(default_factory=dict)  # by domain

    @property
    def domains(self) -> list[str]:
        return list(dict.fromkeys(domain for _, domain, _ in self.reports))

    def reports_of(self, source: str, domain: str) -> dict[int, Report]:
        """By seed."""
        return {seed: found for (name, where, seed), found in self.reports.items() if (name, where) == (source, domain)}

    def first(self, source: str, domain: str) -> Report | None:
        return next(iter(self.reports_of(source, domain).values()), None)

    def benchmarks(self, domain: str) -> list[str]:
        """Those that every model of every recipe and seed has at every k: what averages are comparable over."""
        reports = [report for (_, where, _), report in self.reports.items() if where == domain]
        shared = [set(score_table.shared_benchmarks(one, k)) for one in reports for k in score_table.shots(one)]
        return sorted(set.intersection(*shared)) if shared else []

    def without(self, domain: str) -> list[str]:
        """Those that were asked all the same."""
        reports = [report for (_, where, _), report in self.reports.items() if where == domain]
        asked = {name for report in reports for name in score_table.asked_benchmarks(report)}
        return sorted(asked - set(self.benchmarks(domain)))

    def tasks(self, domain: str) -> dict[str, str]:
        report = self.first(MAIN, domain)
        return report.tasks if report else {}

    def shots(self, domain: str) -> list[int]:
        report = self.first(MAIN, domain)
        return score_table.shots(report) if report else []

    def bases(self, domain: str, *, oracle: bool, source: str = MAIN) -> list[Row]:
        """The base with each prompt; ``oracle``: cut at its first line."""
        report = self.first(source, domain)
        found = [model for model in score_table.models(report) if not model.iteration] if report else []
        chosen = [model for model in found if model.oracle == oracle]
        return [Row(source, m) for m in sorted(chosen, key=lambda m: VARIANTS.index(m.variant))]

    def iterations(self, domain: str, source: str = MAIN) -> list[Row]:
        """The adapters of a recipe, first to last."""
        report = self.first(source, domain)
        return [Row(source, model) for model in score_table.models(report) if model.iteration] if report else []

    def best_base(self, domain: str, metric: str, k: int, *, oracle: bool) -> Row | None:
        """The prompt with the highest macro average over seeds; among equals as ``selfspec scores`` chooses."""
        names = self.benchmarks(domain)
        means = {row.model: self.estimate(domain, row, metric, k, names) for row in self.bases(domain, oracle=oracle)}
        best = highest({model: found.value for model, found in means.items() if found})
        return Row(MAIN, best) if best else None

    def scored(self, domain: str) -> dict[str, int]:
        """Benchmark -> how many of its items were scored."""
        report = self.first(MAIN, domain)
        series = list(report.items.values()) if report else []
        return {
            name: len({item for found in series for item in found.get(name, {})}) for name in self.benchmarks(domain)
        }

    def easiest(self, domain: str, k: int) -> tuple[str, ...]:
        """The two benchmarks at which the last iteration gained most F1 over the best base prompt, over all seeds."""
        base, rows = self.best_base(domain, "f1", k, oracle=False), self.iterations(domain)
        if base is None or not rows:
            return ()
        gains = {n: self.estimate(domain, rows[-1], "f1", k, [n], minus=base) for n in self.benchmarks(domain)}
        return largest_gains({name: gain.value for name, gain in gains.items() if gain})

    def estimate(
        self, domain: str, row: Row, metric: str, k: int, names: Iterable[str], minus: Row | None = None
    ) -> Estimate | None:
        """The mean of a row over these benchmarks, or of its differences to ``minus`` on the same seeds and items.

        None where a side was not measured, or a benchmark has no item that every side answered under every seed.
        """
        sides = [self._items(domain, side, metric, k) for side in (row, minus) if side is not None]
        seeds = sorted(set.intersection(*(set(side) for side in sides)))
        values = paired_values([[side[seed] for side in sides] for seed in seeds], sorted(names))
        if not values:
            return None
        about = (domain, *row, *(minus or ()), metric, k, *sorted(names))
        report = self.reports[row.source, domain, seeds[0]]
        low, high = two_level_bootstrap(values, random_seed(*about), report.named.recipe.scores.resamples)
        means = [sum(sum(v) / len(v) for v in run) / len(run) for run in values]
        return Estimate(sum(means) / len(means), low, high, len(seeds), sum(map(len, values[0])))

    def _items(self, domain: str, row: Row, metric: str, k: int) -> dict[int, Items]:
        reports = self.reports_of(row.source, domain)
        key = (row.model, k, metric)
        return {seed: report.items[key] for seed, report in reports.items() if key in report.items}


def paired_values(runs: Sequence[Sequence[Items]], names: Sequence[str]) -> list[list[list[float]]]:
    """Per seed, benchmark and item: the one side's score, or the first side's minus the second's.

    Only items that every side answered under every seed are taken; [] where a benchmark has none.
    """
    sides = [side for run in runs for side in run]
    common = {name: sorted(set.intersection(*(set(side.get(name, {})) for side in sides))) for name in names if sides}
    if not common or not all(common.values()):
        return []
    return [
        [[run[0][name][i] - (run[1][name][i] if len(run) > 1 else 0.0) for i in common[name]] for name in names]
        for run in runs
    ]


def load(planned: Sequence[Planned], warehouse: Warehouse) -> Measured:
    """The reports of all recipes that were run to their end; the others are left out."""
    reports: dict[tuple[str, str, int], Report] = {}
    seconds: dict[tuple[str, str, int], float] = {}
    declared: dict[tuple[str, str], int] = {}
    for one in planned:
        for domain in one.named.recipe.domains:
            if not one.is_measured(warehouse, domain):
                continue
            report = score_table.load_domain(warehouse.database, one.named, domain)
            if report is not None:
                reports[one.source, domain, one.seed] = report
                where = f"{in_domain(one.named.name, domain)} AND iteration <= {one.iterations}"
                _, rows = read_only_query(warehouse.database, f"SELECT sum(seconds) FROM runs WHERE {where}")
                seconds[one.source, domain, one.seed] = float(rows[0][0] or 0.0)
                _, rows = read_only_query(warehouse.database, f"SELECT benchmark, items FROM benchmarks WHERE {where}")
                declared |= {(domain, benchmark): items for benchmark, items in rows}
    return Measured(reports, seconds, declared)
