"""Samples of what the model wrote, each token of an answer with the passage that it most likely came from (Eq. 2)."""

from collections.abc import Iterable
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

from selfspec_assets.base.words import first_words
from selfspec_assets.recipe.recipe import NamedRecipe
from selfspec_assets.reports.items import samples
from selfspec_assets.reports.query import in_domain, query_rows

_PASSAGE_WORDS = 120
COLOURS = 6  # in the style sheet; passages beyond share them


class Run(NamedTuple):
    """Neighbouring tokens whose likeliest passage is the same: its rank (0: none), and (text, share) of each."""

    rank: int
    tokens: list[tuple[str, float]]


class Passage(NamedTuple):
    """A passage as shown; ``share``: its mean posterior over the answer's tokens, None where there are none."""

    rank: int
    title: str
    text: str
    is_cut: bool
    p_ret: float
    share: float | None


class Sample(NamedTuple):
    """One task, its passages and its answer."""

    iteration: int
    task: int
    verdict: str
    reason: str
    instruction: str
    input: str
    answer: str
    runs: list[Run]
    passages: list[Passage]

    @property
    def differs(self) -> bool:
        """Whether the stored answer is not what its tokens spell, e.g. where a letter is made of several tokens."""
        return "".join(token for run in self.runs for token, _ in run.tokens).strip() != self.answer.strip()


def load(database: Path, named: NamedRecipe, domain: str, how_many: int) -> list[Sample]:
    """Answers as ``selfspec samples`` draws them, a third of them rejected ones if there are any.

    Raises:
        SelfspecError: there are no answers yet.
    """
    found = []
    where = in_domain(named.name, domain)
    for row in samples.load(database, named, domain, how_many, seed=0):
        tokens = query_rows(
            database,
            f"SELECT token, posterior FROM response_tokens WHERE {where} "
            f"AND iteration = {row['iteration']} AND instruction_id = {row['instruction_id']} ORDER BY position",
        )
        found.append(_sample(row, tokens))
    return found


def _sample(row: dict[str, Any], tokens: list[dict[str, Any]]) -> Sample:
    shares = [token["posterior"] for token in tokens if token["posterior"]]
    passages = []
    for number, passage in enumerate(row["passages"]):
        beginning = first_words(passage["text"], _PASSAGE_WORDS)
        mean = sum(share[number] for share in shares) / len(shares) if shares and number < len(shares[0]) else None
        about = passage["rank"], passage["title"] or "", beginning, beginning != passage["text"]
        passages.append(Passage(*about, passage["p_ret"], mean))
    return Sample(
        row["iteration"],
        row["instruction_id"],
        row["verdict"],
        (row["reason"] or "").replace("_", " "),
        row["instruction"],
        row["input"],
        row["response"],
        _runs(tokens),
        passages,
    )


def _runs(tokens: Iterable[dict[str, Any]]) -> list[Run]:
    likeliest = []
    for token in tokens:
        share = max(token["posterior"], default=0.0)
        rank = token["posterior"].index(share) + 1 if token["posterior"] else 0
        likeliest.append((rank, (token["token"], share)))
    return [Run(rank, [token for _, token in run]) for rank, run in groupby(likeliest, key=lambda pair: pair[0])]
