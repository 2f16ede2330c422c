"""``selfspec check --domain all``: what each pack has, what it lacks, and what is wrong or doubtful in it."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field

from selfspec_assets.base import home
from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.packs.census import census
from selfspec_assets.packs.contract import Benchmark
from selfspec_assets.packs.corpora.contract import Source
from selfspec_assets.packs.finding import find_pack
from selfspec_assets.packs.item_lint import doubtful_items
from selfspec_assets.packs.items import ReadItems, read_benchmark, read_training_items
from selfspec_assets.packs.pack import Pack, load_pack
from selfspec_assets.packs.readers.hub import is_hub_address
from selfspec_assets.packs.records import Seed
from selfspec_assets.packs.seed_file import pack_seeds
from selfspec_assets.planning.seed_lint import doubts, repeats
from selfspec_assets.recipe.sections import DATA_KINDS, DataKind


@dataclass
class PackReport:
    """Lines to print, and the errors among them."""

    name: str
    lines: list[str] = field(default_factory=list)
    errors: list[SelfspecError] = field(default_factory=list)

    def warn(self, text: str) -> None:
        self.lines.append(f"  warning: {text}")


def check_pack(name: str, *, code: bool = True) -> PackReport:
    """Everything that is known of a pack without a recipe; one error does not hide the next.

    Args:
        code: False runs none of the pack's code; what only that could read is named.
    """
    report = PackReport(name)
    try:
        report.lines.append(find_pack(name).code() + ("" if code else "; not run"))
        pack = load_pack(name, code=code)
    except SelfspecError as error:
        report.errors.append(error)
        return report
    report.lines.append(f"pack: {pack.folder}")
    for kind in DATA_KINDS:
        if pack.file.data(kind) is not None:
            _check_data(pack, kind, report)
    return report


def _check_data(pack: Pack, kind: DataKind, report: PackReport) -> None:
    report.lines.append(f"{kind}:")
    seeds = _check_seeds(pack, kind, report)
    absent = no_data_folder() if kind == "published" else None
    within_reach = [
        benchmark for benchmark in pack.data(kind).benchmarks if absent is None or _needs_no_folder(benchmark)
    ]
    for benchmark in pack.data(kind).benchmarks:
        if benchmark in within_reach:
            _check_benchmark(pack, benchmark, kind, seeds, report)
        else:
            report.lines.append(f"  {_out_of_reach('benchmark', benchmark)}")
        _check_demonstrations(benchmark, seeds, report)
    corpus = pack.data(kind).corpus
    if absent is None or corpus.prepared is not None:
        _check_corpus(pack, kind, report)
    else:
        report.lines += [f"  {_out_of_reach('corpus', source)}" for source in corpus.sources]
    if absent is not None:
        report.warn(f"{'other ' if within_reach else ''}benchmarks and corpus not looked at: {absent.remedy}")


def without_folder(pack: Pack, wanted: Collection[str] | None, *, corpus: bool) -> list[str]:
    """What of a pack's published data cannot be looked at without a data folder, a line each, and how to get it.

    Args:
        wanted: benchmarks; None for all.
        corpus: its sources, too.
    """
    data = pack.data("published")
    chosen = [
        benchmark
        for benchmark in data.benchmarks
        if (wanted is None or benchmark.name in wanted) and not _needs_no_folder(benchmark)
    ]
    sources = [_out_of_reach("corpus", source) for source in data.corpus.sources] if corpus else []
    return [*(_out_of_reach("benchmark", benchmark) for benchmark in chosen), *sources]


def _out_of_reach(what: str, declared: Benchmark | Source) -> str:
    return f"{what} {declared.name}: ABSENT, no data folder. {declared.how_to_get}"


def _needs_no_folder(benchmark: Benchmark) -> bool:
    return benchmark.comes_with_pack or all(map(is_hub_address, benchmark.files))


def no_data_folder() -> SelfspecError | None:
    """Why there is none; None where there is one."""
    try:
        home.data_folder()
    except SelfspecError as error:
        return error
    return None


def _check_seeds(pack: Pack, kind: DataKind, report: PackReport) -> list[Seed]:
    try:
        seeds = pack_seeds(pack, kind)
    except SelfspecError as error:
        report.errors.append(error)
        return []
    tasks = Counter(seed.task for seed in seeds)
    listed = ", ".join(f"{task} {count}" for task, count in tasks.most_common())
    report.lines.append(f"  seeds: {len(seeds)} of {len(tasks)} tasks: {listed}")
    for doubt in doubts(seeds, pack.data(kind).benchmarks, elsewhere=pack.benchmarks_sharing_seeds(kind)):
        report.warn(doubt)
    return seeds


def _check_benchmark(pack: Pack, benchmark: Benchmark, kind: DataKind, seeds: list[Seed], report: PackReport) -> None:
    try:
        if pack.is_closed(benchmark):
            by = f"it is read by '{benchmark.reader}' of readers.py"
            report.lines.append(f"  benchmark {benchmark.name}: not looked at, {by}")
            return
        absent = pack.absent_file(benchmark, kind)
        if absent is not None:
            report.lines.append(f"  benchmark {benchmark.name}: ABSENT, no file {absent}. {benchmark.how_to_get}")
            return
        read = read_benchmark(pack, benchmark, kind)
    except SelfspecError as error:
        report.lines.append(f"  benchmark {benchmark.name}: cannot be read")
        report.errors.append(error)
        return
    try:
        training = read_training_items(pack, benchmark, kind)
        trained = f", {len(training.items)} to train on" if training.items else ""
    except SelfspecError as error:  # the items that are scored are told all the same
        report.errors.append(error)
        training, trained = ReadItems([], []), ", its training split cannot be read"
    report.lines.append(f"  benchmark {benchmark.name}: {len(read.items)} items{trained}")
    report.lines += [f"    {doubt.line}" for doubt in doubtful_items(read)]
    report.lines += [f"    to train on: {doubt.line}" for doubt in doubtful_items(training)]
    for doubt in repeats(seeds, read.items, benchmark.name):
        report.warn(doubt)


def _check_demonstrations(benchmark: Benchmark, seeds: list[Seed], report: PackReport) -> None:
    own = [seed for seed in seeds if seed.demonstrates == benchmark.name]
    by_task = [seed for seed in seeds if seed.demonstrates == benchmark.task != benchmark.name]
    if not own and not by_task:
        report.warn(f"no seed demonstrates {benchmark.name}: it can be asked without examples only")
    if own and by_task:
        names = ", ".join(seed.seed_id for seed in by_task)
        report.warn(f"{benchmark.name} has seeds of its own, and those of its task are drawn as well: {names}")
    for task in sorted({seed.task for seed in own} - {benchmark.task}):
        report.warn(
            f"a seed that demonstrates {benchmark.name} is of task '{task}', the benchmark of '{benchmark.task}'"
        )


def _check_corpus(pack: Pack, kind: DataKind, report: PackReport) -> None:
    try:
        counted = census(pack, kind)
    except SelfspecError as error:
        report.errors.append(error)
        return
    report.lines += [f"  {line}" for line in counted.lines]
    if not counted.present:
        report.warn("no corpus: recipes with passages.k above 0 cannot run")
