"""The refining step ``review``: what a person kept, rejected and edited with ``selfspec review``."""

from collections.abc import Iterable, Sequence
from typing import Any, Literal

from selfspec_assets import plugins
from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.base.signature import text_digest
from selfspec_assets.steps.decisions import answer_digest, decision_file, decisions_digest, read_decisions
from selfspec_assets.steps.job import Job
from selfspec_assets.steps.lineage import Lineage
from selfspec_assets.steps.refining import Edit, RefiningStep, Verdict


@plugins.step("review", version="1")
class Review(RefiningStep):
    """`responses`, decisions of a person → `verdicts`: rejected answers are out, edited ones are trained on as edited.

    Before every answer is decided it stops (``unreviewed: stop``), or takes the others as kept (``keep``).
    """

    refines = "responses"

    def files(self, lineage: Lineage, domain: str, iteration: int) -> dict[str, str]:
        decisions = read_decisions(decision_file(lineage.named.name, domain, iteration))
        stops = self.options(lineage.recipe)["unreviewed"] == "stop"
        return {"decisions": decisions_digest(decisions, with_keeps=stops)}

    def obstacle(self, lineage: Lineage, domain: str) -> SelfspecError | None:
        for iteration in range(1, lineage.recipe.iterations + 1):
            read_decisions(decision_file(lineage.named.name, domain, iteration))
        return None

    def judge(
        self, job: Job, rows: Sequence[Any], *, unreviewed: Literal["stop", "keep"] = "stop"
    ) -> Iterable[Verdict | Edit]:
        name = job.lineage.named.name
        decisions = read_decisions(decision_file(name, job.domain, job.iteration))
        if text_digest(job.lineage.signed(job.step, job.domain, job.iteration)) != job.signature:
            raise SelfspecError(f"{name}: {job.name}", "answers were reviewed just now", f"selfspec run {name}")
        decided = [(row, decisions.get((row.instruction_id, answer_digest(row)))) for row in rows]
        missing = sum(one is None or one.decision is None for _, one in decided)
        if missing and unreviewed == "stop":
            raise SelfspecError(
                f"{name}: {job.name}",
                f"{missing} of {len(rows)} answers are not reviewed yet; nothing is tuned before",
                f"selfspec review {name} --domain {job.domain} --iteration {job.iteration}; or take them as kept: "
                f"steps: [{{review: {{unreviewed: keep}}}}] in {job.lineage.named.path}",
            )
        for row, one in decided:
            if one is not None and one.edited is not None:
                yield Edit(row.instruction_id, one.edited.strip())
            else:
                rejected = one is not None and one.decision == "reject"
                yield Verdict(row.instruction_id, "rejected_in_review" if rejected else None)
