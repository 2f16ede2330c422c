"""An adapter that a recipe has made, with all that it came from: what every export begins with."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.base.progress import Report
from selfspec_assets.recipe.recipe import NamedRecipe, Recipe
from selfspec_assets.steps.adapter import TuningExample, fitting_examples
from selfspec_assets.steps.job import Job
from selfspec_assets.steps.lineage import Lineage
from selfspec_assets.warehouse.rows import AdapterRow, InstructionRow, PassageRow, RequestRow, Row

R = TypeVar("R", bound=Row)


@dataclass(frozen=True)
class Tuned:
    """One iteration's adapter of a recipe in a domain; ``report`` takes lines for a person."""

    lineage: Lineage
    domain: str
    iteration: int
    report: Report

    @property
    def named(self) -> NamedRecipe:
        return self.lineage.named

    @property
    def recipe(self) -> Recipe:
        return self.lineage.recipe

    @property
    def slug(self) -> str:
        """Names the export's files and data sets."""
        return f"{self.named.key}_{self.domain}_{self.iteration}".lower()

    @property
    def title(self) -> str:
        return f"{self.job('adapter').pack.file.title}, recipe {self.named.name}, iteration {self.iteration}"

    def job(self, step: str, iteration: int | None = None) -> Job:
        """A step of this partition; of the domain's own steps the iteration is 0."""
        n = self.iteration if iteration is None else iteration
        return Job(self.lineage, step, self.domain, n if self.lineage.step(step).per_iteration else 0, self.report)

    def has(self, step: str, iteration: int | None = None) -> bool:
        """Whether the step's rows are there, made from what the recipe says now."""
        if step not in {own.name for own in self.lineage.flow}:
            return False
        job = self.job(step, iteration)
        return job.warehouse.shows(job.key, job.signature)

    def rows(self, step: str, row_type: type[R], iteration: int | None = None) -> list[R]:
        """All rows of a step, those that a judge rejected among them; none where it has not been made."""
        if not self.has(step, iteration):
            return []
        job = self.job(step, iteration)
        there = job.warehouse.revision(job.signature).tables
        return job.warehouse.read(job.signature, row_type) if row_type.table in there else []

    @cached_property
    def row(self) -> AdapterRow:
        return self.rows("adapter", AdapterRow)[0]

    @property
    def folder(self) -> Path:
        """The stored adapter: to be read only."""
        job = self.job("adapter")
        return job.folder("adapter", "adapter")

    @cached_property
    def examples(self) -> list[TuningExample]:
        """What it was tuned on: what all refining steps kept, without what was too long.

        Raises:
            SelfspecError: what it was made of is not there any more.
        """
        job = self.job("adapter")
        job.require_inputs()
        return fitting_examples(job)[0]

    @property
    def answer_iterations(self) -> Sequence[int]:
        """The iterations whose answers it was tuned on; none of a reference."""
        if self.recipe.is_reference:
            return ()
        return range(1 if self.recipe.adapter.data == "union" else self.iteration, self.iteration + 1)

    @cached_property
    def texts(self) -> dict[tuple[int, int], tuple[str, ...]]:
        """By iteration and instruction's id: titles of the corpus texts that task and answer rest on, best first."""
        found: dict[tuple[int, int], dict[str, None]] = {}
        for n in self.answer_iterations:
            for row in self.rows("instructions", InstructionRow, n):
                requests = self._requests(row.made_in_iteration)
                if document := requests.get(row.request):
                    found.setdefault((n, row.instruction_id), {})[document] = None
            for passage in sorted(self.rows("passages", PassageRow, n), key=lambda row: row.rank):
                found.setdefault((n, passage.instruction_id), {})[passage.title or passage.document_id] = None
        return {key: tuple(titles) for key, titles in found.items()}

    def _requests(self, iteration: int) -> dict[int, str]:
        if iteration not in self._documents:
            rows = self.rows("instructions", RequestRow, iteration)
            self._documents[iteration] = {row.request: row.document_id for row in rows if row.document_id}
        return self._documents[iteration]

    @cached_property
    def _documents(self) -> dict[int, dict[int, str]]:
        return {}


def find_tuned(
    named: NamedRecipe, domain: str | None, iteration: int | None, report: Report, step: str = "adapter"
) -> Tuned:
    """The adapter that is asked for; without ``iteration`` the last one that is there.

    Args:
        step: what has to be there; an export that needs no adapter names another one.

    Raises:
        SelfspecError: several domains and none named; no such iteration; the adapter has not been made, or not from
            what the recipe says now.
    """
    if domain is None:
        if len(named.recipe.domains) > 1:
            raise SelfspecError(
                "--domain",
                f"recipe '{named.name}' has several domains, and an export is of one",
                f"add --domain with one of: {', '.join(named.recipe.domains)}",
            )
        domain = named.recipe.domains[0]
    last = named.recipe.iterations
    if iteration is not None and not 1 <= iteration <= last:
        raise SelfspecError(f"--iteration {iteration}", f"recipe '{named.name}' has iterations 1 to {last}", "name one")
    lineage = Lineage(named)
    wanted = [iteration] if iteration is not None else range(last, 0, -1)
    for n in wanted:
        tuned = Tuned(lineage, domain, n, report)
        if tuned.has(step):
            if iteration is None and n < last:
                report(f"iteration {n} is exported: iteration {last} has no adapter yet, or a stale one")
            return tuned
    job = Tuned(lineage, domain, wanted[0], report).job(step)
    state = "has not been made" if job.warehouse.current(job.key) is None else "was made from other settings or files"
    upto = "" if iteration is None else f" --iterations {iteration}"
    raise SelfspecError(
        f"{named.name}: {job.name}", f"it {state}", f"selfspec run {named.name} --domain {domain}{upto}"
    )
