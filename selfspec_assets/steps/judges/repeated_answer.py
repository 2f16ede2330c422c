"""The refining step ``repeated_answer``: long answers that an earlier task was given already."""

from collections.abc import Iterable, Sequence
from typing import Any

from selfspec_assets import plugins
from selfspec_assets.base.words import words
from selfspec_assets.method.refining import LONG_ANSWER
from selfspec_assets.steps.job import Job
from selfspec_assets.steps.refining import RefiningStep, Verdict


@plugins.step("repeated_answer", version="1")
class RepeatedAnswer(RefiningStep):
    """`responses` → `verdicts`: the same eight words or more as an answer before; labels may come again."""

    refines = "responses"

    def judge(self, job: Job, rows: Sequence[Any]) -> Iterable[Verdict]:
        given: set[tuple[str, ...]] = set()
        for row in rows:
            said = tuple(words(row.response))
            again = len(said) >= LONG_ANSWER and said in given
            given.add(said)
            yield Verdict(row.instruction_id, "repeats_an_answer" if again else None)
