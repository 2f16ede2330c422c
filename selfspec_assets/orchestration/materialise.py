"""What every asset does around its step: guard, lock, reuse, checks, commit, and what Dagster shows of it."""

import datetime
import os
import resource
from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.base.failpoints import reached
from selfspec_assets.base.progress import Report
from selfspec_assets.orchestration import shown
from selfspec_assets.orchestration.catalogue import DOMAIN_TAG, ITERATION_TAG, RECIPE_TAG
from selfspec_assets.orchestration.failures import told
from selfspec_assets.orchestration.partitions import partition_of, published
from selfspec_assets.recipe.recipe import NamedRecipe
from selfspec_assets.steps import quality
from selfspec_assets.steps.job import Job, loaded_device, release_model
from selfspec_assets.steps.lineage import Lineage
from selfspec_assets.steps.precision import settle_precision
from selfspec_assets.steps.step import Check, Outcome, Step
from selfspec_assets.steps.workers.hiring import hired
from selfspec_assets.warehouse.made_with import installed
from selfspec_assets.warehouse.rows import Row, RunRow

Result = Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]


def materialise(context: dg.AssetExecutionContext, named: NamedRecipe, step: Step) -> Result:
    """Make or reuse one partition of one step's asset, and tell Dagster.

    Checks are evaluated before the commit: rows that break one are shown and thrown away, and the last good revision
    stays.
    """
    domain, iteration = partition_of(context.partition_key)
    report = reporter(context)
    _tag_run(context, domain, iteration)
    place = f"{step.name} {context.partition_key}"
    with told(context, lambda line: report(f"{place}: {line}"), lambda why: release_model()):
        if step.holds_model:
            settle_precision(named, fetch=True)
        job = Job(Lineage(named), step.name, domain, iteration, report, context.run_id, hired)
        yield from _materialise(context, job, step)


def _materialise(context: dg.AssetExecutionContext, job: Job, step: Step) -> Result:
    named = job.lineage.named
    with job.warehouse.lock(job.key, job.work_signature, job.uses()):
        job.require_inputs()
        reused = job.warehouse.has(job.signature)
        started = datetime.datetime.now(datetime.UTC)
        outcome = Outcome(read_tables(job, step.tables)) if reused else _made(job, step, named)
        checks = [*step.check(job, outcome.tables), *quality.checks_of(job, step, outcome.tables)]
        results = [_result(check) for check in checks]
        for doubtful in (c for c in checks if c.warns and not c.passed):
            job.report(f"{job.name}: WARNING: {doubtful.detail}")
        if any(not (c.passed or c.warns) for c in checks):
            yield from results
            failure = _failure(job, named, checks)
            if not reused:
                job.attempts.fail(job.signature, failure)
            raise failure
        if reused:
            job.warehouse.reuse(job.key, job.signature)  # a run that was killed in the middle of this is caught up with
        else:
            _commit(job, step, outcome, started)
    if crosses := step.crosses(named.recipe):
        _publish(context, published(named, crosses), job.signature)
    reached("Dagster: before it is told")
    yield dg.MaterializeResult(
        data_version=dg.DataVersion(job.signature),
        check_results=results,
        metadata=shown.of_partition(job, step, outcome.tables, checks, reused),
    )


def _tag_run(context: dg.AssetExecutionContext, domain: str, iteration: int) -> None:
    """So that a run is found by its recipe, domain and iteration, whoever has started it."""
    try:
        run = context.run
    except dg.DagsterError:  # the asset is called as a function, outside of any run
        return
    recipes = sorted({key.path[0] for key in context.selected_asset_keys})
    tags = {RECIPE_TAG: ",".join(recipes), DOMAIN_TAG: domain, ITERATION_TAG: str(iteration)}
    if not tags.items() <= run.tags.items():
        context.instance.add_run_tags(context.run_id, tags)


def _made(job: Job, step: Step, named: NamedRecipe) -> Outcome:
    """What the step makes; a failure is written into the table of attempts before it goes on."""
    job.attempts.begin(named.path)
    try:
        return step.make(job)
    except Exception as error:
        job.attempts.fail(job.signature, error)
        raise


def _failure(job: Job, named: NamedRecipe, checks: Sequence[Check]) -> SelfspecError:
    details = "; ".join(f"{c.name}: {c.detail}" for c in checks if not (c.passed or c.warns))
    remedy = "the last good revision stays; change the recipe or the pack and run again"
    return SelfspecError(f"{named.name}: {job.name}", f"a check failed: {details}", remedy)


def _commit(job: Job, step: Step, outcome: Outcome, started: datetime.datetime) -> None:
    run = RunRow(
        step=step.name,
        signature=job.signature,
        started_at=started.isoformat(timespec="seconds"),
        seconds=round(job.attempts.seconds, 3),
        input_tokens=outcome.input_tokens,
        output_tokens=outcome.output_tokens,
        peak_memory_mb=round(_peak_memory_mb(), 1),
        device=loaded_device() or f"cpu ({os.cpu_count()} cores)",
        dagster_run_id=job.dagster_run_id,
        **installed(),
    )
    job.attempts.end()
    signed = job.lineage.signed(job.step, job.domain, job.iteration)
    job.warehouse.commit(job.key, job.signature, outcome.tables, outcome.folders, run, signed)


def _publish(context: dg.AssetExecutionContext, published: dg.AssetKey, signature: str) -> None:
    """Report a revision to later iterations, once: reporting a reused one again would set automation off."""
    partition = context.partition_key
    for record in context.instance.fetch_materializations(
        dg.AssetRecordsFilter(published, asset_partitions=[partition]), limit=1
    ).records:
        materialization = record.asset_materialization
        if materialization and (materialization.tags or {}).get("dagster/data_version") == signature:
            return
    reached("published: before the event")
    context.log_event(dg.AssetMaterialization(published, partition=partition, tags={"dagster/data_version": signature}))
    reached("published: after the event")


def _result(check: Check) -> dg.AssetCheckResult:
    severity = dg.AssetCheckSeverity.WARN if check.warns else dg.AssetCheckSeverity.ERROR
    return dg.AssetCheckResult(
        check_name=check.name,
        passed=check.passed,
        severity=severity,
        description=check.detail,
        metadata=dict(check.figures),
    )


# `selfspec run` sets this, so that a person sees lines and not Dagster's event log.
terminal: Report | None = None


def reporter(context: dg.AssetExecutionContext) -> Report:
    return terminal or context.log.info


def read_tables(job: Job, row_types: Sequence[type[Row]]) -> dict[type[Row], Sequence[Row]]:
    """The step's rows; a table that is younger than the revision has none."""
    there = job.warehouse.revision(job.signature).tables
    return {
        row_type: job.warehouse.read(job.signature, row_type) if row_type.table in there else []
        for row_type in row_types
    }


def _peak_memory_mb() -> float:
    # Linux counts in KiB. It is the process's peak so far: within one run a later step shows the larger of the two.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
