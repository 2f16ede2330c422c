"""The refining step ``other_form``: answers that have not the form of the seeds' answers to such tasks."""

from collections.abc import Iterable, Sequence
from typing import Any

from selfspec_assets import plugins
from selfspec_assets.method.answer_form import AnswerForm, form_of
from selfspec_assets.recipe.recipe import Recipe
from selfspec_assets.steps.job import Job
from selfspec_assets.steps.judges.task_types import task_types
from selfspec_assets.steps.lineage import Need
from selfspec_assets.steps.refining import RefiningStep, Verdict
from selfspec_assets.warehouse.rows import SeedRow


@plugins.step("other_form", version="1")
class OtherForm(RefiningStep):
    """`responses`, `instructions`, `seeds` → `verdicts`: labels, tags, figures, extracts and length as in the seeds.

    A task is of the type of the last seed that its request showed, where all those are of one type
    (``instructions.show: same_task``); of others, and of types with fewer than three seeds, nothing is rejected.
    """

    refines = "responses"

    def needs(self, recipe: Recipe, iteration: int) -> list[Need]:
        return [*super().needs(recipe, iteration), ("instructions", iteration), ("seeds", 0)]

    def judge(self, job: Job, rows: Sequence[Any]) -> Iterable[Verdict]:
        seeds = {seed.seed_id: seed for seed in job.read("seeds", SeedRow, 0)}
        by_type: dict[str, list[SeedRow]] = {}
        for seed in seeds.values():
            by_type.setdefault(seed.demonstrates, []).append(seed)
        forms = {name: form_of(own) for name, own in by_type.items()}
        types = task_types(job, seeds)
        for row in rows:
            form: AnswerForm | None = forms.get(types[row.instruction_id] or "")
            fault = form.fault(row.instruction, row.input, row.response) if form else None
            yield Verdict(row.instruction_id, fault)
