"""Cases: what base and adapter answered to the same question, in the form of the paper's Tables 6 and 7.

Which ones are shown follows from a rule (``RULE``), so that nobody picks them: the greatest gains, the greatest losses,
and typical ones.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any, Literal, NamedTuple

from rich.table import Table
from rich.text import Text

from selfspec_assets.base import printing
from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.base.words import first_words
from selfspec_assets.recipe.recipe import NamedRecipe
from selfspec_assets.reports.query import in_domain, of_own_models, query_rows
from selfspec_assets.reports.scores.score_table import AVERAGE, adapter_title
from selfspec_assets.warehouse.parquet import literal

Group = Literal["gain", "typical", "loss"]
INPUT_WORDS = 120
WIDEST = 120  # columns, where there is no terminal or a wider one
RULE = (
    "Chosen by rule: of all items that both answered, those that gained most F1, those nearest to the median change "
    "(then to the adapter's median F1), and those that lost most; of equals the first, and no second one of a "
    "benchmark while another has one as far."
)


class Case(NamedTuple):
    """One item; F1 from 0 to 100."""

    group: Group
    benchmark: str
    item_id: str
    instruction: str
    input: str
    references: list[str]
    base: str
    adapter: str
    base_f1: float
    adapter_f1: float


class Cases(NamedTuple):
    """The cases of one domain, and which two models they compare.

    Attributes:
        variant: the base's prompt: the one with the highest average F1 at that k.
        compared: how many items both answered; ``better``, ``worse`` and ``same`` by F1.
        median_change: of F1.
    """

    domain: str
    iteration: int
    shots: int
    variant: str
    title: str
    compared: int
    better: int
    worse: int
    same: int
    median_change: float
    cases: tuple[Case, ...]


def load(
    database: Path, named: NamedRecipe, domain: str, iteration: int | None, shots: int | None, count: int
) -> Cases:
    """The cases of a domain.

    Args:
        iteration: None: the last one that is scored.
        shots: None: the fewest that are scored.
        count: at most so many of each group.

    Raises:
        SelfspecError: that iteration, or the recipe, has no scores there.
    """
    where = in_domain(named.name, domain)
    best = query_rows(
        database,
        f"""
        SELECT iteration, shots, base_variant FROM lift
        WHERE {where} AND benchmark = {literal(AVERAGE)} AND metric = 'f1' AND NOT oracle
          AND {f"iteration = {iteration}" if iteration is not None else "true"}
          AND {f"shots = {shots}" if shots is not None else "true"}
        ORDER BY iteration DESC, shots, len(coalesce(missing, [])), base DESC, base_variant LIMIT 1""",
    )
    if not best:
        wanted = "".join(
            f", {name} {value}" for name, value in (("iteration", iteration), ("k =", shots)) if value is not None
        )
        reason = f"there are no scores of {domain}{wanted}"
        raise SelfspecError(f"recipe '{named.name}'", reason, f"selfspec run {named.name} --domain {domain}")
    at, k, variant = best[0]["iteration"], best[0]["shots"], best[0]["base_variant"]
    items = _items(database, where, at, k, variant)
    change = [item.adapter_f1 - item.base_f1 for item in items]
    return Cases(
        domain,
        at,
        k,
        variant,
        adapter_title(named.recipe, at),
        len(items),
        sum(value > 0 for value in change),
        sum(value < 0 for value in change),
        sum(value == 0 for value in change),
        median(change),
        tuple(chosen(items, count)),
    )


def _items(database: Path, where: str, iteration: int, shots: int, variant: str) -> list[Case]:
    """All that both answered, in the order of the benchmarks' files."""
    side = f"""
        SELECT benchmark, item, prediction, value FROM predictions
        JOIN item_scores USING (recipe, domain, iteration, model, variant, shots, benchmark, item)
        WHERE {where} AND {of_own_models()} AND metric = 'f1' AND NOT oracle AND shots = {shots}"""
    rows = query_rows(
        database,
        f"""
        WITH before AS ({side} AND iteration = 0 AND variant = {literal(variant)}),
             after AS ({side} AND iteration = {iteration})
        SELECT benchmark, i.item_id, i.instruction, i.input, i.references, before.prediction AS base,
               after.prediction AS adapter, before.value AS base_f1, after.value AS adapter_f1
        FROM before JOIN after USING (benchmark, item)
        JOIN (SELECT * FROM benchmark_items WHERE {where}) i USING (benchmark, item) ORDER BY benchmark, item""",
    )
    return [Case("typical", **row) for row in rows]


def chosen(items: Sequence[Case], count: int) -> Iterator[Case]:
    """At most ``count`` of each group, by ``RULE``; an item is shown once."""
    if not items:
        return
    middle = median(item.adapter_f1 - item.base_f1 for item in items)
    usual = median(item.adapter_f1 for item in items)

    def change(item: Case) -> float:
        return item.adapter_f1 - item.base_f1

    gained = [item for item in items if change(item) > 0]
    lost = [item for item in items if change(item) < 0]
    gains = _spread(sorted(gained, key=lambda item: -change(item)), change, count)
    losses = _spread(sorted(lost, key=change), change, count)
    rest = [item for item in items if item not in gains and item not in losses]
    order = sorted(rest, key=lambda item: (abs(change(item) - middle), abs(item.adapter_f1 - usual)))
    typical = _spread(order, lambda item: (abs(change(item) - middle), abs(item.adapter_f1 - usual)), count)
    yield from (item._replace(group="gain") for item in gains)
    yield from typical
    yield from (item._replace(group="loss") for item in losses)


def _spread(ordered: Sequence[Case], value: Any, count: int) -> list[Case]:
    """The first ones; of equal value those first whose benchmark is shown least."""
    taken: list[Case] = []
    left = list(ordered)
    while left and len(taken) < count:
        equals = [item for item in left if value(item) == value(left[0])]
        shown = [item.benchmark for item in taken]
        least = min(equals, key=lambda item: shown.count(item.benchmark))
        taken.append(least)
        left.remove(least)
    return taken


def print_cases(named: NamedRecipe, found: Cases) -> None:
    """On a terminal as wide as it is, up to ``WIDEST`` columns."""
    of = f"{named.name} × {found.domain}, {found.title} against base, {found.variant}, k={found.shots}"
    printing.line((of, "bold"))
    printing.line(
        f"{found.compared} items: {found.better} better, {found.worse} worse, {found.same} the same by F1; "
        f"median change {found.median_change:+.1f}"
    )
    rule = Table.grid()
    rule.add_row(Text(RULE, style="dim"))
    printing.table(rule, WIDEST)
    for number, case in enumerate(found.cases, start=1):
        printing.line("")
        place = case.item_id if case.benchmark in case.item_id else f"{case.benchmark}, item {case.item_id}"
        change = f"F1 {case.base_f1:.0f} → {case.adapter_f1:.0f}"
        printing.line((f"{number}. {case.group}", "bold"), f"  {place}: {change}")
        table = Table.grid(padding=(0, 2))
        table.add_column(justify="right", style="dim", no_wrap=True)
        table.add_column(overflow="fold")
        table.add_row("instruction", case.instruction)
        if case.input:
            beginning = first_words(case.input, INPUT_WORDS)
            table.add_row("input", beginning if beginning == case.input else f"{beginning} …")
        table.add_row("reference", " | ".join(case.references))
        table.add_row(f"base, {found.variant}", case.base or "(no answer)")
        table.add_row(found.title, case.adapter or "(no answer)")
        printing.table(table, WIDEST)


def as_json(named: NamedRecipe, found: Sequence[Cases]) -> dict[str, Any]:
    return {
        "recipe": named.name,
        "rule": RULE,
        "domains": [one._asdict() | {"cases": [case._asdict() for case in one.cases]} for one in found],
    }
