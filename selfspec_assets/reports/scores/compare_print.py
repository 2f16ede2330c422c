"""A comparison on a terminal of 80 columns."""

from collections.abc import Iterator
from typing import Any

from rich.table import Table

from selfspec_assets.base import printing
from selfspec_assets.base.words import count_words, cut_words
from selfspec_assets.reports.scores.compare import Comparison, Item
from selfspec_assets.reports.scores.p_values import p_value
from selfspec_assets.reports.scores.score_table import AVERAGE, METRICS

_WORDS = 40  # of a question or an answer


def print_comparison(found: Comparison, examples: int) -> None:
    """The paired tests, won, lost and tied items by benchmark, and the answers that differ most."""
    printing.line(f"{found.domain}, k={found.k}: {found.shared} items that both answered, F1 and ROUGE-L, 0–100")
    printing.line(f"first:  {found.first}")
    printing.line(f"second: {found.second}")
    if found.only_first or found.only_second:
        printing.line(
            f"not compared: {found.only_first} items that only the first answered, {found.only_second} only the second"
        )
    printing.table(_tests(found))
    printing.table(_counts(found))
    won, lost = found.largest(examples)
    for heading, items in (("the second is better:", won), ("the second is worse:", lost)):
        if items:
            printing.line(heading)
        for item in items:
            for line in _shown(item):
                printing.line(line)


def _tests(found: Comparison) -> Table:
    table = Table(title="macro averages, 95 % paired bootstrap interval", title_justify="left")
    for name in ("", "first", "second", "difference", "interval", "p", "items"):
        table.add_column(name, justify="right" if name else "left")
    for metric in METRICS:
        row = next(row for row in found.tests if (row["metric"], row["benchmark"]) == (metric.name, AVERAGE))
        table.add_row(metric.title, *_values(row))
    return table


def _values(row: dict[str, Any]) -> list[str]:
    return [
        f"{row['first']:.1f}",
        f"{row['second']:.1f}",
        f"{row['difference']:+.1f}",
        f"{row['low']:+.1f} … {row['high']:+.1f}",
        p_value(row["p_value"]),
        str(row["n"]),
    ]


def _counts(found: Comparison) -> Table:
    table = Table(title="F1 of the second against the first, by benchmark", title_justify="left")
    table.add_column("benchmark", overflow="fold")
    for name in ("won", "lost", "tied", "first", "second", "difference", "p"):
        table.add_column(name, justify="right")
    by_benchmark = {row["benchmark"]: row for row in found.tests if row["metric"] == "f1"}
    for name, counts in found.counts.items():
        first, second, difference, _, p, _ = _values(by_benchmark[name])
        table.add_row(name, *(str(counts[one]) for one in ("won", "lost", "tied")), first, second, difference, p)
    table.add_section()
    sums = (str(sum(counts[one] for counts in found.counts.values())) for one in ("won", "lost", "tied"))
    table.add_row("all", *sums)
    return table


def _shown(item: Item) -> Iterator[str]:
    yield f"  {item.benchmark}/{item.item_id}: F1 {item.first_f1:.0f} → {item.second_f1:.0f}"
    yield f"    question:  {_short(item.input)}"
    yield f"    reference: {_short(' | '.join(item.references))}"
    yield f"    first:     {_short(item.first)}"
    yield f"    second:    {_short(item.second)}"


def _short(content: str) -> str:
    line = " ".join(content.split())
    return line if count_words(line) <= _WORDS else cut_words(line, _WORDS)[0] + " …"
