"""The refining step ``unsupported_answer``: answers from the model's head alone, where passages were there to tell."""

from collections.abc import Iterable, Sequence
from typing import Any

from selfspec_assets import plugins
from selfspec_assets.method.refining import is_supported
from selfspec_assets.recipe.recipe import Recipe
from selfspec_assets.steps.job import Job
from selfspec_assets.steps.lineage import Need
from selfspec_assets.steps.refining import RefiningStep, Verdict
from selfspec_assets.warehouse.rows import PassageRow


@plugins.step("unsupported_answer", version="1")
class UnsupportedAnswer(RefiningStep):
    """`responses`, `passages` → `verdicts`: tasks without an input whose answer has no word of any passage."""

    refines = "responses"

    def needs(self, recipe: Recipe, iteration: int) -> list[Need]:
        return [*super().needs(recipe, iteration), ("passages", iteration)]

    def judge(self, job: Job, rows: Sequence[Any]) -> Iterable[Verdict]:
        passages: dict[int, list[str]] = {}
        for passage in job.read("passages", PassageRow):
            passages.setdefault(passage.instruction_id, []).append(f"{passage.title} {passage.text}")
        for row in rows:
            own = passages.get(row.instruction_id, [])
            bare = not row.input and own and not is_supported(row.response, row.instruction, own)
            yield Verdict(row.instruction_id, "no_passage_supports_it" if bare else None)
