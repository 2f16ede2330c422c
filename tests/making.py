"""Single steps of the tiny project, made through Dagster as the UI makes them."""

import dagster as dg

from selfspec_assets.orchestration import materialise
from selfspec_assets.orchestration.builder import definitions_of
from selfspec_assets.orchestration.launcher import open_instance
from selfspec_assets.orchestration.partitions import asset_key, partition_key
from selfspec_assets.recipe.recipe import load_recipe
from selfspec_assets.steps.lineage import every_step

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def make(*steps: str) -> list[str]:
    """Makes steps of the domain and of iteration 1, in the order given; returns what they said."""
    named, said = load_recipe("tiny"), list[str]()
    job = definitions_of([named]).resolve_implicit_global_asset_job_def()
    materialise.terminal = said.append
    with open_instance() as instance:
        for step in steps:
            key = partition_key("botany", 1) if every_step()[step].per_iteration else "botany"
            selection = [asset_key(named, step)]
            try:
                job.execute_in_process(QUIET, instance, partition_key=key, asset_selection=selection)
            except dg.Failure as failure:
                raise failure.__cause__ or failure from None
    return said
