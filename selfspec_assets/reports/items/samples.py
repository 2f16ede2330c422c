"""``selfspec samples``: what the model wrote, for a person to judge: tasks, their passages, their answers."""

import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.base.printing import labelled
from selfspec_assets.base.signature import random_seed
from selfspec_assets.base.words import first_words
from selfspec_assets.recipe.recipe import NamedRecipe
from selfspec_assets.reports.query import in_domain, query_rows

PASSAGE_WORDS = 40  # of each passage that is shown


def load(database: Path, named: NamedRecipe, domain: str, count: int, seed: int) -> list[dict[str, Any]]:
    """Answers drawn at random, a third of them rejected ones if there are any, in the order of their iteration.

    Returns:
        The columns of `responses` that tell what was asked and answered; ``verdict`` and ``reason`` after the refining
        steps; ``edited``, what was trained on in place of the answer, or None; ``passages``: rank, title, text
        and p_ret.

    Raises:
        SelfspecError: there are no answers yet.
    """
    where = in_domain(named.name, domain)
    rows = query_rows(
        database,
        f"""
        WITH judged AS (
            SELECT iteration, row AS instruction_id, any_value(step || ': ' || reason) AS judgement
            FROM verdicts WHERE {where} AND verdict = 'rejected' GROUP BY ALL)
        SELECT iteration, instruction_id, instruction, input, response, finish,
               if(judgement IS NULL, verdict, 'rejected') AS verdict, coalesce(judgement, reason) AS reason
        FROM responses LEFT JOIN judged USING (iteration, instruction_id)
        WHERE {where} ORDER BY iteration, instruction_id""",
    )
    if not rows:
        raise SelfspecError(
            f"recipe '{named.name}'", f"there are no answers of {domain} yet", f"selfspec run {named.name}"
        )
    edited = {  # a column that databases of earlier versions lack
        (row["iteration"], row["row"]): row.get("edited")
        for row in query_rows(database, f"SELECT * FROM verdicts WHERE {where} AND refines = 'responses'")
    }
    for row in rows:
        row["edited"] = edited.get((row["iteration"], row["instruction_id"]))
    drawn = _draw(rows, count, random.Random(random_seed(seed, named.name, domain, "samples")))
    for row in drawn:
        row["passages"] = query_rows(
            database,
            f"SELECT rank, title, text, p_ret FROM passages WHERE {where} AND iteration = {row['iteration']} "
            f"AND instruction_id = {row['instruction_id']} ORDER BY rank",
        )
    return drawn


def _draw(rows: Sequence[dict[str, Any]], count: int, drawing: random.Random) -> list[dict[str, Any]]:
    kept = [row for row in rows if row["verdict"] == "kept"]
    others = [row for row in rows if row["verdict"] != "kept"]
    bad = min(len(others), max(count // 3, count - len(kept)))
    chosen = drawing.sample(kept, min(len(kept), count - bad)) + drawing.sample(others, bad)
    return sorted(chosen, key=lambda row: (row["iteration"], row["instruction_id"]))


def lines(rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    """A block per answer: what was asked, how the passages begin and weigh, the answer, what became of it."""
    for row in rows:
        why = "" if row["reason"] is None else f" ({row['reason'].replace('_', ' ')})"
        yield f"iteration {row['iteration']}, task {row['instruction_id']}: {row['verdict']}{why}"
        yield f"  instruction: {row['instruction']}"
        yield from labelled("input", row["input"])
        for passage in row["passages"]:
            title = f"{passage['title']}: " if passage["title"] else ""
            beginning = first_words(passage["text"], PASSAGE_WORDS)
            more = "" if beginning == passage["text"] else " …"
            yield f"  passage {passage['rank']} (weight {passage['p_ret']:.2f}): {title}{beginning}{more}"
        yield from labelled("answer", row["response"])
        yield from labelled("edited", row["edited"] or "")
        yield ""
