"""The columns of every table, as frozen row types.

A step returns rows; the warehouse adds ``recipe``, ``domain`` and ``iteration`` in front when it publishes
them. ``iteration`` is 0 for what belongs to a domain alone (seeds, benchmarks, the base model's scores).
A row's identity is (recipe, domain, iteration, its ordinals), never its text. Supported column types:
``int``, ``float``, ``bool``, ``str``, ``list[...]`` of them, and each of these with ``| None``.
"""

from dataclasses import dataclass
from typing import ClassVar


class Row:
    """Base of all row types; ``table`` is the name in the published database.

    A table belongs to one step of a partition; where more than one may fill it, its rows have a column ``step``.
    """

    table: ClassVar[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedRow(Row):
    """A worked example: what everything grows from."""

    table: ClassVar[str] = "seeds"
    seed: int
    seed_id: str
    task: str
    demonstrates: str
    instruction: str
    input: str
    output: str
    source: str
    passage: str  # where a text of the corpus stands in a task of its type: input, above, or "" for nowhere


@dataclass(frozen=True, slots=True)
class CorpusRow(Row):
    """What the corpus was; its text stays in its file, retrieved passages are copied into ``passages``."""

    table: ClassVar[str] = "corpora"
    source: str
    documents: int
    words: int
    digest: str


@dataclass(frozen=True, slots=True)
class CorpusCountRow(Row):
    """What became of a source's documents (``unit`` document: read = cut + reasons) and of the passages that they were
    cut into (``unit`` passage: made = kept + reasons). A prepared corpus is taken as it is and has no counts."""

    table: ClassVar[str] = "corpus_counts"
    source: str
    unit: str
    outcome: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CorpusDropRow(Row):
    """A document or passage that was left out: its file, line (or row, or article) there, id, and why.

    ``match`` is the benchmark item (benchmark/id) that a contaminated passage shares the 13 words in ``evidence`` with,
    or the id of the passage that it repeats. At most 100,000 rows per source and reason; ``corpus_counts`` has all.
    """

    table: ClassVar[str] = "corpus_dropped"
    source: str
    file: str
    position: int
    document_id: str
    reason: str
    match: str | None
    evidence: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkRow(Row):
    """A benchmark of the pack; ``items`` is 0 where its file is absent, and ``obtain`` says how to get it."""

    table: ClassVar[str] = "benchmarks"
    benchmark: str
    task: str
    present: bool
    items: int
    licence: str
    obtain: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkItemRow(Row):
    """A question. ``document`` names the report, abstract or article that it is about, "" where items stand alone."""

    table: ClassVar[str] = "benchmark_items"
    benchmark: str
    task: str
    item: int
    item_id: str
    instruction: str
    input: str
    references: list[str]
    document: str


@dataclass(frozen=True, slots=True)
class BenchmarkRemarkRow(Row):
    """How many of a benchmark's items were left out, repeat each other or contradict each other, and the first place.

    ``what`` names the kind; a benchmark that is not scored and cannot be read has one row that says so.
    """

    table: ClassVar[str] = "benchmark_remarks"
    benchmark: str
    what: str
    count: int
    first_place: str


@dataclass(frozen=True, slots=True)
class TrainingRemarkRow(Row):
    """The same of a benchmark's training split."""

    table: ClassVar[str] = "training_remarks"
    benchmark: str
    what: str
    count: int
    first_place: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingItemRow(Row):
    """A labelled item of a benchmark's training split: a table of its own, so that none can be scored by mistake."""

    table: ClassVar[str] = "training_items"
    benchmark: str
    task: str
    item: int
    item_id: str
    instruction: str
    input: str
    references: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRow(Row):
    """One instruction-generation prompt and the raw text that came back.

    ``given`` is how the first task begins, where it begins with a text of the corpus: ``document_id``'s.
    """

    table: ClassVar[str] = "instruction_requests"
    request: int
    seed_ids: list[str]
    prompt_digest: str
    model_digest: str
    adapter_digest: str | None
    given: str
    document_id: str | None
    output: str
    output_tokens: int
    random_seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InstructionRow(Row):
    """A generated instruction: kept, or rejected with the reason."""

    table: ClassVar[str] = "instructions"
    instruction_id: int
    request: int
    position: int
    instruction: str
    input: str
    kept: bool
    reason: str | None
    nearest: str | None
    nearest_rouge_l: float | None
    seed_ids: list[str]
    made_in_iteration: int

    @property
    def is_kept(self) -> bool:
        return self.kept


@dataclass(frozen=True, slots=True)
class IndexRow(Row):
    """A figure of the index that passages are looked up in: ``documents`` and ``bytes``, and what its retriever tells,
    of BM25 ``terms`` and ``postings``."""

    table: ClassVar[str] = "indexes"
    retriever: str
    figure: str
    value: int


@dataclass(frozen=True, slots=True)
class RetrievalRow(Row):
    """One query; ``hits`` may be fewer than k, and 0 means that the answer was written without passages."""

    table: ClassVar[str] = "retrievals"
    instruction_id: int
    query: str
    hits: int
    effective_passages: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PassageRow(Row):
    """A passage that was found for an instruction, and its weight."""

    table: ClassVar[str] = "passages"
    instruction_id: int
    rank: int
    document_id: str
    title: str
    text: str
    score: float
    p_ret: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseRow(Row):
    """One answer. ``verdict`` is kept, rejected or failed; ``finish`` is eos, blank_line, list_number or length."""

    table: ClassVar[str] = "responses"
    instruction_id: int
    instruction: str
    input: str
    response: str
    verdict: str
    reason: str | None
    finish: str | None
    tokens: int
    passages: int
    log_prob: float | None
    marginal_changed: int
    contrast_changed: int
    prompt_digest: str
    model_digest: str
    adapter_digest: str | None
    weaker_adapter_digest: str | None

    @property
    def is_kept(self) -> bool:
        return self.verdict == "kept"


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictRow(Row):
    """What a refining step says of one row of the step that it refines: ``verdict`` is kept or rejected.

    ``row`` is the row's ``instruction_id``, ``version`` the refining step's. Rows that were rejected before have none.
    ``edited`` is the answer that was trained on in place of the written one; null where that stayed as it is.
    """

    table: ClassVar[str] = "verdicts"
    step: str
    refines: str
    row: int
    verdict: str
    reason: str | None
    version: str
    edited: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseTokenRow(Row):
    """One generated token with Eq. 2's posterior over the passages (empty where there was none)."""

    table: ClassVar[str] = "response_tokens"
    instruction_id: int
    position: int
    token_id: int
    token: str
    posterior: list[float]
    top_passage_token_id: int
    marginal_token_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AdapterRow(Row):
    """A tuned adapter; its folder is plain PEFT."""

    table: ClassVar[str] = "adapters"
    adapter_digest: str
    model_digest: str
    start: str
    examples: int
    too_long: int
    optimiser_steps: int
    trainable_parameters: int
    total_parameters: int
    first_loss: float
    last_loss: float
    logit_change: float
    path: str


@dataclass(frozen=True, slots=True)
class LossRow(Row):
    """The loss of one optimiser step."""

    table: ClassVar[str] = "losses"
    step: int
    epoch: float
    loss: float
    learning_rate: float


@dataclass(frozen=True, slots=True)
class TooLongRow(Row):
    """An example that the adapter was not tuned on, as it has more than ``adapter.max_length`` tokens."""

    table: ClassVar[str] = "too_long_examples"
    source: str
    source_iteration: int
    row: int
    benchmark: str | None
    tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow(Row):
    """What making a revision cost. Never part of a digest; a version is "" where it was not recorded."""

    table: ClassVar[str] = "runs"
    step: str
    signature: str
    started_at: str
    seconds: float
    input_tokens: int
    output_tokens: int
    peak_memory_mb: float
    device: str
    dagster_run_id: str
    selfspec_version: str = ""
    torch_version: str = ""
    transformers_version: str = ""
    peft_version: str = ""
