"""Domain × iteration partitions of one recipe, and Dagster's edges between steps, made from what the steps need.

Iteration n needs what iteration n-1 made. Declared directly that is a cycle, so a step that later iterations need
reports each revision on an external asset, ``published_adapters`` for ``adapter``, and the later iteration depends on
that through a mapping 1 → 2, 2 → 3, ….
"""

import warnings

import dagster as dg

from selfspec_assets.orchestration.catalogue import group_of, tags_of
from selfspec_assets.recipe.recipe import NamedRecipe
from selfspec_assets.steps.lineage import Lineage
from selfspec_assets.steps.step import Step

# Dagster marks multi-dimensional mappings as beta; the versions are pinned in requirements.lock.
warnings.filterwarnings("ignore", category=dg.BetaWarning)


def domains(named: NamedRecipe) -> dg.StaticPartitionsDefinition:
    return dg.StaticPartitionsDefinition(list(named.recipe.domains))


def domain_by_iteration(named: NamedRecipe) -> dg.MultiPartitionsDefinition:
    iterations = [str(n) for n in range(1, named.recipe.iterations + 1)]
    return dg.MultiPartitionsDefinition(
        {"domain": domains(named), "iteration": dg.StaticPartitionsDefinition(iterations)}
    )


def partition_key(domain: str, iteration: int) -> dg.MultiPartitionKey:
    return dg.MultiPartitionKey({"domain": domain, "iteration": str(iteration)})


def partition_of(key: str) -> tuple[str, int]:
    """Domain and iteration of a partition's key; iteration 0 where it is a domain alone."""
    if isinstance(key, dg.MultiPartitionKey):
        return key.keys_by_dimension["domain"], int(key.keys_by_dimension["iteration"])
    return key, 0


def asset_key(named: NamedRecipe, name: str) -> dg.AssetKey:
    return dg.AssetKey([named.key, name])


def published(named: NamedRecipe, crosses: str) -> dg.AssetKey:
    """The external asset that later iterations see a step's revisions through."""
    return asset_key(named, f"published_{crosses}")


def edges(lineage: Lineage, step: Step) -> list[dg.AssetDep]:
    """A step's needs as Dagster's edges: the same partition, the domain's own steps, earlier iterations."""
    named = lineage.named
    if not step.per_iteration:
        return [dg.AssetDep(asset_key(named, name)) for name, _ in lineage.needs(step.name, 0)]
    last = named.recipe.iterations
    own: dict[str, dg.AssetDep] = {}
    earlier: dict[str, dict[str, list[str]]] = {}  # crosses -> iteration -> those that need it
    for n in range(1, last + 1):
        for name, needed in lineage.needs(step.name, n):
            if needed == 0:
                mapping = dg.MultiToSingleDimensionPartitionMapping("domain")
                own[name] = dg.AssetDep(asset_key(named, name), partition_mapping=mapping)
            elif needed == n:
                own[name] = dg.AssetDep(asset_key(named, name))
            else:
                crosses = lineage.step(name).crosses(named.recipe) or name
                earlier.setdefault(crosses, {}).setdefault(str(needed), []).append(str(n))
    return [*own.values(), *(_across(named, crosses, steps) for crosses, steps in earlier.items())]


def _across(named: NamedRecipe, crosses: str, iterations: dict[str, list[str]]) -> dg.AssetDep:
    mapping = dg.MultiPartitionMapping(
        {
            "domain": dg.DimensionPartitionMapping("domain", dg.IdentityPartitionMapping()),
            "iteration": dg.DimensionPartitionMapping("iteration", dg.StaticPartitionMapping(iterations)),
        }
    )
    return dg.AssetDep(published(named, crosses), partition_mapping=mapping)


def published_spec(named: NamedRecipe, step: Step, crosses: str) -> dg.AssetSpec:
    """What later iterations see of a step."""
    return dg.AssetSpec(
        published(named, crosses),
        group_name=group_of(named),
        tags=tags_of(named),
        partitions_def=domain_by_iteration(named),
        description=f"`{step.name}` as later iterations see it: reported when it is made, needed by those behind it.",
    )
