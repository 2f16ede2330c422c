"""Dagster's assets of a recipe, one for each step, made from what the step says of itself."""

import inspect

import dagster as dg

from selfspec_assets.orchestration.materialise import Result, materialise
from selfspec_assets.orchestration.partitions import asset_key, domain_by_iteration, domains, edges, published_spec
from selfspec_assets.recipe.recipe import NamedRecipe
from selfspec_assets.steps.lineage import Lineage, code_version
from selfspec_assets.steps.step import Step


def asset_of(lineage: Lineage, step: Step) -> dg.AssetsDefinition:
    """The asset of a step: its edges are the step's needs, its checks and its version the step's own."""
    named = lineage.named
    partitions = domain_by_iteration(named) if step.per_iteration else domains(named)

    @dg.asset(
        name=step.name,
        key_prefix=named.key,
        group_name=named.key,
        description=inspect.getdoc(type(step)),
        partitions_def=partitions,
        code_version=code_version(step.name),
        pool="gpu" if step.holds_model else None,
        deps=edges(lineage, step),
        check_specs=[dg.AssetCheckSpec(name, asset=asset_key(named, step.name), blocking=True) for name in step.checks],
        kinds=set(step.kinds),
    )
    def made(context: dg.AssetExecutionContext) -> Result:
        yield from materialise(context, named, step)

    return made


def assets_of(named: NamedRecipe) -> list[dg.AssetsDefinition | dg.AssetSpec]:
    """One recipe's assets in flow order, and what crosses from one iteration to later ones."""
    lineage = Lineage(named)
    crossing = [
        published_spec(named, step, crosses) for step in lineage.flow if (crosses := step.crosses(named.recipe))
    ]
    return [*(asset_of(lineage, step) for step in lineage.flow), *crossing]


def definitions_of(recipes: list[NamedRecipe]) -> dg.Definitions:
    """All recipes' assets; a run is one partition's chain and goes through in one process (the model loads once)."""
    return dg.Definitions(
        assets=[asset for named in recipes for asset in assets_of(named)], executor=dg.in_process_executor
    )
