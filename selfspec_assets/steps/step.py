"""What a step is.

Each file beside this one says all of one step once: what it needs, which values of the recipe and which files count for
it, its tables, how it is made and checked, and how large it is. Assets and their edges, signatures, the plan and the
SQL tables are made from that; Dagster is nowhere in it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.recipe.recipe import Recipe, settings_for
from selfspec_assets.steps.job import Job, Tables
from selfspec_assets.steps.lineage import Lineage, Need
from selfspec_assets.steps.size import Counts, Forecast, Past, Size
from selfspec_assets.warehouse.rows import Row


@dataclass(frozen=True)
class Check:
    """A rule that a step's rows must keep; a broken one stops everything downstream, unless it only warns."""

    name: str
    passed: bool
    detail: str
    warns: bool = False
    figures: Mapping[str, float] = field(default_factory=dict)  # what was measured, and the threshold of the recipe


@dataclass
class Outcome:
    """What a step made."""

    tables: dict[type[Row], Sequence[Row]]
    folders: dict[str, Path] = field(default_factory=dict)
    input_tokens: int = 0
    output_tokens: int = 0


class Step:
    """One asset. The class's docstring is what Dagster shows: columns in, columns out, equation or section.

    Attributes:
        name, code_version: as the decorator ``plugins.step`` gives them: of the step, its asset and its folder in the
            manifest; to be raised when the same inputs would give other rows.
        per_iteration: partitioned by domain × iteration; else by domain alone.
        tables: the rows that it fills.
        sections: of the recipe (or single keys) that count for it; ``settings`` may leave parts out.
        checks: names of what ``check`` gives.
        kinds: what Dagster shows beside the name.
        main_table: of ``tables`` the one that stands for the step in the UI; None: the first.
        holds_model: needs the accelerator, and its rows depend on the model.
        unit: what ``selfspec plan`` counts: requests, answers …; None where nothing takes long.
        on_demand: it only spares others work, so ``selfspec run`` makes it only where one that needs it is to be made.
        told_by_files: needs whose own signature does not count: it reads only a part of them, which ``files`` tells, or
            they follow wholly from what counts already.
        refines: the step whose rows it judges (``verdicts``); everything behind reads only rows that were kept.
    """

    name: ClassVar[str]
    code_version: ClassVar[str]
    per_iteration: ClassVar[bool] = True
    tables: ClassVar[tuple[type[Row], ...]]
    sections: ClassVar[tuple[str, ...]] = ()
    checks: ClassVar[tuple[str, ...]] = ("not_empty",)
    kinds: ClassVar[frozenset[str]] = frozenset({"duckdb"})
    main_table: ClassVar[type[Row] | None] = None
    holds_model: ClassVar[bool] = False
    unit: ClassVar[str | None] = None
    on_demand: ClassVar[bool] = False
    told_by_files: ClassVar[frozenset[str]] = frozenset()
    refines: ClassVar[str | None] = None

    # What it belongs to and depends on

    def belongs_to(self, recipe: Recipe) -> bool:
        """Whether the recipe's graph has it."""
        return True

    def needs(self, recipe: Recipe, iteration: int) -> list[Need]:
        """The steps whose rows or folders it reads."""
        return []

    def settings(self, recipe: Recipe, iteration: int) -> dict[str, Any]:
        """Its slice of the recipe: all of it that is in the signature."""
        return settings_for(recipe, *self.sections)

    def options(self, recipe: Recipe) -> dict[str, Any]:
        """What the recipe's ``steps`` give it, checked; most steps take nothing there.

        Raises:
            SelfspecError: an option that it does not have, or a value of another type.
        """
        given = recipe.step_options(self.name)
        if given:
            reason = f"step '{self.name}' has no option '{next(iter(given))}'"
            raise SelfspecError("recipe: steps", reason, "give its name alone; the recipe's sections hold its settings")
        return {}

    def files(self, lineage: Lineage, domain: str, iteration: int) -> dict[str, str]:
        """Name → digest of what it reads beside its needs: files of the pack, the model."""
        return {}

    def crosses(self, recipe: Recipe) -> str | None:
        """Where later iterations need it: what stands after ``published_`` in the asset that they see it through."""
        return None

    def work_signature(self, lineage: Lineage, domain: str, iteration: int) -> str:
        """Names the folder of its unfinished work; another than the signature where more recipes can share it."""
        return lineage.signature(self.name, domain, iteration)

    def obstacle(self, lineage: Lineage, domain: str) -> SelfspecError | None:
        """What would stop it before it begins, found in recipe, pack and files alone; its needs are not looked at.

        Raises:
            SelfspecError: the same.
        """
        return None

    # What it does

    def make(self, job: Job) -> Outcome:
        """Its rows and folders; long work goes through ``job.in_batches``, so that a kill loses one batch."""
        raise NotImplementedError

    def check(self, job: Job, tables: Tables) -> list[Check]:
        """The rules of ``checks``, in their order."""
        return [not_empty(tables, self.tables[0])]

    def headline(self, tables: Tables) -> dict[str, Any]:
        """The few numbers that a person wants to see first."""
        return {}

    # How large it is: see ``size``

    def size(self, settings: Mapping[str, Any], counts: Counts) -> Size:
        """What its cost grows with."""
        return Size(counts["units"], counts["units"], 0.0, disk=counts["units"])

    def counted(self, past: Past) -> Counts:
        """The counts of a revision that is there.

        Raises:
            KeyError: it has other inputs or tables than this version makes.
        """
        return {"units": 1}

    def forecast(self, forecast: Forecast, iteration: int) -> Counts:
        """The counts of one that is not made yet, exact where what it needs is."""
        return {"units": 1}


def not_empty(tables: Tables, row_type: type[Row]) -> Check:
    count = len(tables[row_type])
    return Check("not_empty", count > 0, f"{count} rows in {row_type.table}")
