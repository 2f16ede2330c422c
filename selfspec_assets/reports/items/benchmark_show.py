"""``selfspec benchmarks show``: what a benchmark of a pack asks for, how much of it there is, and its first item."""

from collections import Counter
from collections.abc import Iterator

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.base.words import count_words
from selfspec_assets.packs.contract import Benchmark
from selfspec_assets.packs.item_lint import doubtful_items
from selfspec_assets.packs.items import read_benchmark
from selfspec_assets.packs.pack import Pack, load_pack, sound_packs
from selfspec_assets.packs.records import Item
from selfspec_assets.recipe.sections import DATA_KINDS, DataKind

_ANSWERS_SHOWN = 5


def show(name: str, domain: str | None) -> list[str]:
    """Lines on every benchmark of that name, in one pack or in all, of every kind of data.

    Raises:
        SelfspecError: no pack has it; its file is absent or broken.
    """
    packs, left_out = ([load_pack(domain)], []) if domain else sound_packs()
    every = [(pack, kind, benchmark) for pack in packs for kind, benchmark in _benchmarks(pack)]
    found = [one for one in every if one[2].name == name]
    if not found:
        known = sorted({benchmark.name for _, _, benchmark in every})
        where = f"pack '{domain}'" if domain else "any pack"
        also = "".join(f"; {line}" for line in left_out)
        raise SelfspecError(f"benchmark '{name}'", f"is not in {where}{also}", f"choose one of: {', '.join(known)}")
    return [line for pack, kind, benchmark in found for line in _described(pack, kind, benchmark)] + left_out


def _benchmarks(pack: Pack) -> Iterator[tuple[DataKind, Benchmark]]:
    for kind in DATA_KINDS:
        data = pack.file.data(kind)
        for benchmark in data.benchmarks if data is not None else ():
            yield kind, benchmark


def _described(pack: Pack, kind: DataKind, benchmark: Benchmark) -> Iterator[str]:
    read = read_benchmark(pack, benchmark, kind)
    items = read.items
    yield f"{pack.name} {benchmark.name} ({kind})"
    yield f"  files: {', '.join(str(path) for path in pack.benchmark_paths(benchmark, kind))}"
    if benchmark.licence:
        yield f"  licence: {benchmark.licence}"
    yield f"  task: {benchmark.task}; metrics: {', '.join(('f1', 'rouge_l', *(use.name for use in benchmark.metrics)))}"
    yield f"  items: {len(items)}, {_mean_words(items):.0f} words each in the mean"
    answers = Counter(item.references[0] for item in items)
    common = ", ".join(f"'{answer}' {count}" for answer, count in answers.most_common(_ANSWERS_SHOWN) if count > 1)
    yield f"  answers: {len(answers)} different" + (f"; commonest: {common}" if common else "")
    yield from (f"  {doubt.line}" for doubt in doubtful_items(read))
    yield f"  instruction: {benchmark.instruction}"
    yield f"  first item, {items[0].item_id}:"
    yield from (f"    {line}" for line in items[0].input.split("\n"))
    yield from (f"  reference: {reference}" for reference in items[0].references)


def _mean_words(items: list[Item]) -> float:
    return sum(count_words(item.input) for item in items) / len(items)
