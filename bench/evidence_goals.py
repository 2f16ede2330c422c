"""The goals of the project and what was measured for each: met or missed follows from the numbers alone."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from bench.evidence_measured import Estimate, Measured, Row
from bench.evidence_plan import ITEMS, MAIN
from selfspec_assets.recipe.recipe import load_recipe
from selfspec_assets.reports.scores.ablation_table import closed_book
from selfspec_assets.reports.scores.score_table import Model

MET, MISSED, REPORTED, NOT_MEASURED = "met", "missed", "reported", "not measured"
SEEDS, SUPERVISED = (Row(f"reference_{data}", Model(1, False, "alpaca")) for data in ("seeds", "supervised"))
NO_DOCUMENTS = Row("ablation_no_documents", Model(1, False, "alpaca"))
KEPT = 80  # % of the answers that were asked for


class Goal(NamedTuple):
    """One line of the goals table, in F1 points; ``value`` is None where it was not measured.

    (f) is a share in percent and (h) minutes: of the worst seed, and their bounds are no interval but the best and the
    worst seed.
    """

    letter: str
    what: str
    domain: str
    value: float | None
    low: float | None
    high: float | None
    verdict: str
    sources: tuple[str, ...]  # the recipes behind it


Verdict = Callable[[Estimate], str]


def at_least(bound: float) -> Verdict:
    """The difference reaches the bound, and its interval is clear of zero."""
    return lambda found: MET if found.value >= bound and found.low > 0 else MISSED


def at_most(bound: float) -> Verdict:
    return lambda found: MET if found.value <= bound else MISSED


def clear_of_zero(found: Estimate) -> str:
    return MET if found.low > 0 else MISSED


def clear_or_reported(found: Estimate) -> str:
    """A change that is not clear, or is a loss, is no failure of the method's account: it is told."""
    return MET if found.low > 0 else REPORTED


def goals(measured: Measured) -> list[Goal]:
    """All goals in every domain in which they have a meaning."""
    return [goal for domain in measured.domains for goal in _goals(measured, domain)]


def _goals(measured: Measured, domain: str) -> Iterator[Goal]:
    names, rows = measured.benchmarks(domain), measured.iterations(domain)
    if not rows:
        return
    k = min(measured.shots(domain))
    first, last = rows[0], rows[-1]

    def difference(
        letter: str, what: str, row: Row, other: Row | None, verdict: Verdict, over: list[str] = names
    ) -> Goal:
        found = measured.estimate(domain, row, "f1", k, over, minus=other) if other else None
        return _goal(letter, what, domain, found, verdict, *([row, other] if other else [row]))

    plain = next((row for row in measured.bases(domain, oracle=False) if row.model.variant == "plain"), None)
    base = measured.best_base(domain, "f1", k, oracle=False)
    best = f"base, {base.model.variant}" if base else "the best base prompt"
    end = f"iteration {last.model.iteration}"
    yield difference("a", "iteration 1 − base, plain: clear of zero", first, plain, clear_of_zero)
    yield difference("b", f"iteration 1 − {best}: at least +10, clear of zero", first, base, at_least(10))
    yield difference("c", "iteration 1 − seeds alone: at least +3, clear of zero", first, SEEDS, at_least(3))
    if last != first:
        yield difference("d", f"{end} − iteration 1: clear of zero, or reported", last, first, clear_or_reported)
    closed = closed_book(measured.tasks(domain))
    if closed and domain in load_recipe(NO_DOCUMENTS.source).recipe.domains:
        what = f"iteration 1 − no documents, {', '.join(closed)} alone: at least +5, clear of zero"
        yield difference("e", what, first, NO_DOCUMENTS, at_least(5), closed)
    yield _kept(measured, domain)
    yield difference("g", f"supervised − {end}: at most 5", SUPERVISED, last, at_most(5))
    yield _wall_time(measured, domain)


def _kept(measured: Measured, domain: str) -> Goal:
    """Before refining steps; the seed and iteration that kept least decides."""
    what = f"answers kept of asked, every iteration, worst seed: at least {KEPT} %"
    rows = [row for report in measured.reports_of(MAIN, domain).values() for row in report.training_yield]
    shares = sorted(100 * row["kept"] / row["asked"] for row in rows)
    if not shares:
        return Goal("f", what, domain, None, None, None, NOT_MEASURED, (MAIN,))
    return Goal("f", what, domain, shares[0], shares[0], shares[-1], MET if shares[0] >= KEPT else MISSED, (MAIN,))


def _goal(letter: str, what: str, domain: str, found: Estimate | None, verdict: Verdict, *rows: Row) -> Goal:
    sources = tuple(dict.fromkeys(row.source for row in rows))
    if found is None:
        return Goal(letter, what, domain, None, None, None, NOT_MEASURED, sources)
    return Goal(letter, what, domain, found.value, found.low, found.high, verdict(found), sources)


def _wall_time(measured: Measured, domain: str) -> Goal:
    """Of the slowest seed; the bounds are the fastest and the slowest."""
    what = f"time of all steps of {MAIN}, {ITEMS} items of each benchmark, slowest seed"
    minutes = sorted(s / 60 for (source, where, _), s in measured.seconds.items() if (source, where) == (MAIN, domain))
    if not minutes:
        return Goal("h", what, domain, None, None, None, NOT_MEASURED, (MAIN,))
    return Goal("h", what, domain, minutes[-1], minutes[0], minutes[-1], REPORTED, (MAIN,))
