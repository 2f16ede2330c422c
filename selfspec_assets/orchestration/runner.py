"""``selfspec run``: the same assets, the same Dagster instance, without its event log on the terminal."""

import time
from collections.abc import Sequence

import dagster as dg

from selfspec_assets.base import home
from selfspec_assets.base.errors import SelfspecError, is_interrupt
from selfspec_assets.base.progress import Report, clock
from selfspec_assets.orchestration import materialise
from selfspec_assets.orchestration.builder import definitions_of
from selfspec_assets.orchestration.failures import cause_of
from selfspec_assets.orchestration.launcher import clear_dead_runs, open_instance
from selfspec_assets.orchestration.partitions import asset_key, partition_key
from selfspec_assets.planning.demand import is_wanted
from selfspec_assets.planning.obstacles import obstacle
from selfspec_assets.recipe.recipe import NamedRecipe
from selfspec_assets.steps.lineage import Lineage
from selfspec_assets.steps.precision import settle_precision
from selfspec_assets.warehouse import Warehouse

_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def run_recipe(named: NamedRecipe, domains: Sequence[str], iterations: int, report: Report) -> None:
    """Materialise what the manifest does not hold yet: per domain first its own assets, then each iteration's chain.

    Raises:
        SelfspecError: what the failing step said, or what ``selfspec plan`` says before.
    """
    warehouse = Warehouse(home.warehouse_folder())
    _refuse_obstacles(Lineage(named), warehouse, domains, iterations)
    if (precision := settle_precision(named, fetch=True)) is not None:
        report(precision)
    lineage = Lineage(named)
    job = definitions_of([named]).resolve_implicit_global_asset_job_def()
    started = time.monotonic()
    materialise.terminal = lambda line: report(f"[{clock(time.monotonic() - started)}] {line}")
    with open_instance() as instance:
        for run_id in clear_dead_runs(instance):
            report(f"run {run_id[:8]} was killed: it is marked as ended, what it made is used")
        for domain in domains:
            for iteration in range(iterations + 1):
                pending = [
                    step
                    for step in lineage.steps(iteration)
                    if is_wanted(lineage, warehouse, step, domain, iterations)
                    and not (
                        warehouse.shows(
                            lineage.key(step, domain, iteration), lineage.signature(step, domain, iteration)
                        )
                        and _told(instance, lineage, step, domain, iteration)
                    )
                ]
                partition = f"{domain}|{iteration}" if iteration else domain
                if not pending:
                    report(f"{named.name} {partition}: up to date")
                    continue
                report(f"{named.name} {partition}: making {', '.join(pending)}")
                _say_who_is_ahead(instance, report)
                _materialise(job, instance, named, pending, domain, iteration)
    warehouse.publish()


def _refuse_obstacles(lineage: Lineage, warehouse: Warehouse, domains: Sequence[str], iterations: int) -> None:
    """Stops at what ``selfspec plan`` calls blocked, before hours of work end in it.

    Raises:
        SelfspecError: what is in the way of a step that is to be made.
    """
    for domain in domains:
        places = [(step, n) for n in range(iterations + 1) for step in lineage.steps(n)]
        to_make = [step for step, n in places if not warehouse.has(lineage.signature(step, domain, n))]
        for step in dict.fromkeys(to_make):
            error = obstacle(lineage, step, domain)
            if error is not None:
                raise error


def _told(instance: dg.DagsterInstance, lineage: Lineage, step: str, domain: str, iteration: int) -> bool:
    """Whether Dagster knows the revision: a run may have been killed between the commit and the event.

    A step reports to what later iterations see before its own event, so this one stands for both.
    """
    partition = partition_key(domain, iteration) if iteration else domain
    filters = dg.AssetRecordsFilter(asset_key(lineage.named, step), asset_partitions=[partition])
    for record in instance.fetch_materializations(filters, limit=1).records:
        tags = record.asset_materialization.tags if record.asset_materialization else None
        return (tags or {}).get("dagster/data_version") == lineage.signature(step, domain, iteration)
    return False


def _say_who_is_ahead(instance: dg.DagsterInstance, report: Report) -> None:
    """A step that needs the accelerator waits for its slot without a word of Dagster's."""
    slots = instance.event_log_storage.get_concurrency_info("gpu")
    if slots.limit is not None and slots.active_slot_count < slots.limit:
        return
    for run_id in sorted(slots.active_run_ids):
        run = instance.get_run_by_id(run_id)
        partition = run.tags.get("dagster/partition", "") if run else ""
        report(f"run {run_id[:8]} ({partition}) holds the accelerator; steps that need it wait until it is free")


def _materialise(
    job: dg.JobDefinition,
    instance: dg.DagsterInstance,
    named: NamedRecipe,
    steps: list[str],
    domain: str,
    iteration: int,
) -> None:
    key = partition_key(domain, iteration) if iteration else domain
    try:
        job.execute_in_process(
            instance=instance,
            partition_key=key,
            run_config=_QUIET,
            asset_selection=[asset_key(named, step) for step in steps],
        )
    except SelfspecError:
        raise
    except (KeyboardInterrupt, dg.DagsterExecutionInterruptedError, Exception) as error:  # Dagster's is no Exception
        if isinstance(error, dg.DagsterExecutionInterruptedError) or is_interrupt(error):
            raise SelfspecError(
                f"{named.name} {key}",
                "was stopped; every finished batch is kept",
                f"selfspec run {named.name} goes on from there",
            ) from error
        if (cause := cause_of(error)) is not None:
            raise cause from None
        raise
