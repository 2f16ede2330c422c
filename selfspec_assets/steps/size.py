"""How much a step has to do: counted in a past revision, forecast for one that is not made yet.

Two sizes of one step are compared, so a number means something only beside another of the same step. Which counts a
step has and what they come to is in the step's own file.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

from selfspec_assets.packs.scored_benchmarks import read_present
from selfspec_assets.recipe.recipe import Recipe
from selfspec_assets.steps.lineage import Lineage
from selfspec_assets.warehouse import Revision, Warehouse
from selfspec_assets.warehouse.parquet import R
from selfspec_assets.warehouse.rows import BenchmarkRow

Counts = dict[str, float]  # "units", and what else a step's size takes


@dataclass(frozen=True)
class Size:
    """What a step's cost grows with.

    Args:
        units: requests, queries, answers, examples or predictions; 1 for a step that has none.
        reading: grows as the tokens read.
        writing: grows as the tokens written; 0 where none are.
        weight: seconds per token beside another run of the step: two models at once take twice as long.
        disk: grows as the bytes stored.
    """

    units: float
    reading: float
    writing: float
    weight: float = 1.0
    disk: float = 1.0

    def times(self, share: float) -> "Size":
        """A share of the work."""
        return Size(self.units * share, self.reading * share, self.writing * share, self.weight, self.disk)


@dataclass(frozen=True)
class Past:
    """A revision that is there, as a step counts it.

    Args:
        inputs: of its signature: step|iteration → signature.
    """

    warehouse: Warehouse
    revision: Revision
    inputs: Mapping[str, str]

    @property
    def tables(self) -> Mapping[str, int]:
        """Rows by table."""
        return self.revision.tables

    def rows(self, row_type: type[R]) -> list[R]:
        """The rows of one of its tables."""
        return self.warehouse.read(self.revision.signature, row_type)

    def upstream(self, step: str) -> Mapping[str, int]:
        """Rows by table of the last revision of a step that it was made from.

        Raises:
            SelfspecError: it is gone or damaged.
            KeyError: it was made from none.
        """
        names = [name for name in self.inputs if name.startswith(f"{step}|")]
        if not names:
            raise KeyError(step)
        return self.warehouse.revision(self.inputs[max(names)]).tables


class Forecast:
    """What is known of the steps of one domain before they run; what is made already is counted.

    Where nothing else is known, a step keeps everything: ``target`` instructions, all answers.

    Args:
        kept_per_item: instructions kept of one that a list prompt asks for, by iteration, as a past run had it; None
            where there was none.
    """

    def __init__(
        self, lineage: Lineage, warehouse: Warehouse, domain: str, kept_per_item: Callable[[int], float | None]
    ) -> None:
        self.lineage, self.warehouse, self.domain = lineage, warehouse, domain
        self.kept_per_item = kept_per_item

    @property
    def recipe(self) -> Recipe:
        return self.lineage.recipe

    def made(self, step: str, iteration: int) -> Revision | None:
        """The revision that the recipe expects of a step, if it is there."""
        signature = self.lineage.signature(step, self.domain, iteration)
        return self.warehouse.revision(signature) if self.warehouse.has(signature) else None

    def rows(self, revision: Revision, row_type: type[R]) -> list[R]:
        """The rows of such a revision."""
        return self.warehouse.read(revision.signature, row_type)

    @cached_property
    def benchmark_items(self) -> Mapping[str, int]:
        """The number of items of each benchmark that is there; files that are large are read once for all steps."""
        revision = self.made("benchmarks", 0)
        if revision is not None:
            return {row.benchmark: row.items for row in self.rows(revision, BenchmarkRow)}
        read, _ = read_present(self.lineage.pack(self.domain), self.recipe.data, self.recipe.scores.benchmarks)
        return {name: len(read_items.items) for name, read_items in read.items()}
