"""The step ``seeds``: the worked examples that everything grows from (Section 3.1)."""

from typing import Any

from selfspec_assets import plugins
from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.packs.records import Seed
from selfspec_assets.packs.seed_sample import benchmarks_to_demonstrate_by_hand, recipe_seeds, sampling_notes
from selfspec_assets.recipe.recipe import Recipe, settings_for
from selfspec_assets.steps.digests import benchmark_files, seed_file, training_files
from selfspec_assets.steps.job import Job, Tables
from selfspec_assets.steps.lineage import Lineage
from selfspec_assets.steps.step import Check, Outcome, Step, not_empty
from selfspec_assets.warehouse.rows import SeedRow


@plugins.step("seeds", version="4")
class Seeds(Step):
    """Worked examples (i, c, y), hand-written or drawn from training splits → `seeds`. Section 3.1."""

    per_iteration = False
    tables = (SeedRow,)
    kinds = frozenset({"json", "duckdb"})

    def settings(self, recipe: Recipe, iteration: int) -> dict[str, Any]:
        settings: dict[str, Any] = settings_for(recipe, "seed", "seeds")
        if recipe.seeds.limit is None:
            settings["seeds"].pop("limit")
        if recipe.seeds.sample_train is None:
            return {} if recipe.seeds.limit is None else {"seeds": {"limit": recipe.seeds.limit}}
        return {**settings, "benchmarks": recipe.scores.benchmarks}

    def files(self, lineage: Lineage, domain: str, iteration: int) -> dict[str, str]:
        pack, recipe = lineage.pack(domain), lineage.recipe
        if recipe.seeds.sample_train is None:
            return seed_file(pack, recipe)
        by_hand = benchmarks_to_demonstrate_by_hand(pack, recipe)
        return {
            **(seed_file(pack, recipe) if by_hand else {}),
            **benchmark_files(lineage.named, pack),  # the test splits count, too: what stands in one is not drawn
            "domain": domain,  # seeds are drawn by its name
            "comparison": "3",  # raise it when other items would count as those of a test split
            **{f"{name}/train": digest for name, digest in training_files(pack, recipe).items()},
        }

    def obstacle(self, lineage: Lineage, domain: str) -> SelfspecError | None:
        recipe_seeds(lineage.pack(domain), lineage.recipe)
        return None

    def make(self, job: Job) -> Outcome:
        seeds = recipe_seeds(job.pack, job.recipe)
        for note in sampling_notes(job.pack, job.recipe):
            job.report(f"{job.name}: {note}")
        return Outcome({SeedRow: [seed_row(number, seed) for number, seed in enumerate(seeds)]})

    def check(self, job: Job, tables: Tables) -> list[Check]:
        return [not_empty(tables, SeedRow)]

    def headline(self, tables: Tables) -> dict[str, Any]:
        rows: Any = tables[SeedRow]
        return {"tasks": len({row.task for row in rows})}


def seed_row(number: int, seed: Seed) -> SeedRow:
    """The row of a seed."""
    return SeedRow(
        seed=number,
        seed_id=seed.seed_id,
        task=seed.task,
        demonstrates=seed.demonstrates,
        instruction=seed.instruction,
        input=seed.input,
        output=seed.output,
        source=seed.source,
        passage=seed.passage,
    )
