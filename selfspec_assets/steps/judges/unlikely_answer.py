"""The refining step ``unlikely_answer``: the answers of which the model itself was least sure."""

from collections.abc import Iterable, Sequence
from typing import Any

from selfspec_assets import plugins
from selfspec_assets.method.refining import unlikely
from selfspec_assets.recipe.recipe import Recipe
from selfspec_assets.steps.job import Job
from selfspec_assets.steps.judges.task_types import task_types
from selfspec_assets.steps.lineage import Need
from selfspec_assets.steps.refining import RefiningStep, Verdict
from selfspec_assets.warehouse.rows import SeedRow

SHARE = 0.5  # a bound in nats would mean something else for each model and each type of task


@plugins.step("unlikely_answer", version="2")
class UnlikelyAnswer(RefiningStep):
    """`responses`, `instructions`, `seeds` → `verdicts`: the half with the lower mean log-probability under Eq. 2.

    Of each type of task its own half, where lists show one type (``instructions.show: same_task``): a name is less
    likely than a "yes", and not for being wrong.
    """

    refines = "responses"

    def needs(self, recipe: Recipe, iteration: int) -> list[Need]:
        return [*super().needs(recipe, iteration), ("instructions", iteration), ("seeds", 0)]

    def judge(self, job: Job, rows: Sequence[Any]) -> Iterable[Verdict]:
        types = task_types(job, {seed.seed_id: seed for seed in job.read("seeds", SeedRow, 0)})
        means = [(row.log_prob or 0.0) / max(row.tokens, 1) for row in rows]
        verdicts = unlikely(means, SHARE, [types[row.instruction_id] for row in rows])
        for row, out in zip(rows, verdicts, strict=True):
            yield Verdict(row.instruction_id, "unlikely" if out else None)
