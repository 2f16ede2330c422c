"""The asset ``seeds``: the worked examples that everything grows from (Section 3.1)."""

from typing import Any

import dagster as dg

from selfspec_assets.orchestration.assets.step import Check, Job, Outcome, Result, Tables, not_empty, run_step, specs
from selfspec_assets.orchestration.partitions import domains
from selfspec_assets.packs.seed_sample import recipe_seeds, sampling_notes
from selfspec_assets.recipe.recipe import NamedRecipe
from selfspec_assets.steps.lineage import STEPS
from selfspec_assets.warehouse.rows import SeedRow


def seeds(named: NamedRecipe) -> dg.AssetsDefinition:
    """Build the asset of one recipe."""

    @dg.asset(
        name="seeds",
        key_prefix=named.key,
        group_name=named.key,
        partitions_def=domains(named),
        code_version=STEPS["seeds"].code_version,
        check_specs=specs(named, "seeds", "not_empty"),
        kinds={"jsonl", "duckdb"},
    )
    def seeds(context: dg.AssetExecutionContext) -> Result:
        """Worked examples (i, c, y), hand-written or drawn from training splits → `seeds`. Section 3.1."""
        yield from run_step(context, named, "seeds", make_seeds, check_seeds, headline)

    return seeds


def make_seeds(job: Job) -> Outcome:
    found = recipe_seeds(job.pack, job.recipe)
    for note in sampling_notes(job.pack, job.recipe):
        job.report(f"{job.name}: {note}")
    return Outcome(
        {
            SeedRow: [
                SeedRow(number, s.seed_id, s.task, s.demonstrates, s.instruction, s.input, s.output, s.source)
                for number, s in enumerate(found)
            ]
        }
    )


def check_seeds(job: Job, tables: Tables) -> list[Check]:
    return [not_empty(tables, SeedRow)]


def headline(tables: Tables) -> dict[str, Any]:
    rows: Any = tables[SeedRow]
    return {"tasks": len({row.task for row in rows})}
