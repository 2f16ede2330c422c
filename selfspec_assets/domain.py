"""The domain pack: the contract of ``domains/<name>/domain.yaml``, its loader, and the readers it may bring.

A pack is a folder: prompts, banned words, and two sets of data with the same keys. ``bundled`` is the small world
of the embedded model; ``published`` are real benchmarks and corpora for real models, under ``SELFSPEC_DATA`` or in hub
datasets. Dropping a folder into ``domains/`` is all it takes; ``pack_finding`` tells where else packs may lie, and
docs/writing-a-domain-pack.md walks through one.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, SerializerFunctionWrapHandler, field_validator, model_serializer

from selfspec_assets import home
from selfspec_assets.corpus_contract import Corpus
from selfspec_assets.errors import SelfspecError
from selfspec_assets.pack_filters import PackFilters, load_filters
from selfspec_assets.pack_finding import find_pack, pack_names
from selfspec_assets.pack_paths import PackPath, contained, in_pack
from selfspec_assets.pack_readers import bound_reader, is_own
from selfspec_assets.readers.hub import hub_address, hub_file, is_hub_address, why_absent
from selfspec_assets.records import BLANK_ALTERNATIVE, Item, Remark, Seed, load_seeds, text_field
from selfspec_assets.strict import Strict, load_yaml
from selfspec_assets.templates import Template
from selfspec_assets.text_file import read_text
from selfspec_assets.words import comparable

__all__ = [
    "Benchmark",
    "DataKind",
    "Item",
    "Pack",
    "PackData",
    "PackFile",
    "ReadItems",
    "Remark",
    "Seed",
    "Slug",
    "contained",
    "domain_names",
    "load_items",
    "load_pack",
    "load_seeds",
    "load_training_items",
    "no_training_split",
    "read_benchmark",
    "read_training_items",
    "text_field",
]  # what a pack's readers.py needs stands here, too

CONTRACT = 1  # of domain.yaml; another number is another contract
Slug = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
LanguageCode = Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")]  # BCP 47: en, ja, pt-BR
DataKind = Literal["bundled", "published"]
MetricName = Literal["set_f1", "numeric_match", "macro_f1", "majority", "box_f1", "squad_f1", "ascii_rouge_l"]
INSTRUCTION_VARIABLES = {"count": 20}  # name → an example; every variable that a template may use
REPEATS_TEST = "training items left out: a test item has their input"
MOST_DROPPED = 0.05  # share of a benchmark's items that may be left out before the file is refused
RESPONSE_VARIABLES = {"instruction": "Name it.", "input": "A text.", "passage": "A text."}


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
    train: PackPath | None = None  # labelled items of the same format, never scored: supervised, sample_train
    reader: str = "jsonl"  # of selfspec_assets.readers, or a function of the pack's readers.py
    options: dict[str, Any] = Field(default_factory=dict)  # what the reader takes beside the path, by name
    metrics: tuple[MetricName, ...] = Field(default=(), strict=False, exclude=True)  # beside F1 and ROUGE-L
    licence: str = ""
    obtain: str = ""

    @property
    def files(self) -> tuple[str, ...]:
        """All that it reads: what is scored, and the training split."""
        return (self.file, *self.also, *([] if self.train is None else [self.train]))

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

    @field_validator("file", "also", "train")
    @classmethod
    def _pinned(cls, value: str | tuple[str, ...] | None) -> str | tuple[str, ...] | None:
        for file in (value,) if isinstance(value, str) else value or ():
            if is_hub_address(file):
                hub_address(file)
        return value

    @model_serializer(mode="wrap")
    def _without_unused_keys(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # The text is in the signature of ``benchmarks``: a key that a pack does not use must not remake its runs.
        return {key: value for key, value in handler(self).items() if value or key not in ("also", "options")}


class PackData(Strict):
    """Seeds, corpus and benchmarks of one kind. Published files lie under ``SELFSPEC_DATA``."""

    seeds: PackPath | None = None  # pack-relative; published default: seeds/<pack>.jsonl of the project
    corpus: Corpus
    benchmarks: tuple[Benchmark, ...] = Field(min_length=1, strict=False)


class PackFile(Strict):
    """``domain.yaml``."""

    contract: int  # CONTRACT, as ``_check_contract`` has found before anything else is looked at
    title: str = Field(min_length=1)
    language: LanguageCode = "en"  # what is asked and answered in; of English alone an ASCII first letter is expected
    prompts: Prompts
    banned_words: tuple[str, ...] = Field(default=(), strict=False)
    filters: tuple[str, ...] = Field(default=(), strict=False)  # functions of the pack's filters.py
    bundled: PackData | None = None
    published: PackData | None = None

    @field_validator("published")
    @classmethod
    def _streamed(cls, value: PackData | None) -> PackData | None:
        return None if value is None else value.model_copy(update={"corpus": value.corpus.streamed()})


class _ContractOnly(Strict):
    """The one key that is read of any version."""

    model_config = ConfigDict(extra="ignore")
    contract: int


@dataclass(frozen=True)
class Pack:
    """A loaded pack; everything in it has been checked except the contents of data files."""

    name: str
    folder: Path
    file: PackFile
    instruction_header: Template
    response_prompt: Template
    filters: PackFilters
    code: bool = True  # whether its readers.py and filters.py may be run

    def data(self, kind: DataKind) -> PackData:
        found = self.file.bundled if kind == "bundled" else self.file.published
        if found is None:
            remedy = f"add a '{kind}:' section, or choose other data in the recipe"
            raise SelfspecError(self.folder / "domain.yaml", f"the pack has no {kind} data", remedy)
        return found

    def seeds_path(self, kind: DataKind) -> Path:
        named = self.data(kind).seeds
        if named is not None:
            return self.inside(named)
        path = home.find(f"seeds/{self.name}.jsonl")
        if path is None:
            raise SelfspecError(
                self.folder / "domain.yaml",
                f"no seeds: the {kind} section names none and seeds/{self.name}.jsonl does not exist",
                "write that file, or name one with the key 'seeds'",
            )
        return path

    def corpus_path(self, kind: DataKind) -> Path:
        """The file of a prepared corpus; ``domain.yaml`` where the corpus is made of sources."""
        prepared = self.data(kind).corpus.prepared
        return self.folder / "domain.yaml" if prepared is None else self._data_file(prepared, kind)

    def data_root(self, kind: DataKind) -> Path:
        """The folder that the files of that kind lie below."""
        return self.folder if kind == "bundled" else home.data_folder()

    def benchmark_path(self, benchmark: Benchmark, kind: DataKind) -> Path:
        return self._data_file(benchmark.file, kind)

    def benchmark_paths(self, benchmark: Benchmark, kind: DataKind) -> list[Path]:
        return [self._data_file(relative, kind) for relative in (benchmark.file, *benchmark.also)]

    def absent_file(self, benchmark: Benchmark, kind: DataKind) -> str | None:
        """The first of a benchmark's files that is not there, as ``domain.yaml`` names it; None: it is present.

        A folder counts as a file: some formats are many files in one.
        """
        paths = zip((benchmark.file, *benchmark.also), self.benchmark_paths(benchmark, kind), strict=True)
        return next((name for name, path in paths if not path.exists()), None)

    def is_present(self, benchmark: Benchmark, kind: DataKind) -> bool:
        """Whether all that a benchmark is scored on is there; one that lacks a file is left out as a whole."""
        return self.absent_file(benchmark, kind) is None

    def present(self, kind: DataKind, names: Collection[str] | None = None) -> list[Benchmark]:
        """The benchmarks that are there, in the order of ``domain.yaml``; of ``names`` alone unless it is None."""
        wanted = [one for one in self.data(kind).benchmarks if names is None or one.name in names]
        return [one for one in wanted if self.is_present(one, kind)]

    def training_path(self, benchmark: Benchmark, kind: DataKind) -> Path | None:
        return None if benchmark.train is None else self._data_file(benchmark.train, kind)

    def _data_file(self, relative: str, kind: DataKind) -> Path:
        if is_hub_address(relative):
            return hub_file(relative)
        own = relative if kind == "bundled" else in_pack(relative)
        return contained(home.data_folder(), relative) if own is None else self.inside(own)

    def inside(self, relative: str) -> Path:
        return contained(self.folder, relative)

    def reader(self, benchmark: Benchmark) -> Callable[[Path], Iterator[Item | Remark]]:
        """Path → items and remarks, with the benchmark's options given."""
        return bound_reader(self.folder, benchmark.reader, benchmark.options, code=self.code)

    def is_closed(self, benchmark: Benchmark) -> bool:
        """Whether only code of the pack could read it, and none may be run."""
        return not self.code and is_own(self.folder, benchmark.reader)


def domain_names() -> list[str]:
    """All packs in reach, sorted, sound or not."""
    return pack_names()


def load_pack(name: str, *, code: bool = True) -> Pack:
    """Find and check a pack.

    Args:
        code: False runs none of the pack's code: it has no filters, and benchmarks of its own readers cannot be read.

    Raises:
        SelfspecError: no such pack, or two; an import that fails; another contract; bad ``domain.yaml``, missing file,
            broken template. Names file, line, key; and the pack and where it comes from, if not from the project.
    """
    found = find_pack(name)
    folder = found.folder()
    try:
        return _loaded(name, folder, code)
    except SelfspecError as error:
        if not found.is_elsewhere:
            raise
        raise SelfspecError(error.place, f"pack '{name}' of {found.origin}: {error.reason}", error.remedy) from error


def _loaded(name: str, folder: Path, code: bool) -> Pack:
    path = folder / "domain.yaml"
    _check_contract(path, name)
    file = load_yaml(path, PackFile)
    pack = Pack(
        name=name,
        folder=folder,
        file=file,
        instruction_header=Template.load(contained(folder, file.prompts.instructions), INSTRUCTION_VARIABLES),
        response_prompt=Template.load(
            contained(folder, file.prompts.response), RESPONSE_VARIABLES, required=frozenset(RESPONSE_VARIABLES)
        ),
        filters=load_filters(folder, file.filters if code else ()),
        code=code,
    )
    _check_data(pack, path)
    return pack


def _check_contract(path: Path, name: str) -> None:
    """Comes first: the keys of another contract may be others, and a message about one of them would mislead."""
    found = load_yaml(path, _ContractOnly).contract
    if found == CONTRACT:
        return
    lines = read_text(path).split("\n")
    number = next((n for n, line in enumerate(lines, start=1) if line.startswith("contract")), 1)
    raise SelfspecError(
        f"{path}:{number}",
        f"key 'contract': pack '{name}' is written for contract {found}, this version reads contract {CONTRACT}",
        "upgrade selfspec" if found > CONTRACT else "get a newer version of the pack, or upgrade its domain.yaml",
    )


def _check_data(pack: Pack, path: Path) -> None:
    for kind, data in (("bundled", pack.file.bundled), ("published", pack.file.published)):
        if data is None:
            continue
        names = [benchmark.name for benchmark in data.benchmarks]
        for name in names:
            if names.count(name) > 1:
                raise SelfspecError(path, f"{kind}.benchmarks: two are called '{name}'", "rename one")
        for benchmark in data.benchmarks:
            _check_reader(pack, benchmark, kind)
            if kind == "bundled" and any(map(is_hub_address, benchmark.files)):
                reason = f"bundled benchmark '{benchmark.name}' lies in a hub dataset"
                raise SelfspecError(path, reason, "move it to 'published', or bring its file in the pack")
        _check_own_files(pack, kind, data, path)


def _check_own_files(pack: Pack, kind: str, data: PackData, path: Path) -> None:
    """What lies in the pack is there: all of the bundled data; of the published, what its name says does."""
    corpus = data.corpus.prepared
    named = [*([corpus] if corpus else []), *(file for benchmark in data.benchmarks for file in benchmark.files)]
    if kind == "bundled":
        own = [*named, *([data.seeds] if data.seeds is not None else [])]
    else:
        own = [relative for relative in map(in_pack, named) if relative is not None]
    for relative in own:
        if not pack.inside(relative).exists():
            raise SelfspecError(path, f"{kind} file '{relative}' is missing", f"add {pack.folder / relative}")


def _check_reader(pack: Pack, benchmark: Benchmark, kind: str) -> None:
    if pack.is_closed(benchmark):
        return
    try:
        pack.reader(benchmark)
    except SelfspecError as error:
        reason = f"{kind} benchmark '{benchmark.name}': {error.reason}"
        raise SelfspecError(error.place, reason, error.remedy) from error


@dataclass(frozen=True)
class ReadItems:
    """The items of a benchmark, and what was met beside them."""

    items: list[Item]
    remarks: list[Remark]


def read_benchmark(pack: Pack, benchmark: Benchmark, kind: DataKind) -> ReadItems:
    """All items of a benchmark; ids are unique, each has a reference, and there is at least one.

    Raises:
        SelfspecError: a file is absent (the remedy says where to get it), or is not what its reader expects; more than
            one item in twenty was left out.
    """
    return _read(pack, benchmark, pack.benchmark_paths(benchmark, kind))


def load_items(pack: Pack, benchmark: Benchmark, kind: DataKind) -> list[Item]:
    """The items of ``read_benchmark`` alone."""
    return read_benchmark(pack, benchmark, kind).items


def read_training_items(pack: Pack, benchmark: Benchmark, kind: DataKind) -> ReadItems:
    """The items of a benchmark's training split; none where it declares no split or a published file is absent.

    An item with the input of one that is scored, white space and case aside, is left out with a remark: its answer
    would be learnt by heart. Published splits share a line now and then, and nobody edits them by hand.

    Raises:
        SelfspecError: as ``read_benchmark``; every item is one that is scored.
    """
    path = pack.training_path(benchmark, kind)
    if path is None or not path.exists():
        return ReadItems([], [])
    read = _read(pack, benchmark, [path])
    test_items = load_items(pack, benchmark, kind) if pack.is_present(benchmark, kind) else []
    scored = {comparable(item.input) for item in test_items}
    kept = [item for item in read.items if comparable(item.input) not in scored]
    if not kept:
        reason = f"every training item of '{benchmark.name}' is one of its test items"
        raise SelfspecError(path, reason, "name another file with the key 'train'")
    repeats = [Remark(REPEATS_TEST, item.item_id) for item in read.items if comparable(item.input) in scored]
    return ReadItems(kept, [*read.remarks, *repeats])


def load_training_items(pack: Pack, benchmark: Benchmark, kind: DataKind) -> list[Item]:
    """The items of ``read_training_items`` alone."""
    return read_training_items(pack, benchmark, kind).items


def no_training_split(pack: Pack, kind: DataKind) -> SelfspecError:
    """What a supervised recipe is told where no benchmark brings labelled items to train on."""
    names = ", ".join(benchmark.name for benchmark in pack.data(kind).benchmarks)
    return SelfspecError(
        pack.folder / "domain.yaml",
        f"adapter.data: supervised needs a training split, and no {kind} benchmark has one",
        f"name a file of labelled items with the key 'train' of a benchmark ({names}), or choose other adapter.data",
    )


def _read(pack: Pack, benchmark: Benchmark, paths: list[Path]) -> ReadItems:
    found: dict[str, Item] = {}
    remarks: list[Remark] = []
    for path in paths:
        if not path.exists():
            raise SelfspecError(path, f"benchmark '{benchmark.name}': no such file", benchmark.how_to_get)
        for read in pack.reader(benchmark)(path):
            if isinstance(read, Remark):
                remarks.append(read)
                continue
            # Many formats count their items, so that ids are unique within a file only.
            name = read.item_id if path == paths[0] else f"{path.stem}:{read.item_id}"
            if name in found:
                raise SelfspecError(path, f"two items have the id '{read.item_id}'", "make the ids unique")
            references = tuple(reference for reference in read.references if reference.strip())
            if not references:
                raise SelfspecError(path, f"item '{read.item_id}' has no reference", "give it a right answer")
            if len(references) < len(read.references):
                remarks.append(Remark(BLANK_ALTERNATIVE, name))
            if not read.input.strip():
                raise SelfspecError(path, f"item '{read.item_id}' has no input", "give it a question")
            found[name] = Item(name, read.input, references, read.document)
    _refuse_many_dropped(benchmark, paths[0], len(found), remarks)
    if not found:
        raise SelfspecError(paths[0], f"benchmark '{benchmark.name}' has no items", "check the file")
    return ReadItems(list(found.values()), remarks)


def _refuse_many_dropped(benchmark: Benchmark, path: Path, kept: int, remarks: list[Remark]) -> None:
    """A few broken items must not cost thousands of sound ones; many of them are another format."""
    dropped = [remark for remark in remarks if remark.drops]
    if len(dropped) > MOST_DROPPED * (kept + len(dropped)):
        first = dropped[0]
        reason = f"benchmark '{benchmark.name}': {len(dropped)} of {kept + len(dropped)} items cannot be used"
        remedy = f"the first is {first.place}: {first.what}; correct the file, or choose the reader of its format"
        raise SelfspecError(path, reason, remedy)
