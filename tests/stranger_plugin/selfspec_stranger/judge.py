"""A judge between answers and tuning, of a rule that a test can foresee."""

from collections.abc import Iterator, Sequence

from selfspec_assets import plugins
from selfspec_assets.steps.job import Job
from selfspec_assets.steps.refining import RefiningStep, Verdict
from selfspec_assets.warehouse.rows import ResponseRow


@plugins.step("judge", version="3")
class Judge(RefiningStep):
    """Kept `responses` → `verdicts`: an answer with an odd number is rejected."""

    refines = "responses"

    def judge(self, job: Job, rows: Sequence[ResponseRow]) -> Iterator[Verdict]:
        for row in rows:
            yield Verdict(row.instruction_id, "odd number" if row.instruction_id % 2 else None)
