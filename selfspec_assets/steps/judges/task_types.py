"""Of which type a task is, for refining steps that hold an answer against others of its type."""

from collections.abc import Mapping

from selfspec_assets.steps.job import Job
from selfspec_assets.warehouse.rows import InstructionRow, SeedRow


def task_types(job: Job, seeds: Mapping[str, SeedRow]) -> dict[int, str | None]:
    """By ``instruction_id``: what the seeds demonstrate that the task's request showed; None where they differ.

    Args:
        seeds: by ``seed_id``.
    """
    types: dict[int, str | None] = {}
    for row in job.read("instructions", InstructionRow):
        shown = {seeds[name].demonstrates for name in row.seed_ids}
        types[row.instruction_id] = shown.pop() if len(shown) == 1 else None
    return types
