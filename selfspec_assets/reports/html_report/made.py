"""What of a domain is there: which steps are made, how much was asked, written, kept and learnt, and what it cost."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.recipe.recipe import NamedRecipe
from selfspec_assets.reports.html_report.table import NONE, Table, count, number, seconds
from selfspec_assets.reports.query import in_domain, query_rows
from selfspec_assets.reports.scores import training_yield
from selfspec_assets.steps.lineage import Lineage


def not_made(database: Path, named: NamedRecipe, domain: str) -> list[str]:
    """A sentence on each iteration that lacks steps, and on steps that were made from other settings or files."""
    lineage, where = Lineage(named), in_domain(named.name, domain)
    rows = query_rows(database, f"SELECT step, iteration, signature FROM revisions WHERE {where}")
    made = {(row["step"], row["iteration"]): row["signature"] for row in rows}
    if not made:
        return [f"Nothing has been made yet: selfspec run {named.name} --domain {domain}"]
    lines = []
    for iteration in range(named.recipe.iterations + 1):
        steps = [step for step in lineage.steps(iteration) if not lineage.step(step).on_demand]  # else not to be missed
        missing = [step for step in steps if (step, iteration) not in made]
        if missing:
            which = f"Iteration {iteration}" if iteration else "What every iteration shares"
            whole = len(missing) == len(steps)
            lines.append(f"{which} is not made{'' if whole else ' whole'}: {', '.join(missing)} missing.")
    if lines:
        lines.append(f"To make what is missing: selfspec run {named.name} --domain {domain}")
    return [*lines, *_stale(lineage, domain, made)]


def _stale(lineage: Lineage, domain: str, made: dict[tuple[str, int], str]) -> Iterator[str]:
    try:
        stale = [
            f"{step}{f' of iteration {iteration}' if iteration else ''}"
            for (step, iteration), signature in sorted(made.items(), key=lambda entry: entry[0][1])
            if iteration <= lineage.recipe.iterations
            and step in lineage.steps(iteration)
            and lineage.signature(step, domain, iteration) != signature
        ]
    except SelfspecError as error:
        yield f"Whether recipe and files are still those that this was made from was not found out: {error.reason}"
        return
    if stale:
        yield (
            f"Recipe, pack, files or code have changed since: {', '.join(stale)} would be made anew. What is shown was "
            f"made before (selfspec plan {lineage.named.name} says what differs)."
        )


def yields(database: Path, named: NamedRecipe, domain: str) -> Table | None:
    """From requests to examples, a column for each iteration; None where nothing was asked."""
    where = in_domain(named.name, domain)
    rows = training_yield.load(database, where)
    more = {row["iteration"]: row for row in query_rows(database, _counts(where))}
    iterations = sorted({*more, *(row["iteration"] for row in rows)})
    if not iterations:
        return None
    answered = {row["iteration"]: row for row in rows}
    lines: list[list[str]] = []

    def line(label: str, source: dict[int, dict[str, Any]], key: str, digits: int | None = None) -> None:
        values = [source.get(iteration, {}).get(key) for iteration in iterations]
        if any(value is not None for value in values):
            lines.append([label, *(count(v) if digits is None else number(v, digits) for v in values)])

    line("lists of tasks asked for", more, "requests")
    line("tasks written", more, "tasks")
    line("tasks kept, each asked for an answer", more, "kept_tasks")
    line("passages found for a task, mean", more, "hits", 1)
    line("… effective number of them (1/Σp²), mean", more, "effective", 2)
    line("answers written", answered, "asked")
    line("answers kept", answered, "kept")
    for judge in sorted({judge for row in rows for judge in row["judged_out"]}):
        values = [answered.get(iteration, {}).get("judged_out", {}).get(judge) for iteration in iterations]
        lines.append([f"… of these rejected by {judge}", *map(count, values)])
    line("examples tuned on", more, "examples")
    line("optimiser steps", more, "optimiser_steps")
    line("loss at the first step", more, "first_loss", 2)
    line("loss at the last step", more, "last_loss", 2)
    head = ["", *(f"iteration {iteration}" for iteration in iterations)]
    notes = []
    if named.recipe.adapter.with_seeds or named.recipe.adapter.data in ("union", "seeds"):
        notes.append("Examples are more than the answers kept where seeds or earlier iterations are tuned on as well.")
    return Table("From what was asked to what was learnt", head, lines, notes=notes)


def _counts(where: str) -> str:
    return f"""
        WITH asked AS (SELECT iteration, count(*) AS requests FROM instruction_requests WHERE {where} GROUP BY ALL),
        written AS (SELECT iteration, count(*) AS tasks, count(*) FILTER (kept) AS kept_tasks
                    FROM instructions WHERE {where} GROUP BY ALL),
        found AS (SELECT iteration, avg(hits) AS hits, avg(effective_passages) AS effective
                  FROM retrievals WHERE {where} GROUP BY ALL),
        tuned AS (SELECT iteration, examples, optimiser_steps, first_loss, last_loss FROM adapters WHERE {where})
        SELECT * FROM asked FULL JOIN written USING (iteration) FULL JOIN found USING (iteration)
        FULL JOIN tuned USING (iteration) ORDER BY iteration"""


def costs(database: Path, named: NamedRecipe, domain: str) -> Table | None:
    """Seconds, tokens and memory of each step in flow order; None where nothing was made."""
    where = in_domain(named.name, domain)
    order = [step.name for step in Lineage(named).flow]
    rows = query_rows(database, f"SELECT * FROM runs WHERE {where} ORDER BY iteration, started_at")
    if not rows:
        return None
    rows.sort(key=lambda row: (row["iteration"], order.index(row["step"]) if row["step"] in order else len(order)))
    total = sum(row["seconds"] for row in rows)
    lines = [
        [
            row["step"],
            str(row["iteration"] or NONE),
            row["device"],
            seconds(row["seconds"]),
            f"{row['seconds'] / total:.0%}" if total else NONE,
            count(row["input_tokens"]) if row["input_tokens"] else NONE,
            count(row["output_tokens"]) if row["output_tokens"] else NONE,
            count(round(row["peak_memory_mb"])),
        ]
        for row in rows
    ]
    sums = [count(sum(row[key] for row in rows)) for key in ("input_tokens", "output_tokens")]
    peak = count(round(max(row["peak_memory_mb"] for row in rows)))
    lines.append(["all steps", "", "", seconds(total), "100%", *sums, peak])
    head = ["step", "iteration", "device", "time", "share", "tokens in", "tokens out", "peak memory, MiB"]
    notes = [
        "A step that another recipe had made already was reused and is listed with what it cost then.",
        "Peak memory is that of the process so far.",
    ]
    return Table("Time and memory by step", head, lines, texts=3, notes=notes, feet=1)
