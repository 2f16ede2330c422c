"""The refining step ``repeated_input``: tasks whose input only says the instruction again."""

from collections.abc import Iterable, Sequence
from typing import Any

from selfspec_assets import plugins
from selfspec_assets.method.refining import repeats_the_instruction
from selfspec_assets.steps.job import Job
from selfspec_assets.steps.refining import RefiningStep, Verdict


@plugins.step("repeated_input", version="1")
class RepeatedInput(RefiningStep):
    """`instructions` → `verdicts`: an input that repeats its instruction gives nothing to work on."""

    refines = "instructions"

    def judge(self, job: Job, rows: Sequence[Any]) -> Iterable[Verdict]:
        for row in rows:
            again = repeats_the_instruction(row.instruction, row.input)
            yield Verdict(row.instruction_id, "input_is_the_instruction" if again else None)
