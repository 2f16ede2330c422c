"""What every asset does around its own work: guard, lock, reuse, checks, commit, and what Dagster shows of it."""

import datetime
import os
import re
import resource
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import dagster as dg

from selfspec_assets import home
from selfspec_assets.domain import Pack
from selfspec_assets.errors import SelfspecError
from selfspec_assets.failpoints import reached
from selfspec_assets.language_model import LanguageModel, load_tokenizer, model_folder
from selfspec_assets.lineage import STEPS, Lineage
from selfspec_assets.memory import free_memory
from selfspec_assets.model_check import check_lengths, context_length, load_config
from selfspec_assets.partitions import asset_key
from selfspec_assets.progress import Progress, Report
from selfspec_assets.recipe import NamedRecipe, Recipe
from selfspec_assets.rows import Row, RunRow
from selfspec_assets.seed_sample import recipe_seeds
from selfspec_assets.stopping import StopBetweenBatches
from selfspec_assets.warehouse import Attempts, ChunkStore, StepKey, Warehouse

R = TypeVar("R", bound=Row)
_MARKS = re.compile(r"[!-/:-@\[-`{-~]")  # of Markdown and HTML; data is neither, so each gets a backslash in front
Tables = Mapping[type[Row], Sequence[Row]]
Result = Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]
_models: dict[str, LanguageModel] = {}


@dataclass(frozen=True)
class Check:
    """A rule that a step's rows must keep; a broken one stops everything downstream, unless it only warns."""

    name: str
    passed: bool
    detail: str
    warns: bool = False

    @property
    def severity(self) -> dg.AssetCheckSeverity:
        return dg.AssetCheckSeverity.WARN if self.warns else dg.AssetCheckSeverity.ERROR


@dataclass
class Outcome:
    """What a step made."""

    tables: dict[type[Row], Sequence[Row]]
    folders: dict[str, Path] = field(default_factory=dict)
    input_tokens: int = 0
    output_tokens: int = 0


class Job:
    """One step of one partition: its recipe, its inputs, its place in the warehouse."""

    def __init__(
        self, lineage: Lineage, step: str, domain: str, iteration: int, report: Report, dagster_run_id: str = ""
    ) -> None:
        self.lineage, self.step, self.domain = lineage, step, domain
        self.iteration = iteration
        self.report = report
        self.dagster_run_id = dagster_run_id
        self.warehouse = Warehouse(home.warehouse_folder())

    @property
    def recipe(self) -> Recipe:
        return self.lineage.recipe

    @property
    def name(self) -> str:
        partition = f"{self.domain}|{self.iteration}" if self.iteration else self.domain
        return f"{self.step} {partition}"

    @property
    def key(self) -> StepKey:
        return self.lineage.key(self.step, self.domain, self.iteration)

    @cached_property
    def signature(self) -> str:
        return self.lineage.signature(self.step, self.domain, self.iteration)

    @property
    def work_signature(self) -> str:
        """Names the folder of unfinished work, which other recipes may share."""
        return self.lineage.work_signature(self.step, self.domain, self.iteration)

    @property
    def attempts(self) -> Attempts:
        """The record beside this step's unfinished work."""
        return Attempts(self.warehouse.work_folder(self.work_signature))

    def uses(self) -> list[str]:
        """Signatures of all that the step reads or goes on from."""
        needs = [self._signature_of(step, n) for step, n in self.lineage.needs(self.step, self.iteration)]
        return [*needs, self.signature, self.work_signature]

    @property
    def pack(self) -> Pack:
        return self.lineage.pack(self.domain)

    def read(self, step: str, row_type: type[R], iteration: int | None = None) -> list[R]:
        """Rows of an upstream step (of this iteration unless another is named)."""
        return self.warehouse.read(self._signature_of(step, iteration), row_type)

    def folder(self, step: str, name: str, iteration: int | None = None) -> Path:
        return self.warehouse.folder(self._signature_of(step, iteration), name)

    def _signature_of(self, step: str, iteration: int | None) -> str:
        return self.lineage.signature(step, self.domain, self.iteration if iteration is None else iteration)

    def require_inputs(self) -> None:
        """The guard: every step that this one needs is there, made from what the recipe says now.

        Raises:
            SelfspecError: naming the partition that is missing or stale and the command that makes it.
        """
        for step, n in self.lineage.needs(self.step, self.iteration):
            key, signature = self.lineage.key(step, self.domain, n), self._signature_of(step, n)
            if self.warehouse.shows(key, signature):
                continue
            current = self.warehouse.current(key)
            state = "has not been made" if current is None else "was made from other settings or files than now"
            state = "was deleted" if current == signature else state
            partition = f"{self.domain}|{n}" if STEPS[step].per_iteration else self.domain
            upto = f" --iterations {n}" if STEPS[step].per_iteration else ""
            raise SelfspecError(
                f"{self.lineage.named.name}: {self.name}",
                f"it needs {step} of {partition}, which {state}",
                f"selfspec run {self.lineage.named.name} --domain {self.domain}{upto}",
            )

    def model(self) -> LanguageModel:
        """The base model, loaded once per process; adapters live beside each other in it."""
        return self._checked_model

    @cached_property
    def _checked_model(self) -> LanguageModel:
        identity = self.lineage.model_identity
        if identity not in _models:
            self.release_model()
            self.report(f"{self.name}: loading {self.lineage.model_spec.path_or_id}")
            model = _models[identity] = LanguageModel.load(self.lineage.model_spec)
            self.report(f"{self.name}: {model.held}")
            if model.note:
                self.report(f"{self.name}: {model.note}")
        self._check_lengths(_models[identity].tokenizer, _models[identity].context_length)
        return _models[identity]

    def release_model(self) -> None:
        """Free the base model's memory; whoever asks for it next loads it anew."""
        self.__dict__.pop("_checked_model", None)
        if _models:
            _models.clear()
            free_memory()

    def tokenizer(self) -> Any:
        """The base model's, without its weights."""
        spec = self.lineage.model_spec
        tokenizer, folder = load_tokenizer(spec), model_folder(spec)
        self._check_lengths(tokenizer, context_length(load_config(folder), tokenizer, folder))
        return tokenizer

    def _check_lengths(self, tokenizer: Any, context: int) -> None:
        """At the first step that needs a model: hours later is too late to say that a prompt cannot fit."""
        seeds = recipe_seeds(self.pack, self.recipe)
        check_lengths(self.lineage.named, tokenizer, context, self.pack.instruction_header, seeds)

    def adapter(self, iteration: int) -> str | None:
        """The name under which that iteration's adapter is loaded; None for iteration 0, the base itself."""
        if iteration < 1:
            return None
        name = f"adapter_{self._signature_of('adapter', iteration)[:16]}"
        self.model().add_adapter(self.folder("adapter", "adapter", iteration), name)
        return name

    def adapter_digest(self, name: str | None) -> str | None:
        return None if name is None else self.model().adapter_digest(name)

    def in_batches(
        self,
        store: ChunkStore,
        total: int,
        batch_size: int,
        what: str,
        make: Callable[[list[int]], list[dict[str, Any]]],
        enough: Callable[[list[dict[str, Any]]], tuple[bool, str]] | None = None,
    ) -> list[dict[str, Any]]:
        """Results 0..total-1, made in batches of a fixed schedule; each is a chunk file, so a kill loses one batch.

        A batch of which a part is missing is made again as a whole, so that its numbers come out of the same batch
        shape as in an undisturbed run; each result is a chunk of its own, so another batch size finds all of them.
        ``enough(results so far)`` may end the work early. A signal to stop waits until a batch is stored.
        """
        results: list[dict[str, Any]] = []
        there = sum(1 for index in store.done() if index < total)
        progress = Progress(f"{self.name}: {what}", total, self.report, there)
        with StopBetweenBatches() as stop:
            for start in range(0, total, batch_size):
                stop.here()
                indices = list(range(start, min(start + batch_size, total)))
                chunks = [store.get(index) for index in indices]
                if any(chunk is None for chunk in chunks):
                    for place, made in enumerate(make(indices)):
                        if chunks[place] is None:
                            store.put(indices[place], [made])
                            chunks[place] = [made]
                results.extend(chunk[0] for chunk in chunks if chunk is not None)
                done, note = enough(results) if enough else (False, "")
                progress.to(len(results), note)
                if done:
                    if len(results) < total:
                        progress.enough(note)
                    break
        return results


def run_step(
    context: dg.AssetExecutionContext,
    named: NamedRecipe,
    step: str,
    make: Callable[[Job], Outcome],
    check: Callable[[Job, Tables], list[Check]],
    headline: Callable[[Tables], dict[str, Any]],
) -> Result:
    """Make or reuse one partition of one asset, and tell Dagster.

    Checks are evaluated before the commit: rows that break one are shown and thrown away, and the last good revision
    stays.
    """
    job = job_of(context, named, step)
    with job.warehouse.lock(job.key, job.work_signature, job.uses()):
        job.require_inputs()
        reused = job.warehouse.has(job.signature)
        if reused:
            tables = read_tables(job, STEPS[step].tables)
            outcome = Outcome(tables)
        else:
            started, attempts = datetime.datetime.now(datetime.UTC), job.attempts
            attempts.begin(named.path)
            try:
                outcome = make(job)
            except Exception as error:
                attempts.fail(job.signature, error)
                raise
        checks = check(job, outcome.tables)
        results = [
            dg.AssetCheckResult(check_name=c.name, passed=c.passed, severity=c.severity, description=c.detail)
            for c in checks
        ]
        for doubtful in (c for c in checks if c.warns and not c.passed):
            job.report(f"{job.name}: WARNING: {doubtful.detail}")
        broken = [c for c in checks if not (c.passed or c.warns)]
        if broken:
            yield from results
            details = "; ".join(f"{c.name}: {c.detail}" for c in broken)
            failure = SelfspecError(
                f"{named.name}: {job.name}",
                f"a check failed: {details}",
                "the last good revision stays; change the recipe or the pack and run again",
            )
            if not reused:
                attempts.fail(job.signature, failure)
            raise failure
        if reused:
            job.warehouse.reuse(job.key, job.signature)  # a run that was killed in the middle of this is caught up with
        else:
            run = RunRow(
                step,
                job.signature,
                started.isoformat(timespec="seconds"),
                round(attempts.seconds, 3),
                outcome.input_tokens,
                outcome.output_tokens,
                round(_peak_memory_mb(), 1),
                _device(),
                job.dagster_run_id,
            )
            attempts.end()
            signed = job.lineage.signed(job.step, job.domain, job.iteration)
            job.warehouse.commit(job.key, job.signature, outcome.tables, outcome.folders, run, signed)
    counts = {row_type.table: len(rows) for row_type, rows in outcome.tables.items()}
    reached("Dagster: before it is told")
    yield dg.MaterializeResult(
        data_version=dg.DataVersion(job.signature),
        check_results=results,
        metadata={
            "reused": reused,
            "revision": job.signature,
            **{f"rows/{table}": count for table, count in counts.items()},
            **headline(outcome.tables),
            **_previews(outcome.tables),
        },
    )


def job_of(context: dg.AssetExecutionContext, named: NamedRecipe, step: str) -> Job:
    """The job of the partition that Dagster asks for."""
    key = context.partition_key
    if isinstance(key, dg.MultiPartitionKey):
        domain, iteration = key.keys_by_dimension["domain"], int(key.keys_by_dimension["iteration"])
    else:
        domain, iteration = key, 0
    return Job(Lineage(named), step, domain, iteration, reporter(context), context.run_id)


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


def specs(named: NamedRecipe, step: str, *names: str) -> list[dg.AssetCheckSpec]:
    """Blocking check specifications of an asset."""
    return [dg.AssetCheckSpec(name, asset=asset_key(named, step), blocking=True) for name in names]


def not_empty(tables: Tables, row_type: type[Row]) -> Check:
    count = len(tables[row_type])
    return Check("not_empty", count > 0, f"{count} rows in {row_type.table}")


def _previews(tables: Tables) -> dict[str, Any]:
    return {
        f"preview/{row_type.table}": dg.MetadataValue.md(markdown_table(rows[:5]))
        for row_type, rows in tables.items()
        if rows
    }


def markdown_table(rows: Sequence[Row]) -> str:
    """Rows as a Markdown table; long cells are cut."""
    names = [f.name for f in fields(rows[0])]  # type: ignore[arg-type]
    lines = [" | ".join(names), " | ".join("---" for _ in names)]
    lines += [" | ".join(_MARKS.sub(r"\\\g<0>", _cell(getattr(row, name))) for name in names) for row in rows]
    return "\n".join(f"| {line} |" for line in lines)


def _cell(value: object, width: int = 160) -> str:
    if isinstance(value, list):
        value = ", ".join(_cell(item) for item in value)
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    text = " ".join(text.split())
    return text if len(text) <= width else text[: width - 1] + "…"


def _peak_memory_mb() -> float:
    # Linux counts in KiB. It is the process's peak so far: within one run a later step shows the larger of the two.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _device() -> str:
    model = next(iter(_models.values()), None)
    return str(model.device) if model is not None else f"cpu ({os.cpu_count()} cores)"
