"""The refining step ``unlikely_answer``: the answers of which the model itself was least sure."""

from collections.abc import Iterable, Sequence
from typing import Any

from selfspec_assets import plugins
from selfspec_assets.method.refining import unlikely
from selfspec_assets.steps.job import Job
from selfspec_assets.steps.refining import RefiningStep, Verdict

SHARE = 0.2  # a bound in nats would mean something else for each model


@plugins.step("unlikely_answer", version="1")
class UnlikelyAnswer(RefiningStep):
    """`responses` → `verdicts`: the fifth with the lowest mean log-probability per token under Eq. 2's mixture."""

    refines = "responses"

    def judge(self, job: Job, rows: Sequence[Any]) -> Iterable[Verdict]:
        means = [(row.log_prob or 0.0) / max(row.tokens, 1) for row in rows]
        for row, out in zip(rows, unlikely(means, SHARE), strict=True):
            yield Verdict(row.instruction_id, "unlikely" if out else None)
