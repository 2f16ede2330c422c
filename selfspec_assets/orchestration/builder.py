"""Dagster's assets of a recipe, one for each step, made from what the step says of itself; its jobs and sensors."""

from collections.abc import Sequence
from typing import Any

import dagster as dg

from selfspec_assets.orchestration import catalogue, shown
from selfspec_assets.orchestration.automation import condition_of, declared_files, edge_to_files, sensors_of
from selfspec_assets.orchestration.materialise import Result, materialise
from selfspec_assets.orchestration.partitions import asset_key, domain_by_iteration, domains, edges, published_spec
from selfspec_assets.recipe.recipe import NamedRecipe
from selfspec_assets.steps import quality
from selfspec_assets.steps.lineage import Lineage, code_version
from selfspec_assets.steps.step import Step


def asset_of(lineage: Lineage, step: Step) -> dg.AssetsDefinition:
    """The asset of a step: its edges are the step's needs, its checks and its version the step's own."""
    named = lineage.named
    partitions = domain_by_iteration(named) if step.per_iteration else domains(named)

    @dg.asset(
        name=step.name,
        key_prefix=named.key,
        group_name=catalogue.group_of(named),
        description=catalogue.description_of(step),
        owners=catalogue.owners_of(step),
        tags=catalogue.tags_of(named),
        metadata=shown.always(lineage, step),
        partitions_def=partitions,
        code_version=code_version(step.name),
        pool="gpu" if step.holds_model else None,
        deps=[*edges(lineage, step), *edge_to_files(lineage, step)],
        check_specs=check_specs(named, step),
        kinds=set(step.kinds),
        automation_condition=condition_of(named),
    )
    def made(context: dg.AssetExecutionContext) -> Result:
        yield from materialise(context, named, step)

    return made


def check_specs(named: NamedRecipe, step: Step) -> list[dg.AssetCheckSpec]:
    """The step's own rules, which stop what comes behind, and the figures that only warn."""
    asset = asset_key(named, step.name)
    return [
        *(dg.AssetCheckSpec(name, asset=asset, blocking=True) for name in step.checks),
        *(dg.AssetCheckSpec(name, asset=asset, description=what) for name, what in quality.described(step).items()),
    ]


def assets_of(named: NamedRecipe) -> list[dg.AssetsDefinition | dg.AssetSpec]:
    """One recipe's assets in flow order, and what crosses from one iteration to later ones."""
    lineage = Lineage(named)
    crossing = [
        published_spec(named, step, crosses) for step in lineage.flow if (crosses := step.crosses(named.recipe))
    ]
    return [*(asset_of(lineage, step) for step in lineage.flow), *crossing, *declared_files(lineage)]


def jobs_of(named: NamedRecipe) -> list[Any]:  # Dagster's type of a job that is not resolved yet is private
    """The recipe's iterations as a job of its name, and what they rest on as ``<name>_domain``.

    Dagster gives all assets of a job the same partitions, so what belongs to a domain alone is a job of its own.
    """
    lineage, about = Lineage(named), catalogue.headline_of(named)
    jobs = [
        (f"{named.key}_domain", False, domains(named), f"What belongs to a domain alone; first of all. {about}"),
        (named.key, True, domain_by_iteration(named), f"One iteration of one domain. {about}"),
    ]
    return [
        dg.define_asset_job(
            name,
            [asset_key(named, step.name) for step in lineage.flow if step.per_iteration == per_iteration],
            description=description,
            tags=catalogue.tags_of(named),
            partitions_def=partitions,
            executor_def=dg.in_process_executor,
        )
        for name, per_iteration, partitions, description in jobs
    ]


def definitions_of(
    recipes: Sequence[NamedRecipe], executor: dg.ExecutorDefinition | None = dg.in_process_executor
) -> dg.Definitions:
    """All recipes' assets, jobs and sensors; a run is one partition's chain in one process, so the model loads once.

    Args:
        executor: of the whole code location; None leaves it to somebody else's project. Jobs have their own.
    """
    return dg.Definitions(
        assets=[asset for named in recipes for asset in assets_of(named)],
        jobs=[job for named in recipes for job in jobs_of(named)],
        sensors=sensors_of(recipes),
        executor=executor,
    )
