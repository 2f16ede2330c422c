"""From tasks written to examples learnt: how much of what the model wrote it was tuned on, per iteration."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from selfspec_assets.reports.query import query_rows


def load(database: Path, where: str) -> list[dict[str, Any]]:
    """One row per iteration that has answers.

    Args:
        where: SQL on ``recipe`` and ``domain``.

    Returns:
        ``domain``, ``iteration``; ``tasks`` read from the model's lists; ``asked``, those kept, each asked for an
        answer; ``kept`` answers; ``rejected``, reason -> answers; ``judged_out``, refining step -> rows; examples that
        the adapter was ``trained_on`` and optimiser ``steps``, both None before it is tuned.
    """
    rows = query_rows(
        database,
        f"""
        WITH written AS (SELECT domain, iteration, count(*) AS tasks FROM instructions WHERE {where} GROUP BY ALL),
        judged AS (
            SELECT domain, iteration, histogram(step) AS judged_out
            FROM verdicts WHERE {where} AND verdict = 'rejected' GROUP BY ALL),
        answered AS (
            SELECT domain, iteration, count(*) AS asked, count(*) FILTER (verdict = 'kept') AS kept,
                   histogram(reason) FILTER (verdict <> 'kept') AS rejected
            FROM responses WHERE {where} GROUP BY ALL),
        tuned AS (
            SELECT domain, iteration, examples AS trained_on, optimiser_steps AS steps FROM adapters WHERE {where})
        SELECT domain, iteration, tasks, asked, kept, rejected, judged_out, trained_on, steps
        FROM answered LEFT JOIN written USING (domain, iteration) LEFT JOIN judged USING (domain, iteration)
        LEFT JOIN tuned USING (domain, iteration) ORDER BY domain, iteration""",
    )
    return [row | {name: dict(row[name] or {}) for name in ("rejected", "judged_out")} for row in rows]


def lines(rows: Sequence[dict[str, Any]]) -> list[str]:
    """One sentence per iteration."""
    return [_line(row) for row in rows]


def _line(row: dict[str, Any]) -> str:
    lost = {**row["rejected"], **{f"by {step}": count for step, count in row["judged_out"].items()}}
    most_first = sorted(lost.items(), key=lambda entry: -entry[1])
    told = ", ".join(f"{count} {reason.replace('_', ' ')}" for reason, count in most_first)
    rejected = f" (not kept: {told})" if told else ""
    tuned = "not tuned yet" if row["steps"] is None else f"trained on {row['trained_on']} in {row['steps']} steps"
    return f"iteration {row['iteration']}: {row['asked']} answers asked, {row['kept']} kept{rejected}, {tuned}"
