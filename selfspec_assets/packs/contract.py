"""The contract of ``domains/<name>/domain.yaml``: names, bounds and defaults of every key. Pure."""

from typing import Annotated, Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, field_validator, model_serializer, model_validator

from selfspec_assets import plugins
from selfspec_assets.base.signature import canonical_json
from selfspec_assets.base.strict import Named, Strict, said_of_a_key
from selfspec_assets.packs.corpora.contract import Corpus
from selfspec_assets.packs.paths import PackPath, in_pack
from selfspec_assets.packs.readers.hub import hub_address, is_hub_address, why_absent
from selfspec_assets.recipe.sections import DataKind, Slug

CONTRACT = 1  # of domain.yaml; another number is another contract
LanguageCode = Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")]  # BCP 47: en, ja, pt-BR
MAJORITY = "majority"  # a baseline, which packs ask for among the metrics


class Use(Named):
    """A plug-in that a pack names."""

    def identity(self, kind: plugins.Kind) -> str:
        """What stands in signatures: of selfspec's own the name, which a pack's own function may have, too."""
        plugin = plugins.REGISTRY.find(kind, self.name)
        named = self.name if plugin is None else plugin.signed
        return f"{named} {canonical_json(self.options)}" if self.options else named


class Prompts(Strict):
    """Jinja templates, relative to the pack."""

    instructions: PackPath  # the header of the list prompt; variable: count
    response: PackPath  # the base model's answer prompt; variables: instruction, input, passage


class Benchmark(Strict):
    """One benchmark: a file, who reads it, and the instruction that every item is asked with."""

    name: Slug
    task: Slug
    instruction: str = Field(min_length=1)
    file: PackPath  # in the pack; published: under SELFSPEC_DATA, hf://datasets/owner/name@commit/path, or pack:path
    also: tuple[PackPath, ...] = Field(default=(), strict=False)  # more files of the same format
    train: tuple[PackPath, ...] = Field(default=(), strict=False)  # a file or a list, never scored: labelled items of
    # the same format, for supervised and sample_train
    reader: str = "jsonl"  # of selfspec_assets.packs.readers, or a function of the pack's readers.py
    options: dict[str, Any] = Field(default_factory=dict)  # what the reader takes beside the path, by name
    metrics: tuple[Use, ...] = Field(default=(), strict=False, exclude=True)  # beside F1 and ROUGE-L
    licence: str = ""
    obtain: str = ""

    @property
    def files(self) -> tuple[str, ...]:
        """All that it reads: what is scored, and the training split."""
        return (self.file, *self.also, *self.train)

    @property
    def comes_with_pack(self) -> bool:
        """Whether a published benchmark needs no ``SELFSPEC_DATA``."""
        return all(in_pack(file) is not None for file in self.files)

    @property
    def how_to_get(self) -> str:
        """Where the file is to be had and under which licence, in one line."""
        licence = f" (licence: {self.licence})" if self.licence else ""
        addresses = [file for file in (self.file, *self.also) if is_hub_address(file)]
        why = next((f"the hub did not give it: {said}; " for said in map(why_absent, addresses) if said), "")
        otherwise = hub_address(addresses[0]).how_to_get if addresses else f"add {self.file}"
        return f"{why}{self.obtain or otherwise}{licence}"

    @field_validator("train", mode="before")
    @classmethod
    def _one_file(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @field_validator("metrics")
    @classmethod
    def _known(cls, metrics: tuple[Use, ...]) -> tuple[Use, ...]:
        for use in metrics:
            if use.name == MAJORITY or plugins.REGISTRY.may_hide("metric", use.name):
                continue
            with said_of_a_key():
                plugins.REGISTRY.get("metric", use.name, use.name, (MAJORITY,)).options(use.options, use.name)
        return metrics

    @field_validator("file", "also", "train")
    @classmethod
    def _pinned(cls, value: str | tuple[str, ...]) -> str | tuple[str, ...]:
        for file in (value,) if isinstance(value, str) else value:
            if is_hub_address(file):
                hub_address(file)
        return value

    @model_serializer(mode="wrap")
    def _without_unused_keys(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # The text is in the signature of ``benchmarks``: a key that a pack does not use must not remake its runs.
        return {key: value for key, value in handler(self).items() if value or key not in ("also", "options")}


class SeedFile(Strict):
    """Where the worked examples are; a plain path is one of the project's own JSON lines."""

    file: PackPath  # pack-relative
    format: Literal["jsonl", "alpaca", "sharegpt"] = "jsonl"
    task: Slug | Literal[""] = ""  # of every example, and what it demonstrates: other formats than jsonl do not say
    source: str = ""  # likewise: where they are from, and their licence

    @model_validator(mode="before")
    @classmethod
    def _path(cls, value: Any) -> Any:
        return {"file": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _said_once(self) -> "SeedFile":
        if self.format != "jsonl" and not (self.task and self.source.strip()):
            raise ValueError(f"seeds in the format '{self.format}' need 'task' and 'source', which the file has not")
        if self.format == "jsonl" and (self.task or self.source):
            raise ValueError("'task' and 'source' stand in each line of jsonl, and not here")
        return self


class PackData(Strict):
    """Seeds, corpus and benchmarks of one kind. Published files lie under ``SELFSPEC_DATA``, all others in the pack."""

    seeds: SeedFile | None = None  # default: seeds/<pack>.jsonl of the project, and seeds/<pack>-<kind>.jsonl if any
    corpus: Corpus
    benchmarks: tuple[Benchmark, ...] = Field(min_length=1, strict=False)


class PackFile(Strict):
    """``domain.yaml``."""

    contract: int  # CONTRACT, as ``_check_contract`` has found before anything else is looked at
    title: str = Field(min_length=1)
    language: LanguageCode = "en"  # what is asked and answered in; of English alone an ASCII first letter is expected
    prompts: Prompts
    banned_words: tuple[str, ...] = Field(default=(), strict=False)
    filters: tuple[Use, ...] = Field(default=(), strict=False)  # functions of its filters.py, or registered ones
    bundled: PackData | None = None
    published: PackData | None = None
    starter: PackData | None = None

    @field_validator("published")
    @classmethod
    def _streamed(cls, value: PackData | None) -> PackData | None:
        return None if value is None else value.model_copy(update={"corpus": value.corpus.streamed()})

    def data(self, kind: DataKind) -> PackData | None:
        """The section of a kind; None where the pack has none."""
        return {"bundled": self.bundled, "published": self.published, "starter": self.starter}[kind]
