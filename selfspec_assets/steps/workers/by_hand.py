"""Chunks that somebody makes beside a run, or before it: what ``selfspec work`` does."""

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.base.progress import Progress, Report
from selfspec_assets.base.stopping import StopBetweenBatches
from selfspec_assets.recipe.recipe import NamedRecipe
from selfspec_assets.steps.job import Job
from selfspec_assets.steps.lineage import Lineage
from selfspec_assets.steps.precision import settle_precision
from selfspec_assets.steps.workers.hiring import range_of
from selfspec_assets.steps.workers.task import prepared


def make_chunks(named: NamedRecipe, step: str, domain: str, iteration: int, chunks: str, report: Report) -> int:
    """Makes those of the chunks ``a:b`` that are not there yet and stores them; returns how many there are then.

    Nothing is committed, and no lock is held: several may work at once, also beside a run.

    Raises:
        SelfspecError: an input is missing or stale, the step is made or has no chunks, or no such chunks.
    """
    if Lineage(named).step(step).holds_model:
        settle_precision(named, fetch=True)
    job = Job(Lineage(named), step, domain, iteration, report)
    job.require_inputs()
    if job.warehouse.has(job.signature):
        raise SelfspecError(job.name, "is made already", f"selfspec plan {named.name} shows what is to be made")
    work = prepared(job)
    wanted = range_of(chunks, work.count)
    if named.path.resolve() not in job.attempts.recipes():  # so that ``selfspec gc`` knows for whom it lies here
        job.attempts.begin(named.path)
    progress = Progress(f"{job.name}: chunks {chunks}", len(wanted), report)
    with StopBetweenBatches() as stop:
        for done, chunk in enumerate(wanted, start=1):
            stop.here()
            work.results(chunk)
            progress.to(done)
    return len(wanted)
