"""One step of one partition at work: its inputs, its place in the warehouse, the model, batches that survive kills."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from selfspec_assets.base import home
from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.base.progress import Progress, Report
from selfspec_assets.base.stopping import StopBetweenBatches
from selfspec_assets.models.check import context_length, load_config
from selfspec_assets.models.folder import ModelSpec
from selfspec_assets.models.language_model import LanguageModel, load_tokenizer, model_folder
from selfspec_assets.models.memory import free_memory
from selfspec_assets.models.source import conversion_note
from selfspec_assets.packs.corpora.documents import Document, read_corpus
from selfspec_assets.packs.corpora.stored import StoredDocuments
from selfspec_assets.packs.pack import Pack
from selfspec_assets.packs.seed_sample import recipe_seeds
from selfspec_assets.recipe.recipe import Recipe
from selfspec_assets.steps.chunked import ChunkedWork, Hire, alone
from selfspec_assets.steps.lengths import check_lengths
from selfspec_assets.steps.lineage import Lineage
from selfspec_assets.warehouse import Attempts, ChunkStore, StepKey, Warehouse
from selfspec_assets.warehouse.rows import ResponseRow, Row, VerdictRow

R = TypeVar("R", bound=Row)
CORPUS_FOLDER = "documents"  # of a revision of the step corpus
INDEX_FOLDER = "index"  # of one of the step index
Tables = Mapping[type[Row], Sequence[Row]]
_models: dict[str, LanguageModel] = {}  # at most one, by identity: loaded once per process


class Job:
    """One step of one partition: its recipe, its inputs, its place in the warehouse."""

    def __init__(
        self,
        lineage: Lineage,
        step: str,
        domain: str,
        iteration: int,
        report: Report,
        dagster_run_id: str = "",
        hire: Hire = alone,
    ) -> None:
        self.lineage, self.step, self.domain = lineage, step, domain
        self.iteration = iteration
        self.report = report
        self.dagster_run_id = dagster_run_id
        self.warehouse = Warehouse(home.warehouse_folder())
        self._hire = hire
        self.on_chunks: Callable[[ChunkedWork], None] | None = None  # a worker's: told what there is to be made

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

    @cached_property
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
        """Rows of an upstream step (of this iteration unless another is named), as the judges left them.

        What one rejected is not among them, and an answer that one edited has the edited text.
        """
        rows = self.warehouse.read(self._signature_of(step, iteration), row_type)
        for judge, _ in self.lineage.judges(step, self.step, 0):
            rows = _as_judged(rows, self.warehouse.read(self._signature_of(judge, iteration), VerdictRow))
        return rows

    def folder(self, step: str, name: str, iteration: int | None = None) -> Path:
        return self.warehouse.folder(self._signature_of(step, iteration), name)

    @cached_property
    def documents(self) -> Sequence[Document]:
        """The corpus of the job's recipe; passages made of sources stay on the disk.

        A prepared one came with its pack and is small: it is held in memory.
        """
        kind = self.recipe.data
        if self.pack.data(kind).corpus.prepared is None:
            return StoredDocuments(self.folder("corpus", CORPUS_FOLDER))
        return list(read_corpus(self.pack.corpus_path(kind)))

    def _signature_of(self, step: str, iteration: int | None) -> str:
        return self.lineage.signature(step, self.domain, self.iteration if iteration is None else iteration)

    def require_inputs(self) -> None:
        """The guard: every step that this one needs is there, made from what the recipe says now.

        Raises:
            SelfspecError: naming the partition that is missing or stale and the command that makes it.
        """
        for step, n in self.lineage.needs(self.step, self.iteration):
            key, signature = self.lineage.key(step, self.domain, n), self._signature_of(step, n)
            spared = self.lineage.step(step).on_demand and self.warehouse.has(self.signature)
            if spared or self.warehouse.shows(key, signature):
                continue
            current = self.warehouse.current(key)
            state = "has not been made" if current is None else "was made from other settings or files than now"
            state = "was deleted" if current == signature else state
            partition = f"{self.domain}|{n}" if self.lineage.step(step).per_iteration else self.domain
            upto = f" --iterations {n}" if self.lineage.step(step).per_iteration else ""
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
        model = self.other_model(self.lineage.model_spec, self.lineage.model_identity)
        self._check_lengths(model.tokenizer, model.context_length)
        return model

    def other_model(self, spec: ModelSpec, identity: str) -> LanguageModel:
        """Any model by its identity (``lineage.identity_of``). It takes the place of the one that is loaded."""
        if identity not in _models:
            self.release_model()
            self._say_conversion(spec)
            self.report(f"{self.name}: loading {spec.path_or_id}")
            model = _models[identity] = LanguageModel.load(spec)
            self.report(f"{self.name}: {model.held}")
            if model.note:
                self.report(f"{self.name}: {model.note}")
        return _models[identity]

    def release_model(self) -> None:
        """Free the base model's memory; whoever asks for it next loads it anew."""
        self.__dict__.pop("_checked_model", None)
        release_model()

    def tokenizer(self) -> Any:
        """The base model's, without its weights."""
        spec = self.lineage.model_spec
        self._say_conversion(spec)
        tokenizer, folder = load_tokenizer(spec), model_folder(spec)
        self._check_lengths(tokenizer, context_length(load_config(folder), tokenizer, folder))
        return tokenizer

    def _say_conversion(self, spec: ModelSpec) -> None:
        if (note := conversion_note(spec)) is not None:
            self.report(f"{self.name}: {note}")

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
        work = ChunkedWork(store, total, batch_size, make)
        if self.on_chunks is not None:
            self.on_chunks(work)
        results: list[dict[str, Any]] = []
        there = sum(1 for index in store.done() if index < total)
        progress = Progress(f"{self.name}: {what}", total, self.report, there)
        with StopBetweenBatches() as stop, self._hire(self, work, stop, enough is not None) as hands:
            for chunk in range(work.count):
                results.extend(hands.results(chunk))
                done, note = enough(results) if enough else (False, "")
                progress.to(len(results), note)
                if done:
                    if len(results) < total:
                        progress.enough(note)
                    break
        return results


def _as_judged(rows: list[R], verdicts: Sequence[VerdictRow]) -> list[R]:
    rejected = {verdict.row for verdict in verdicts if verdict.verdict == "rejected"}
    edited = {verdict.row: verdict.edited for verdict in verdicts if verdict.edited is not None}
    kept = [row for row in rows if getattr(row, "instruction_id", None) not in rejected]
    return [
        replace(row, response=edited[row.instruction_id])
        if isinstance(row, ResponseRow) and row.instruction_id in edited
        else row
        for row in kept
    ]


def loaded_device() -> str | None:
    """Where the model of this process is held; None while none is loaded."""
    model = next(iter(_models.values()), None)
    return None if model is None else str(model.device)


def release_model() -> None:
    """Free the memory of this process's base model; whoever asks for it next loads it anew."""
    if _models:
        _models.clear()
        free_memory()
