"""The refining step ``copied_input``: long answers that are a part of the input or of the instruction."""

from collections.abc import Iterable, Sequence
from typing import Any

from selfspec_assets import plugins
from selfspec_assets.method.refining import is_stretch_of
from selfspec_assets.steps.job import Job
from selfspec_assets.steps.refining import RefiningStep, Verdict


@plugins.step("copied_input", version="1")
class CopiedInput(RefiningStep):
    """`responses` → `verdicts`: eight words or more, all of them copied; a short extract is an answer."""

    refines = "responses"

    def judge(self, job: Job, rows: Sequence[Any]) -> Iterable[Verdict]:
        for row in rows:
            copied = is_stretch_of(row.response, row.input) or is_stretch_of(row.response, row.instruction)
            yield Verdict(row.instruction_id, "copies_the_input" if copied else None)
