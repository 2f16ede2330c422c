"""Domain × iteration partitions of one recipe, and the edges between iterations.

Iteration n needs iteration n-1. Declared directly that is a cycle, so ``adapter`` reports each adapter on an external
asset, ``published_adapters``, and the next iteration depends on that through a mapping 1 → 2, 2 → 3, ….
"""

import warnings

import dagster as dg

from selfspec_assets.recipe.recipe import NamedRecipe

# Dagster marks multi-dimensional mappings as beta; the versions are pinned in requirements.lock.
warnings.filterwarnings("ignore", category=dg.BetaWarning)


def domains(named: NamedRecipe) -> dg.StaticPartitionsDefinition:
    return dg.StaticPartitionsDefinition(list(named.recipe.domains))


def domain_by_iteration(named: NamedRecipe) -> dg.MultiPartitionsDefinition:
    iterations = [str(n) for n in range(1, named.recipe.iterations + 1)]
    return dg.MultiPartitionsDefinition(
        {"domain": domains(named), "iteration": dg.StaticPartitionsDefinition(iterations)}
    )


def asset_key(named: NamedRecipe, name: str) -> dg.AssetKey:
    return dg.AssetKey([named.key, name])


def of_domain(named: NamedRecipe, name: str) -> dg.AssetDep:
    """An edge from an asset that is partitioned by domain alone."""
    return dg.AssetDep(asset_key(named, name), partition_mapping=dg.MultiToSingleDimensionPartitionMapping("domain"))


def of_iteration(named: NamedRecipe, name: str) -> dg.AssetDep:
    """An edge from the same domain and iteration."""
    return dg.AssetDep(asset_key(named, name))


def of_earlier_adapters(named: NamedRecipe, distances: tuple[int, ...]) -> list[dg.AssetDep]:
    """The edge from the adapters that many iterations back; none for a recipe of one iteration."""
    last = named.recipe.iterations
    steps: dict[str, list[str]] = {str(n): [str(n + d) for d in distances if n + d <= last] for n in range(1, last + 1)}
    steps = {upstream: downstream for upstream, downstream in steps.items() if downstream}
    if not steps:
        return []
    mapping = dg.MultiPartitionMapping(
        {
            "domain": dg.DimensionPartitionMapping("domain", dg.IdentityPartitionMapping()),
            "iteration": dg.DimensionPartitionMapping("iteration", dg.StaticPartitionMapping(steps)),
        }
    )
    return [dg.AssetDep(asset_key(named, "published_adapters"), partition_mapping=mapping)]


def published_adapters(named: NamedRecipe) -> dg.AssetSpec:
    return dg.AssetSpec(
        asset_key(named, "published_adapters"),
        group_name=named.key,
        partitions_def=domain_by_iteration(named),
        description="Adapters as later iterations see them: reported by `adapter`, needed by the iteration after it.",
    )


def partition_key(domain: str, iteration: int) -> dg.MultiPartitionKey:
    return dg.MultiPartitionKey({"domain": domain, "iteration": str(iteration)})
