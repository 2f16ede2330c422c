"""A plan as a table of at most 100 columns, and as JSON."""

from collections.abc import Sequence
from dataclasses import asdict
from itertools import groupby
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from selfspec_assets.base import printing
from selfspec_assets.base.progress import clock
from selfspec_assets.planning.garbage import Garbage
from selfspec_assets.planning.plan import Estimate, Row, totals

WIDTH = 100
_COLOURS = {"reuse": "green", "make": "yellow", "blocked": "red", "unneeded": "dim"}


def print_plan(rows: Sequence[Row]) -> None:
    """One table per recipe, a section per partition, and what all of it comes to."""
    for recipe, own in groupby(rows, key=lambda row: row.recipe):
        table = Table(title=f"{recipe}: what a run would do", title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1))
        for column in ("step", "", "why", "to make", "tokens", "time", "disk"):
            right = column in ("to make", "tokens", "time", "disk")
            table.add_column(column, justify="right" if right else "left", overflow="fold", no_wrap=column != "why")
        for partition, steps in groupby(own, key=lambda row: row.partition):
            table.add_section()
            table.add_row(partition, style="bold")
            for row in steps:
                table.add_row(*_cells(row))
        printing.table(table, WIDTH)
    for line in summary(rows):
        printing.line(line)


def _cells(row: Row) -> list[str | Text]:
    why = "; ".join(row.why).replace(f"domains/{row.domain}/", "")  # the section says which
    estimate = row.estimate
    if estimate is not None:
        why = "; ".join(part for part in (made_of(estimate), why) if part)
    state = Text(row.state, style=_COLOURS[row.state])
    return [row.step, state, why, *(_numbers(estimate) if estimate is not None else ())]


def made_of(estimate: Estimate) -> str:
    """``37 of 160 answers made``; empty where nothing is made yet."""
    if not estimate.made or estimate.unit is None:
        return ""
    return f"{estimate.made} of {'at most ' * estimate.at_most}{estimate.total} {estimate.unit} made"


def _numbers(estimate: Estimate) -> list[str]:
    left = "" if estimate.unit is None else f"{'≤ ' * estimate.at_most}{estimate.total - estimate.made}"
    cost = estimate.cost
    if cost is None:
        return [left, "", "unknown", ""]
    tokens = cost.input_tokens + cost.output_tokens
    return [left, amount(tokens) if tokens else "", clock(cost.seconds), size(cost.bytes)]


def summary(rows: Sequence[Row]) -> list[str]:
    """The totals, in words."""
    sums = totals(rows)
    lines = [f"{sums.reuse} steps to reuse, {sums.make} to make, {sums.blocked} blocked"]
    if sums.make > sums.unknown:
        cost = sums.cost
        most = any(row.estimate is not None and row.estimate.at_most and row.estimate.cost for row in rows)
        word = "at least" if sums.unknown else "at most" if most else "about"
        if sums.unknown and most:
            word = "roughly"
        lines.append(
            f"{word} {amount(cost.input_tokens)} tokens to read, {amount(cost.output_tokens)} to write, "
            f"{clock(cost.seconds)}, {size(cost.bytes)} of disk"
        )
    if sums.unknown:
        lines.append(f"{sums.unknown} of the steps to make have no past run: unknown; --sample tries them")
    if sums.blocked:
        lines.append("what is blocked, and what follows from it, is not in the sums")
    return lines


def as_json(rows: Sequence[Row]) -> dict[str, Any]:
    """All that is known: per row the state, the reasons and the estimate (tokens, seconds, bytes), and the totals."""
    return {"steps": [{**asdict(row), "partition": row.partition} for row in rows], "totals": asdict(totals(rows))}


def amount(value: float) -> str:
    """``0``, ``950``, ``12.3k``, ``4.5M``, ``1.2G``."""
    if value < 999.5:
        return f"{value:.0f}"
    for unit in ("k", "M"):
        value /= 1000
        if value < 999.95:
            return f"{value:.1f}{unit}"
    value /= 1000
    return f"{value:.1f}G"


def size(value: float) -> str:
    """Bytes in powers of 1000: ``950 B``, ``12.3 kB``, ``1.2 GB``."""
    text = amount(value)
    return f"{text[:-1]} {text[-1]}B" if text[-1].isalpha() else f"{text} B"


def print_garbage(garbage: Garbage) -> None:
    """What ``selfspec gc`` would remove, and what has to be said about the rest."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1))
    for column in ("kind", "name", "", "bytes"):
        table.add_column(column, justify="right" if column == "bytes" else "left", overflow="fold")
    for item in garbage.items:
        table.add_row(item.kind, item.name, item.about, size(item.bytes))
    if garbage.items:
        printing.table(table, WIDTH)
    for note in garbage.notes:
        printing.line(f"note: {note}")
    can = f"{len(garbage.items)} things, {size(garbage.bytes)}, can go; --yes removes them"
    printing.line(can if garbage.items else "nothing to remove")
