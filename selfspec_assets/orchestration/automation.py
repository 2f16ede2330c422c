"""Automation of a recipe that asks for it (``automation: true``): what is missing or stale is made by itself.

Dagster sees what follows from an asset, not that a file has changed. So such a recipe has one more asset, ``files``:
for each domain, step and iteration the digest of what the step reads beside other steps (seeds, corpus, benchmarks,
prompts, the model, its slice of the recipe). A sensor looks at them and reports what has changed; Dagster marks the
steps that read it as stale, and its own declarative automation makes them anew.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import dagster as dg

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.base.signature import canonical_json, text_digest
from selfspec_assets.orchestration.catalogue import group_of
from selfspec_assets.orchestration.partitions import asset_key, domains
from selfspec_assets.recipe.component_file import load_again
from selfspec_assets.recipe.recipe import NamedRecipe
from selfspec_assets.steps.lineage import Lineage
from selfspec_assets.steps.step import Step

FILES = "files"
LOOK_EVERY = 30  # s


def condition_of(named: NamedRecipe) -> dg.AutomationCondition[Any] | None:
    """Make a partition once that is missing, or of which something that it needs was made, when all of that is there.

    Dagster's own ``eager`` passes over what was missing before it was switched on. What has failed waits for a change.
    """
    if not named.recipe.automation:
        return None
    condition = dg.AutomationCondition
    due = condition.missing().newly_true() | condition.any_deps_updated()
    due = due.since(condition.newly_requested() | condition.newly_updated())
    idle = ~condition.any_deps_missing() & ~condition.any_deps_in_progress() & ~condition.in_progress()
    return due & idle


def declared_files(lineage: Lineage) -> list[dg.AssetSpec]:
    """What the sensor reports on, domain by step and iteration; only where the recipe asks for automation."""
    named = lineage.named
    if not named.recipe.automation:
        return []
    places = [_place(step, n) for step in lineage.flow for n in _iterations(lineage, step)]
    partitions = {"domain": domains(named), "place": dg.StaticPartitionsDefinition(places)}
    return [
        dg.AssetSpec(
            asset_key(named, FILES),
            group_name=group_of(named),
            partitions_def=dg.MultiPartitionsDefinition(partitions),
            description="What steps read beside other steps: files of the pack, the model, the recipe's values.",
            kinds={"file"},
        )
    ]


def _place(step: Step, iteration: int) -> str:
    return f"{step.name} {iteration}" if iteration else step.name


def _iterations(lineage: Lineage, step: Step) -> Sequence[int]:
    return range(1, lineage.recipe.iterations + 1) if step.per_iteration else (0,)


def edge_to_files(lineage: Lineage, step: Step) -> list[dg.AssetDep]:
    """A step's edge to what it reads of them."""
    named = lineage.named
    if not named.recipe.automation:
        return []
    if not step.per_iteration:
        keys = [_key(domain, step, 0) for domain in named.recipe.domains]
        return [dg.AssetDep(asset_key(named, FILES), partition_mapping=dg.SpecificPartitionsPartitionMapping(keys))]
    readers = {_place(step, n): [str(n)] for n in _iterations(lineage, step)}
    mapping = dg.MultiPartitionMapping(
        {
            "domain": dg.DimensionPartitionMapping("domain", dg.IdentityPartitionMapping()),
            "place": dg.DimensionPartitionMapping("iteration", dg.StaticPartitionMapping(readers)),
        }
    )
    return [dg.AssetDep(asset_key(named, FILES), partition_mapping=mapping)]


def _key(domain: str, step: Step, iteration: int) -> str:
    return str(dg.MultiPartitionKey({"domain": domain, "place": _place(step, iteration)}))


def sensors_of(recipes: Sequence[NamedRecipe]) -> list[dg.SensorDefinition]:
    """For recipes with automation: what looks at their files and what starts their runs, both on from the start."""
    automated = [named for named in recipes if named.recipe.automation]
    if not automated:
        return []
    own = dg.AssetSelection.key_prefixes(*([named.key] for named in automated))
    running = dg.DefaultSensorStatus.RUNNING
    return [
        dg.AutomationConditionSensorDefinition("automation", target=own, default_status=running),
        *(_watch(named) for named in automated),
    ]


def _watch(named: NamedRecipe) -> dg.SensorDefinition:
    @dg.sensor(
        name=f"{named.key}_files",
        minimum_interval_seconds=LOOK_EVERY,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Reports which files of {named.name} have changed.",
    )
    def watch(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        try:
            now = dict(digests(Lineage(load_again(named.path))))
        except SelfspecError as error:  # somebody is writing it; the next look sees it whole
            return dg.SkipReason(str(error))
        cursor = canonical_json(now)
        before: dict[str, Any] = _parsed(context.cursor)
        changed = {key: digest for key, digest in now.items() if before.get(key) != digest}
        if not changed:
            return dg.SkipReason("no file has changed")
        # As materialisations: what is only observed counts as missing to Dagster's conditions.
        events = [
            dg.AssetMaterialization(asset_key(named, FILES), partition=key, tags={"dagster/data_version": digest})
            for key, digest in changed.items()
        ]
        return dg.SensorResult(asset_events=events, cursor=cursor)

    return watch


def _parsed(cursor: str | None) -> dict[str, Any]:
    return dict(json.loads(cursor)) if cursor else {}


def digests(lineage: Lineage) -> Iterator[tuple[str, str]]:
    """Partition of ``files`` → digest of what the step reads there beside other steps.

    Of a later iteration only what the first does not read in the same way: the rest reaches it through the first one,
    and a run of it that comes too early is refused.

    Raises:
        SelfspecError: a file is missing or cannot be read.
    """
    for domain in lineage.recipe.domains:
        for step in lineage.flow:
            first: dict[str, object] = {}
            for n in _iterations(lineage, step):
                own = dict(_leaves({"files": step.files(lineage, domain, n), **step.settings(lineage.recipe, n)}))
                read = {name: value for name, value in own.items() if first.get(name) != value}
                first = first or own
                yield _key(domain, step, n), text_digest(canonical_json(read))


def _leaves(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, object]]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
