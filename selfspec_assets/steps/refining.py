"""Steps that judge the rows of another step: what they reject, no step behind them reads; an answer they may edit."""

from abc import abstractmethod
from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar, NamedTuple

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.base.options import checked_options
from selfspec_assets.recipe.recipe import Recipe
from selfspec_assets.steps.job import Job, Tables
from selfspec_assets.steps.lineage import Need
from selfspec_assets.steps.step import Check, Outcome, Step
from selfspec_assets.warehouse.rows import InstructionRow, ResponseRow, VerdictRow

JUDGED: dict[str, type[InstructionRow] | type[ResponseRow]] = {
    "instructions": InstructionRow,
    "responses": ResponseRow,
}


class Verdict(NamedTuple):
    """Of one row: its ``instruction_id``, and why it is rejected; None keeps it."""

    row: int
    reason: str | None


class Edit(NamedTuple):
    """A row of ``responses`` that is kept with another answer, which every later step reads in its place."""

    row: int
    response: str


class RefiningStep(Step):
    """Kept rows of the step that it refines → `verdicts`. Subclasses name that step and write ``judge``.

    Keywords of ``judge`` behind the rows are options, which a recipe gives behind the step's name.
    """

    refines: ClassVar[str]
    tables = (VerdictRow,)
    checks = ("rows_reconcile", "not_empty")

    @abstractmethod
    def judge(self, job: Job, rows: Sequence[Any]) -> "Iterable[Verdict] | Iterable[Verdict | Edit]":
        """One verdict, or edited answer, for each row.

        Args:
            rows: those that every judge before this one kept, in their order.
        """

    def needs(self, recipe: Recipe, iteration: int) -> list[Need]:
        return [(self.refines, iteration)]

    def options(self, recipe: Recipe) -> dict[str, Any]:
        given = recipe.step_options(self.name)
        return checked_options(self.judge, given, f"step '{self.name}'", "recipe: steps", skip=2)

    def settings(self, recipe: Recipe, iteration: int) -> dict[str, Any]:
        settings, options = super().settings(recipe, iteration), self.options(recipe)
        return settings | ({"options": options} if options else {})

    def make(self, job: Job) -> Outcome:
        """Raises:
        SelfspecError: a verdict on a row that is not there, two on one row, none on another, or none that is text;
            an edited answer that is empty, or of what is no answer.
        """
        rows = [row for row in job.read(self.refines, JUDGED[self.refines]) if row.is_kept]
        wanted = {row.instruction_id for row in rows}
        reasons: dict[int, str | None] = {}
        edited: dict[int, str] = {}
        judge: Callable[..., Iterable[Verdict | Edit]] = self.judge
        for verdict in judge(job, rows, **self.options(job.recipe)):
            self._check(job, verdict, wanted, reasons)
            if isinstance(verdict, Edit):
                edited[verdict.row] = verdict.response
            reasons[verdict.row] = None if isinstance(verdict, Edit) else verdict.reason
        if missing := sorted(wanted - reasons.keys()):
            raise self._wrong(job, f"it gave no verdict on row {missing[0]} and {len(missing) - 1} more")
        return Outcome(
            {
                VerdictRow: [
                    VerdictRow(
                        step=self.name,
                        refines=self.refines,
                        row=row,
                        verdict="kept" if reasons[row] is None else "rejected",
                        reason=reasons[row],
                        version=self.code_version,
                        edited=edited.get(row),
                    )
                    for row in sorted(reasons)
                ]
            }
        )

    def _check(self, job: Job, verdict: object, wanted: set[int], judged: dict[int, str | None]) -> None:
        if not isinstance(verdict, tuple) or len(verdict) != 2 or not isinstance(verdict[1], str | None):
            raise self._wrong(job, f"it gave {verdict!r:.100}, not a row's number with a reason or None")
        if verdict[0] not in wanted:
            raise self._wrong(job, f"it gave a verdict on row {verdict[0]!r}, which it was not given")
        if verdict[0] in judged:
            raise self._wrong(job, f"it gave two verdicts on row {verdict[0]}")
        if isinstance(verdict, Edit) and (self.refines != "responses" or not (verdict.response or "").strip()):
            raise self._wrong(job, f"it edited row {verdict.row} to {verdict.response!r:.100}: only answers, to a text")

    def _wrong(self, job: Job, reason: str) -> SelfspecError:
        return SelfspecError(f"step '{self.name}'", f"{job.name}: {reason}", "correct the plug-in; nothing was stored")

    def check(self, job: Job, tables: Tables) -> list[Check]:
        rows: Any = tables[VerdictRow]
        kept = sum(row.verdict == "kept" for row in rows)
        judged = [row for row in job.read(self.refines, JUDGED[self.refines]) if row.is_kept]
        told = f"{len(judged)} rows of {self.refines} = {kept} kept + {len(rows) - kept} rejected"
        return [
            Check("rows_reconcile", len(rows) == len(judged), told),
            Check("not_empty", kept > 0, f"{kept} rows of {self.refines} are left"),
        ]

    def headline(self, tables: Tables) -> dict[str, Any]:
        rows: Any = tables[VerdictRow]
        kept = sum(row.verdict == "kept" for row in rows)
        edited = sum(row.edited is not None for row in rows)
        return {"kept": kept, "rejected": len(rows) - kept} | ({"edited": edited} if edited else {})
