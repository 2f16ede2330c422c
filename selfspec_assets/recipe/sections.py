"""The sections of a recipe, one per asset or so: names, bounds and defaults of every key. Pure."""

from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator, model_validator

from selfspec_assets import plugins
from selfspec_assets.base.errors import did_you_mean
from selfspec_assets.base.hub_ids import is_commit, is_hub_id
from selfspec_assets.base.known_models import KNOWN, OnHub
from selfspec_assets.base.model_settings import OWN_MODELS, ModelSettings
from selfspec_assets.base.strict import Named, Strict, said_of_a_key

EMBEDDED = "embedded"
CHAT = "chat"  # a further model's prompt: the plain one, as the user's turn in the model's own chat template
Slug = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
DataKind = Literal["bundled", "published", "starter"]
DATA_KINDS: tuple[DataKind, ...] = get_args(DataKind)


def _no_bool(value: object) -> object:
    if isinstance(value, bool):  # YAML's yes and no, which pydantic would take for 1.0 and 0.0
        raise ValueError("should be a number, not yes or no")
    return value


Real = Annotated[float, Field(strict=False, allow_inf_nan=False), BeforeValidator(_no_bool)]
Positive = Annotated[int, Field(ge=1, le=10_000_000)]
Fraction = Annotated[Real, Field(gt=0, le=1)]


def _registered(kind: plugins.Kind, *others: str) -> AfterValidator:
    """A name that is registered, or one of the others."""

    def known(name: str) -> str:
        if name not in others:
            with said_of_a_key():
                plugins.REGISTRY.get(kind, name, name, others)
        return name

    return AfterValidator(known)


Variant = Annotated[Slug, _registered("prompt")]


class BaseModelSection(ModelSettings):
    """``embedded``, a folder or a GGUF file by its path, a Hugging Face id with a pinned revision, or a known name.

    How it is held is as in ``ModelSettings``.
    """

    model: str = Field(min_length=1)

    @model_validator(mode="after")
    def _pinned(self) -> "BaseModelSection":
        if self.model.lower().endswith(".gguf") and not self.is_path:
            raise ValueError(f"key 'model': a path begins with './', '/' or '~': './{self.model}'")
        known = KNOWN.get(self.model)
        if (self.is_known and known is None) or (self.is_hub_id and not is_hub_id(self.model)):
            raise ValueError(
                f"key 'model': '{self.model}' is neither '{EMBEDDED}', nor a path ('./models/x', '/models/x.gguf'), "
                f"nor a Hugging Face id ('owner/name'), nor a known name; {did_you_mean(self.model, KNOWN)}"
                "selfspec models lists those"
            )
        if known is not None and isinstance(known.source, OnHub) and known.source.commit is None:
            raise ValueError(
                f"key 'model': no commit is known of '{self.model}': name it as '{known.source.repository}', and its "
                "commit as 'revision'"
            )
        if self.is_hub_id and not is_commit(self.revision):
            raise ValueError("a model of a hub needs 'revision': a commit of 40 hex digits, so that it cannot change")
        if not self.is_hub_id and self.revision is not None:
            raise ValueError("'revision' belongs to a model of a hub only")
        return self

    @property
    def is_path(self) -> bool:
        """A folder or a file: it starts with a dot, a slash or a tilde."""
        return self.model.startswith((".", "/", "~"))

    @property
    def is_hub_id(self) -> bool:
        """``owner/name``."""
        return not self.is_path and "/" in self.model

    @property
    def is_known(self) -> bool:
        """A name of ``known_models``."""
        return not (self.is_path or self.is_hub_id or self.model == EMBEDDED)

    @property
    def held(self) -> dict[str, Any]:
        """How it is held, as ``ModelSettings`` has it."""
        return {name: getattr(self, name) for name in ModelSettings.model_fields}


class SeedsSection(Strict):
    """Section 3.1. By default the hand-written seeds of the pack."""

    sample_train: Positive | None = None  # this many items of each benchmark's training split instead
    limit: Positive | None = None  # so many of them all, in equal parts of what they demonstrate


class InstructionsSection(Strict):
    """Section 3.2 and Appendix B."""

    target: Positive
    min_kept: Positive
    max_requests: Positive
    tasks_per_prompt: Annotated[int, Field(ge=2, le=100)] = 20
    seeds_per_prompt: Annotated[int, Field(ge=1, le=20)] = 3
    temperature: Annotated[Real, Field(ge=0.001, le=5)] = 1.0  # logits divided by much less are infinite
    top_p: Fraction = 0.98
    min_p: Annotated[Real, Field(ge=0, lt=1)] = 0.0  # tokens below this share of the likeliest's probability are out
    max_new_tokens: Positive
    max_rouge_l: Fraction = 0.7  # novelty: an instruction above this is rejected
    novelty: Literal["instruction", "task"] = "instruction"  # what is compared; task: the input belongs to it
    show: Literal["mixed", "same_task"] = "mixed"  # the seeds of a prompt: any, as in the paper, or of one type of task
    inputs: Literal["written", "corpus"] = "written"  # by the model, or from a stretch of the corpus
    later_iterations: Literal["new", "same"] = "new"  # Table 2's "same instruction set"
    batch_size: Positive = 8

    @model_validator(mode="after")
    def _reachable(self) -> "InstructionsSection":
        most = self.max_requests * (self.tasks_per_prompt - self.seeds_per_prompt)
        if self.min_kept > self.target:
            raise ValueError(f"min_kept ({self.min_kept}) is above target ({self.target})")
        if self.seeds_per_prompt >= self.tasks_per_prompt:
            raise ValueError("seeds_per_prompt must be below tasks_per_prompt")
        if self.inputs == "corpus":
            self._check_grounded()
        if self.min_kept > most:
            raise ValueError(f"key 'min_kept' asks for {self.min_kept}, max_requests lists hold {most} instructions")
        return self

    def _check_grounded(self) -> None:
        """Each request is for what is missing of one task, which has a seed's instruction."""
        wanted = {"show": "same_task", "novelty": "task", "tasks_per_prompt": self.seeds_per_prompt + 1}
        for key, value in wanted.items():
            if getattr(self, key) != value:
                raise ValueError(f"key '{key}' must be {value} with inputs: corpus, not {getattr(self, key)}")


class PRet(Strict):
    """How BM25 scores become p_ret of Eq. 2."""

    normalise: Literal["sum", "softmax"] = "sum"
    # BM25 scores differ by tenths: further down the best passage has all the weight, and nothing is marginalised.
    temperature: Annotated[Real, Field(ge=0.01)] = 1.0

    @model_validator(mode="after")
    def _meaningful(self) -> "PRet":
        if self.normalise == "sum" and self.temperature != 1.0:
            raise ValueError("temperature has a meaning for softmax only")
        return self


class PassagesSection(Strict):
    """Eq. 1. ``k`` is one number, or one per iteration; 0 means no passages."""

    k: (
        Annotated[int, Field(ge=0, le=50)]
        | Annotated[tuple[Annotated[int, Field(ge=0, le=50)], ...], Field(strict=False)]
    ) = 5
    p_ret: PRet = PRet()
    retriever: Annotated[Slug, _registered("retriever")] = "bm25"
    options: dict[str, Any] = Field(default_factory=dict)  # of the retriever; bm25's: k1, b, idf
    max_words: Positive = 250  # a longer passage is cut here

    @field_validator("options")
    @classmethod
    def _taken(cls, options: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        if "retriever" in info.data:
            with said_of_a_key():
                plugins.REGISTRY.get("retriever", info.data["retriever"], "retriever").options(options, "options")
        return options

    def k_of(self, iteration: int) -> int:
        return self.k if isinstance(self.k, int) else self.k[iteration - 1]


class ContrastSection(Strict):
    """Eq. 3, from iteration 2 on."""

    form: Annotated[Slug, _registered("contrast", "none")] = "difference"  # or none
    alpha: Annotated[Real, Field(ge=0, le=1)] = 0.1


class ResponsesSection(Strict):
    """Eq. 2."""

    max_new_tokens: Positive
    min_kept: Fraction = 0.4  # of the answers asked for; with a smaller share the run stops before it tunes
    demonstrations: Annotated[int, Field(ge=0, le=20)] = 0  # seeds with their outputs in front of each question
    contrast: ContrastSection = ContrastSection()
    batch_size: Positive = 8  # questions; each holds k (contrast: 2k) rows


class AdapterSection(Strict):
    """Appendix B: LoRA on all linear modules and layers.

    ``data`` is what it is tuned on: the model's own answers (``iteration``, ``union``), or, as a reference that the
    loop is measured against, the seeds alone or the labelled training split of the benchmarks (``supervised``).
    """

    r: Positive = 8
    alpha: Positive = 16
    dropout: Annotated[Real, Field(ge=0, lt=1)] = 0.0
    learning_rate: Annotated[Real, Field(ge=1e-6, le=1)] = 3e-4  # below, float32 logits stay as they were
    epochs: Positive = 3
    batch_size: Positive = 32
    micro_batch_size: Positive = 8
    max_length: Positive
    min_steps: Annotated[int, Field(ge=1)] = 8  # with fewer optimiser steps the run stops before it tunes
    with_seeds: bool = False  # the seeds, too, are examples
    start: Literal["base", "previous"] = "base"
    data: Literal["iteration", "union", "seeds", "supervised"] = "iteration"

    @model_validator(mode="after")
    def _divides(self) -> "AdapterSection":
        if self.batch_size % self.micro_batch_size:
            raise ValueError(f"micro_batch_size ({self.micro_batch_size}) must divide batch_size ({self.batch_size})")
        return self


def _rising(shots: tuple[int, ...]) -> tuple[int, ...]:
    if list(shots) != sorted(set(shots)):
        raise ValueError("give each number once, in rising order")
    return shots


def unique(names: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(names)) != len(names):
        raise ValueError("a name stands twice")
    return names


class StepUse(Named):
    """A step that a recipe adds."""

    name: Slug


class FurtherModelSection(BaseModelSection):
    """A model that is scored on the base's items with a prompt of its own (Figs. 2, 4, 5)."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=60)]
    prompt: Annotated[Slug, _registered("prompt", CHAT)]

    @model_validator(mode="after")
    def _told_apart(self) -> "FurtherModelSection":
        if self.name in OWN_MODELS:
            raise ValueError(f"key 'name': '{self.name}' is what tables call a model of the recipe's own; take another")
        if "chat_template" in self.model_fields_set:
            raise ValueError("key 'chat_template' is not taken here: prompt: chat uses the model's chat template")
        return self

    @property
    def held(self) -> dict[str, Any]:
        return {**super().held, "chat_template": "always" if self.prompt == CHAT else "never"}


def _each_model_once(models: tuple[FurtherModelSection, ...]) -> tuple[FurtherModelSection, ...]:
    names = [model.name for model in models]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise ValueError(f"two models are named '{twice}'")
    return models


class ScoresSection(Strict):
    """Section 4.1: k-shot evaluation by generation."""

    shots: Annotated[
        tuple[Annotated[int, Field(ge=0, le=20)], ...], Field(min_length=1, strict=False), AfterValidator(_rising)
    ] = (0, 1, 5)
    base_variants: Annotated[tuple[Variant, ...], Field(min_length=1, strict=False), AfterValidator(unique)] = (
        "plain",
    )
    benchmarks: Annotated[tuple[Slug, ...], Field(min_length=1, strict=False), AfterValidator(unique)] | None = None
    items_per_benchmark: Positive | None = None  # none = all
    items: Literal["drawn", "first"] = "drawn"  # which: a seeded draw, stratified by label and document, or the first
    max_new_tokens: Positive
    resamples: Annotated[int, Field(ge=100, le=1_000_000)] = 2000
    batch_size: Positive = 16
    further_models: Annotated[
        tuple[FurtherModelSection, ...], Field(strict=False), AfterValidator(_each_model_once)
    ] = ()


Share = Annotated[Real, Field(ge=0, le=1)]


class ChecksSection(Strict):
    """Where Dagster warns of what a step made; nothing is rejected by it, and nothing made anew."""

    min_novel: Share = 0.3
    min_in_language: Share = 0.9
    max_unusable: Share = 0.5
    max_copied: Share = 0.3
    max_same_label: Share = 0.7
    max_contaminated: Share = 0.0
    max_loss_ratio: Annotated[Real, Field(gt=0, le=10)] = 1.0  # the last epoch's mean loss over the first's
    max_score_drop: Annotated[Real, Field(ge=0, le=100)] = 2.0  # points of F1


class ExecutionSection(Strict):
    """Who makes the chunks of long steps; no row depends on it."""

    workers: Annotated[int, Field(ge=1, le=1024)] = 1
    engine: Literal["local", "ray"] = "local"
    gpus_per_worker: Annotated[Real, Field(ge=0, le=64)] = 0.0  # of Ray; on this machine one device for each worker
