"""How much a step has to do: counted in a past revision, forecast for one that is not made yet.

Two sizes of one step are compared, so a number means something only beside another of the same step.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from selfspec_assets.packs.pack import load_training_items
from selfspec_assets.packs.scored_benchmarks import read_present, scored_benchmarks
from selfspec_assets.packs.seed_sample import recipe_seeds
from selfspec_assets.steps.lineage import Lineage
from selfspec_assets.warehouse import Revision, Warehouse
from selfspec_assets.warehouse.rows import AdapterRow, BenchmarkRow, InstructionRow, ResponseRow

UNITS = {
    "instructions": "requests",
    "passages": "queries",
    "responses": "answers",
    "adapter": "examples",
    "base_predictions": "predictions",
    "predictions": "predictions",
}
MODEL_STEPS = frozenset(UNITS) - {"passages"}


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


def size(step: str, settings: Mapping[str, Any], counts: Mapping[str, float]) -> Size:
    """The size of a step.

    Args:
        settings: its slice of the recipe, as in its signature.
        counts: ``units``, and for responses ``passages`` in all.
    """
    units = counts["units"]
    if step == "instructions":
        section = settings["instructions"]
        wanted = section["tasks_per_prompt"] - section["seeds_per_prompt"]
        return Size(units, units, units * wanted, disk=units * wanted)
    if step == "responses":
        form = settings["responses"].get("contrast", {}).get("form", "none")
        prompts = max(units, counts.get("passages", 0))
        return Size(units, prompts, units, weight=1.0 if form == "none" else 2.0, disk=prompts)
    if step == "adapter":
        section = settings["adapter"]
        return Size(units, units * section["epochs"], 0.0, disk=section["r"])
    if step in ("base_predictions", "predictions"):
        shots = settings["scores"]["shots"]
        return Size(units, units * sum(1 + k for k in shots) / len(shots), units, disk=units)
    if step in ("base_scores", "scores"):
        return Size(units, units * settings["scores"]["resamples"], 0.0, disk=units)
    return Size(units, units, 0.0, disk=units)


def counted(warehouse: Warehouse, made: Revision, inputs: Mapping[str, str]) -> dict[str, float]:
    """The counts of a past revision.

    Raises:
        SelfspecError: one of its inputs, or itself, is gone or damaged.
        KeyError: it has other inputs or tables than this version makes.
    """

    def upstream(step: str) -> Mapping[str, int]:
        found = max(name for name in inputs if name.startswith(f"{step}|"))
        return warehouse.revision(inputs[found]).tables

    if made.step == "instructions":
        return {"units": made.tables["instruction_requests"], "kept": _kept(warehouse, made)}
    if made.step == "passages":
        return {"units": made.tables["retrievals"]}
    if made.step == "responses":
        return {"units": made.tables["responses"], "passages": upstream("passages")["passages"]}
    if made.step == "adapter":
        return {"units": warehouse.read(made.signature, AdapterRow)[0].examples}
    if made.step in ("base_predictions", "predictions"):
        return {"units": made.tables["predictions"]}
    if made.step in ("base_scores", "scores"):
        return {"units": upstream(made.step.replace("scores", "predictions"))["predictions"]}
    return {"units": 1}


def _kept(warehouse: Warehouse, made: Revision) -> int:
    return sum(row.kept for row in warehouse.read(made.signature, InstructionRow))


class Forecast:
    """What the steps of one domain will have to do; counts of what is made already are exact.

    Where nothing else is known, a step keeps everything: ``target`` instructions, all answers.

    Args:
        kept_per_item: instructions kept of one that a list prompt asks for, by iteration, as a past run had it; None
            where there was none.
    """

    def __init__(
        self, lineage: Lineage, warehouse: Warehouse, domain: str, kept_per_item: Callable[[int], float | None]
    ) -> None:
        self._lineage, self._warehouse, self._domain = lineage, warehouse, domain
        self._kept_per_item = kept_per_item

    def counts(self, step: str, iteration: int) -> dict[str, float]:
        """As ``size`` takes them; for instructions the requests at most.

        Raises:
            SelfspecError: a file that has to be read is missing or broken.
        """
        recipe = self._lineage.recipe
        if step == "instructions":
            again = iteration > 1 and recipe.loop.instructions.later_iterations == "same"
            return {"units": 0 if again else recipe.loop.instructions.max_requests}
        if step == "passages":
            return {"units": self._instructions(iteration)}
        if step == "responses":
            return {"units": self._instructions(iteration), "passages": self._passages(iteration)}
        if step == "adapter":
            return {"units": self._examples(iteration)}
        if step in ("base_predictions", "predictions", "base_scores", "scores"):
            return {"units": self._questions(base=step.startswith("base_"))}
        return {"units": 1}

    def _made(self, step: str, iteration: int) -> Revision | None:
        signature = self._lineage.signature(step, self._domain, iteration)
        return self._warehouse.revision(signature) if self._warehouse.has(signature) else None

    def _instructions(self, iteration: int) -> int:
        made = self._made("instructions", iteration)
        if made is not None:
            return _kept(self._warehouse, made)
        settings = self._lineage.recipe.loop.instructions
        if iteration > 1 and settings.later_iterations == "same":
            return self._instructions(1)
        share = self._kept_per_item(iteration)
        most = settings.max_requests * (settings.tasks_per_prompt - settings.seeds_per_prompt)
        return settings.target if share is None else min(settings.target, max(settings.min_kept, int(most * share)))

    def _passages(self, iteration: int) -> int:
        made = self._made("passages", iteration)
        k = self._lineage.recipe.passages.k_of(iteration)
        return self._instructions(iteration) * k if made is None else made.tables["passages"]

    def _examples(self, iteration: int) -> int:
        data = self._lineage.recipe.adapter.data
        pack, kind = self._lineage.pack(self._domain), self._lineage.recipe.data
        if data == "seeds":
            return len(recipe_seeds(pack, self._lineage.recipe))
        if data == "supervised":
            scored = scored_benchmarks(self._lineage.named, pack)
            return sum(len(load_training_items(pack, one, kind)) for one in scored)
        return sum(self._answers(n) for n in range(1 if data == "union" else iteration, iteration + 1))

    def _answers(self, iteration: int) -> int:
        made = self._made("responses", iteration)
        if made is None:
            return self._instructions(iteration)
        return sum(row.verdict == "kept" for row in self._warehouse.read(made.signature, ResponseRow))

    def _questions(self, base: bool) -> int:
        section = self._lineage.recipe.scores
        limit, wanted = section.items_per_benchmark, section.benchmarks
        items = {name: count for name, count in self._items().items() if wanted is None or name in wanted}
        asked = sum(count if limit is None else min(count, limit) for count in items.values())
        return asked * len(section.shots) * (len(section.base_variants) if base else 1)

    def _items(self) -> dict[str, int]:
        made = self._made("benchmarks", 0)
        if made is not None:
            return {row.benchmark: row.items for row in self._warehouse.read(made.signature, BenchmarkRow)}
        pack, kind = self._lineage.pack(self._domain), self._lineage.recipe.data
        found, _ = read_present(pack, kind, self._lineage.recipe.scores.benchmarks)
        return {name: len(read.items) for name, read in found.items()}
