"""The items of a pack's benchmarks and training splits, and what readers met beside them."""

from dataclasses import dataclass
from pathlib import Path

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.packs.contract import Benchmark
from selfspec_assets.packs.pack import Pack
from selfspec_assets.packs.records import BLANK_ALTERNATIVE, Item, Remark, question_key
from selfspec_assets.recipe.sections import DataKind

REPEATS_TEST = "training items left out, as a test item has their input"
MOST_DROPPED = 0.05  # share of a benchmark's items that may be left out before the file is refused


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
    """The items of a benchmark's training split; none where it declares none or a published file is absent.

    An item that asks what one that is scored asks (``question_key``) is left out with a remark: its answer would be
    learnt by heart. Published splits share a line now and then, and nobody edits them by hand.

    Raises:
        SelfspecError: as ``read_benchmark``; every item is one that is scored.
    """
    if not pack.has_training_split(benchmark, kind):
        return ReadItems([], [])
    paths = pack.training_paths(benchmark, kind)
    read = _read(pack, benchmark, paths)
    test_items = load_items(pack, benchmark, kind) if pack.is_present(benchmark, kind) else []
    scored = {question_key(item.input) for item in test_items}
    kept = [item for item in read.items if question_key(item.input) not in scored]
    if not kept:
        reason = f"every training item of '{benchmark.name}' is one of its test items"
        raise SelfspecError(paths[0], reason, "name another file with the key 'train'")
    repeats = [Remark(REPEATS_TEST, item.item_id) for item in read.items if question_key(item.input) in scored]
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
    items: dict[str, Item] = {}
    remarks: list[Remark] = []
    for path in paths:
        if not path.exists():
            raise SelfspecError(path, f"benchmark '{benchmark.name}': no such file", benchmark.how_to_get)
        for read in pack.reader(benchmark)(path):
            if isinstance(read, Remark):
                remarks.append(read)
                continue
            # Many formats count their items and documents, so that names are unique within a file only.
            of_file = "" if path == paths[0] else f"{path.stem}:"
            name, document = of_file + read.item_id, read.document and of_file + read.document
            if name in items:
                raise SelfspecError(path, f"two items have the id '{read.item_id}'", "make the ids unique")
            references = tuple(reference for reference in read.references if reference.strip())
            if not references:
                raise SelfspecError(path, f"item '{read.item_id}' has no reference", "give it a right answer")
            if len(references) < len(read.references):
                remarks.append(Remark(BLANK_ALTERNATIVE, name))
            if not read.input.strip():
                raise SelfspecError(path, f"item '{read.item_id}' has no input", "give it a question")
            items[name] = Item(name, read.input, references, document)
    _refuse_many_dropped(benchmark, paths[0], len(items), remarks)
    if not items:
        raise SelfspecError(paths[0], f"benchmark '{benchmark.name}' has no items", "check the file")
    return ReadItems(list(items.values()), remarks)


def _refuse_many_dropped(benchmark: Benchmark, path: Path, kept: int, remarks: list[Remark]) -> None:
    """A few broken items must not cost thousands of sound ones; many of them are another format."""
    dropped = [remark for remark in remarks if remark.drops]
    if len(dropped) > MOST_DROPPED * (kept + len(dropped)):
        first = dropped[0]
        reason = f"benchmark '{benchmark.name}': {len(dropped)} of {kept + len(dropped)} items cannot be used"
        remedy = f"the first is {first.place}: {first.what}; correct the file, or choose the reader of its format"
        raise SelfspecError(path, reason, remedy)
