"""Some items with what every row of the page answers to them, for a reader to judge."""

from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import NamedTuple

from bench.evidence_measured import Row
from bench.evidence_plan import ABLATION, Planned
from selfspec_assets.base.words import first_words
from selfspec_assets.reports.query import in_domain, query_rows
from selfspec_assets.reports.scores.score_table import Model
from selfspec_assets.warehouse import Warehouse

COUNT = 10  # items of each domain
WORDS = 40  # of each text that is shown


class Item(NamedTuple):
    """A benchmark's item, and its place in the benchmark's file."""

    benchmark: str
    place: int
    instruction: str
    input: str
    reference: str


class Sample(NamedTuple):
    """An answer, and its token F1, 0 to 100."""

    text: str
    f1: float


Samples = Mapping[Item, Mapping[Row, Sample]]


def load_samples(planned: Sequence[Planned], warehouse: Warehouse, domain: str) -> Samples:
    """The first items of each benchmark in turn, and what each row of the first seed answers with the fewest shots.

    Only of ``data: starter``, whose items come with the project: those of other people are not ours to print.
    """
    samples: dict[Item, dict[Row, Sample]] = {}
    first = planned[0].seed if planned else 0
    for one in planned:
        recipe = one.named.recipe
        if one.seed != first or one.source.startswith(ABLATION) or recipe.data != "starter":
            continue
        for found in query_rows(warehouse.database, _query(one.named.name, domain, min(recipe.scores.shots))):
            item = Item(*(found[name] for name in Item._fields))
            row = Row(one.source, Model(found["iteration"], False, found["variant"]))
            samples.setdefault(item, {})[row] = Sample(found["prediction"], found["value"])
    return {item: samples[item] for item in _in_turn(list(samples))[:COUNT]}


def _query(recipe: str, domain: str, shots: int) -> str:
    where = in_domain(recipe, domain)
    return f"""
        SELECT iteration, variant, benchmark, item AS place, instruction, input, reference, prediction, value
        FROM (SELECT * FROM predictions WHERE {where} AND shots = {shots})
        JOIN (SELECT iteration, variant, benchmark, item, value FROM item_scores
              WHERE {where} AND shots = {shots} AND metric = 'f1' AND NOT oracle)
             USING (iteration, variant, benchmark, item)
        JOIN (SELECT benchmark, item, instruction, input, "references"[1] AS reference
              FROM benchmark_items WHERE {where}) USING (benchmark, item)
        ORDER BY iteration, variant, benchmark, place"""


def _in_turn(items: Sequence[Item]) -> list[Item]:
    """The first of every benchmark, then the second of every one, and so on."""
    names = sorted({item.benchmark for item in items})
    each = [sorted(item for item in items if item.benchmark == name) for name in names]
    return [item for turn in zip_longest(*each) for item in turn if item is not None]


def samples_section(samples: Samples, titles: Mapping[Row, str]) -> list[str]:
    """Headed paragraphs with a table each; [] where there are none.

    Args:
        titles: the rows that are shown, in their order, and what they are called.
    """
    if not samples:
        return []
    parts = [f"### {len(samples)} items, and what each row answers"]
    for item, answers in samples.items():
        question = shown(f"{item.instruction} {item.input}", 2 * WORDS)
        lines = [
            f"| {title} | {shown(answers[row].text) or '*nothing*'} | {answers[row].f1:.0f} |"
            for row, title in titles.items()
            if row in answers
        ]
        head = f"**{item.benchmark}** {question} → **{shown(item.reference)}**"
        parts.append("\n".join([head, "", "| | answer | F1 |", "| --- | --- | ---: |", *lines]))
    return parts


def shown(value: str, words: int = WORDS) -> str:
    """A text within one cell of a Markdown table, cut with a mark after so many words."""
    whole = " ".join(value.split())
    cut = first_words(whole, words)
    text = cut if cut == whole else f"{cut} …"
    for mark in "\\`*_<>|[]#":
        text = text.replace(mark, f"\\{mark}")
    return text
