"""The refining step ``echoed_prompt``: tasks that say what the prompt's rules say."""

from collections.abc import Iterable, Sequence
from typing import Any

from selfspec_assets import plugins
from selfspec_assets.base.signature import text_digest
from selfspec_assets.method.refining import runs_of, shares_a_run
from selfspec_assets.steps.job import Job
from selfspec_assets.steps.lineage import Lineage
from selfspec_assets.steps.refining import RefiningStep, Verdict


@plugins.step("echoed_prompt", version="1")
class EchoedPrompt(RefiningStep):
    """`instructions` → `verdicts`: eight words in a row of the pack's list prompt stand in the instruction or input."""

    refines = "instructions"

    def files(self, lineage: Lineage, domain: str, iteration: int) -> dict[str, str]:
        return {"header": text_digest(lineage.pack(domain).instruction_header.source)}

    def judge(self, job: Job, rows: Sequence[Any]) -> Iterable[Verdict]:
        rules = runs_of(job.pack.instruction_header.render(count=job.recipe.loop.instructions.tasks_per_prompt))
        for row in rows:
            echo = shares_a_run(row.instruction, rules) or shares_a_run(row.input, rules)
            yield Verdict(row.instruction_id, "says_the_prompts_rules" if echo else None)
