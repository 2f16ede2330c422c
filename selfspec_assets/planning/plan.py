"""``selfspec plan``: what a run would reuse, make or stop at, partition by partition, and what it would cost.

Nothing is run and no model is loaded, so it can be asked at any time, also while a run is going.
"""

import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple, Protocol

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.packs.pack import Pack
from selfspec_assets.planning.costs import OWN_SHARE, Cost, Past, PastRuns, done
from selfspec_assets.planning.demand import is_wanted
from selfspec_assets.planning.obstacles import obstacle, stopped_by
from selfspec_assets.planning.reasons import Reasons
from selfspec_assets.recipe.recipe import NamedRecipe
from selfspec_assets.steps.lineage import Lineage
from selfspec_assets.steps.size import Forecast, Size
from selfspec_assets.warehouse import Attempts, Warehouse
from selfspec_assets.warehouse.made_with import other_versions

State = Literal["reuse", "make", "blocked", "unneeded"]


@dataclass(frozen=True)
class Estimate:
    """What is left to be made of a step.

    Args:
        unit: requests, answers …; None for a step that is quick and counts nothing.
        total: how many the whole step has; ``at_most``: an upper bound.
        made: how many of them an unfinished attempt left behind.
        cost: of the rest; None where nothing tells it.
        source: what the cost is taken from.
    """

    unit: str | None
    total: int
    at_most: bool
    made: int
    cost: Cost | None
    source: str


@dataclass(frozen=True)
class Row:
    """One step of one partition. ``estimate`` is there for what is to be made; ``unneeded`` is what is not there, and
    spares only work that is done (``demand``).
    """

    recipe: str
    domain: str
    iteration: int
    step: str
    state: State
    why: tuple[str, ...]
    estimate: Estimate | None = None
    failed: bool = False

    @property
    def partition(self) -> str:
        return f"{self.domain}|{self.iteration}" if self.iteration else self.domain


class Place(NamedTuple):
    """A step of a partition, within one recipe."""

    step: str
    domain: str
    iteration: int


class Sampling(Protocol):
    """``plan_sample.Sampler``."""

    def of(self, lineage: Lineage, step: str, domain: str) -> Past | None: ...


def plan(
    chosen: Sequence[tuple[NamedRecipe, Sequence[str]]], warehouse: Warehouse, sampling: Sampling | None = None
) -> list[Row]:
    """The rows of recipes, each in the given domains, in the order in which they would be run.

    Args:
        sampling: tries a step of which no past run tells; None: its cost stays unknown.

    Raises:
        SelfspecError: the manifest, or a revision that has to be read, is damaged.
    """
    runs, earlier, packs = PastRuns(warehouse), dict[str, str](), dict[str, Pack]()
    rows: list[Row] = []
    for named, domains in chosen:
        planner = _Planner(Lineage(named, packs), warehouse, runs, sampling, earlier)
        for domain in domains:
            for iteration in range(named.recipe.iterations + 1):
                rows += [planner.row(Place(step, domain, iteration)) for step in planner.lineage.steps(iteration)]
    return rows


class _Planner:
    """The rows of one recipe, in flow order: a step's inputs come before it."""

    def __init__(
        self,
        lineage: Lineage,
        warehouse: Warehouse,
        runs: PastRuns,
        sampling: Sampling | None,
        earlier: dict[str, str],
    ) -> None:
        self.lineage = lineage
        self._warehouse, self._runs, self._sampling = warehouse, runs, sampling
        self._earlier = earlier  # signature -> the recipe of this plan that makes it first
        self._rows: dict[Place, Row] = {}
        self._forecasts: dict[str, Forecast] = {}
        self._reasons = Reasons(self.lineage, warehouse, self._is_going)

    def _is_going(self, step: str, domain: str, iteration: int) -> bool:
        row = self._rows.get(Place(step, domain, iteration))
        return row is not None and row.state in ("make", "blocked")

    def row(self, place: Place) -> Row:
        self._rows[place] = row = self._row(place)
        return row

    def _row(self, place: Place) -> Row:
        blocked = self._blocked_inputs(place)
        try:
            signature = self.lineage.signature(*place)
        except SelfspecError as error:
            return self._as(place, "blocked", [blocked or stopped_by(error)])
        if self._warehouse.has(signature):
            shown = self._warehouse.current(self.lineage.key(*place)) == signature
            before = [] if shown else ["made before, for other settings or another recipe"]
            return self._as(place, "reuse", [*before, *self._made_with(signature)])
        if signature in self._earlier:
            return self._as(place, "reuse", [f"made for {self._earlier[signature]} first"])
        if not self._is_wanted(place):
            return self._as(place, "unneeded", ["all that would read it is made"])
        problem = obstacle(self.lineage, place.step, place.domain)
        if problem is not None:
            blocked = blocked or stopped_by(problem)
        if blocked:
            return self._as(place, "blocked", [blocked])
        self._earlier[signature] = self.lineage.named.name
        work = self.lineage.work_signature(*place)
        failure = Attempts(self._warehouse.root / "work" / work).failure(signature)
        why = self._reasons.of(*place)
        if failure is not None:
            why = [f"its last attempt failed: {failure.place}: {failure.reason} (remedy: {failure.remedy})", *why]
        if (holder := self._warehouse.holder(work)) is not None:
            why = [f"being made now by {holder}", *why]
            failure = None
        return self._as(place, "make", why, self._estimate(place), failure is not None)

    def _is_wanted(self, place: Place) -> bool:
        try:
            return is_wanted(self.lineage, self._warehouse, place.step, place.domain, self.lineage.recipe.iterations)
        except SelfspecError:  # the row of the step that it is of says so
            return True

    def _made_with(self, signature: str) -> list[str]:
        """Versions that were others; what is damaged, ``selfspec verify`` names."""
        with suppress(SelfspecError):
            run = self._warehouse.revision(signature).run
            others = [] if run is None else other_versions(run)
            return [f"made with {', '.join(others)}"] if others else []
        return []

    def _as(
        self, place: Place, state: State, why: list[str], estimate: Estimate | None = None, failed: bool = False
    ) -> Row:
        step, domain, iteration = place
        return Row(self.lineage.named.name, domain, iteration, step, state, tuple(why), estimate, failed)

    def _blocked_inputs(self, place: Place) -> str | None:
        """The inputs that cannot be had; a step whose own revision is there does not need them."""
        step, domain, iteration = place
        blocked = []
        for needed, n in self.lineage.needs(step, iteration):
            row = self._rows[Place(needed, domain, n)]
            of = f" of iteration {n}" if n not in (0, iteration) else ""
            if row.state == "blocked":
                blocked.append(f"{needed}{of}")
            elif row.failed:
                blocked.append(f"{needed}{of}, which failed")
        return f"by {'; '.join(blocked)}" if blocked else None

    def _estimate(self, place: Place) -> Estimate:
        step, domain, iteration = place
        settings = self.lineage.settings(step, iteration)
        own_step = self.lineage.step(step)
        counts = own_step.forecast(self._forecast(domain), iteration)
        own = done(self._warehouse, self.lineage.work_signature(step, domain, iteration))
        past = self._runs.best(self.lineage, step, domain, iteration)
        if past is None and self._sampling is not None and counts["units"]:
            past = self._sampling.of(self.lineage, step, domain)
        at_most = False
        if step == "instructions" and counts["units"]:
            counts["units"], at_most = self._requests(past, own.units, int(counts["units"]), settings)
        whole = own_step.size(settings, counts)
        made = own.units
        if step == "adapter" and own.steps:
            section = self.lineage.recipe.adapter
            made = min(int(whole.units), own.steps * section.batch_size // section.epochs)
        made = min(made, int(whole.units))
        share = made / whole.units if whole.units else 0.0
        cost, source = _cost(whole, share, own.cost, past)
        return Estimate(own_step.unit, math.ceil(whole.units), at_most, made, cost, source)

    def _forecast(self, domain: str) -> Forecast:
        def kept_per_item(iteration: int) -> float | None:
            past = self._runs.best(self.lineage, "instructions", domain, iteration)
            return None if past is None else past.kept_per_item

        if domain not in self._forecasts:
            self._forecasts[domain] = Forecast(self.lineage, self._warehouse, domain, kept_per_item)
        return self._forecasts[domain]

    def _requests(self, past: Past | None, made: int, most: int, settings: dict[str, Any]) -> tuple[int, bool]:
        """How many list prompts it takes, from the yield of a past run; and whether that is only an upper bound."""
        section = settings["instructions"]
        if past is None or past.kept_per_item is None:
            return most, True
        wanted = section["tasks_per_prompt"] - section["seeds_per_prompt"]
        needed = math.ceil(section["target"] / past.kept_per_item / wanted)
        return (most, True) if made >= needed else (min(needed, most), False)


def _cost(whole: Size, share: float, own: Cost, past: Past | None) -> tuple[Cost | None, str]:
    """What the rest costs: by the pace of the part that is made, where that is large enough or nothing else tells."""
    rest = whole.times(1 - share)
    if share == 0 and not whole.units:
        return Cost(), "nothing to do"
    stored = 0.0 if past is None else past.scaled(whole).bytes
    if share and own.seconds and (share >= OWN_SHARE or past is None):
        source = "its own part that is made"
        scaled = Past(whole.times(share), own, source).scaled(rest)
        # A checkpoint does not say how many tokens were read up to it.
        tokens = scaled if own.input_tokens or past is None else past.scaled(rest)
        return Cost(tokens.input_tokens, tokens.output_tokens, scaled.seconds, stored), source
    if past is None:
        return None, "no past run: unknown"
    return replace(past.scaled(rest), bytes=stored), past.source


@dataclass(frozen=True)
class Totals:
    """Sums over the rows that are to be made; ``unknown`` counts those of them whose cost nothing tells."""

    reuse: int
    make: int
    blocked: int
    unknown: int
    cost: Cost


def totals(rows: Sequence[Row]) -> Totals:
    estimates = [row.estimate for row in rows if row.estimate is not None]
    known = [estimate.cost for estimate in estimates if estimate.cost is not None]
    states = [row.state for row in rows]
    counts = (states.count("reuse"), states.count("make"), states.count("blocked"), len(estimates) - len(known))
    return Totals(*counts, sum(known, Cost()))
