"""A recipe's seeds: the hand-written ones of its pack or, as in the paper, items of the benchmarks' training splits.

The paper samples its biomedical seeds from the training sets of its benchmarks, up to five for each (Section 4.1). Not
every benchmark has such a set: its hand-written seeds are taken instead, and ``sampling_notes`` says so.
"""

import random
from collections import Counter
from collections.abc import Sequence
from typing import Protocol

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.base.signature import random_seed
from selfspec_assets.packs.contract import Benchmark
from selfspec_assets.packs.items import load_training_items
from selfspec_assets.packs.pack import Pack
from selfspec_assets.packs.records import Item, Seed, demonstrating, question_key
from selfspec_assets.packs.scored_benchmarks import more_seeds, no_benchmark, read_present
from selfspec_assets.packs.seed_file import pack_seeds
from selfspec_assets.recipe.recipe import NamedRecipe, Recipe
from selfspec_assets.recipe.sections import DataKind


def recipe_seeds(pack: Pack, recipe: Recipe) -> list[Seed]:
    """The seeds of a recipe in one domain.

    Raises:
        SelfspecError: as ``pack_seeds``, ``sampled_seeds`` and ``limited``.
    """
    each, limit = recipe.seeds.sample_train, recipe.seeds.limit
    if each is None:
        seeds = pack_seeds(pack, recipe.data)
    else:
        seeds = sampled_seeds(pack, recipe.data, each, recipe.seed, recipe.scores.benchmarks)
    return seeds if limit is None else limited(pack, recipe.data, seeds, limit)


def limited(pack: Pack, kind: DataKind, seeds: Sequence[Seed], limit: int) -> list[Seed]:
    """``limit`` of the seeds in their order: the first of everything that they demonstrate, then the second, …

    Raises:
        SelfspecError: there are fewer.
    """
    if len(seeds) < limit:
        reason = f"seeds.limit asks for {limit}, there are {len(seeds)}"
        raise SelfspecError(pack.seeds_path(kind), reason, "add seeds, or lower seeds.limit")
    before: Counter[str] = Counter()
    turn: list[tuple[int, int]] = []
    for place, seed in enumerate(seeds):
        turn.append((before[seed.demonstrates], place))
        before[seed.demonstrates] += 1
    chosen = {place for _, place in sorted(turn)[:limit]}
    return [seed for place, seed in enumerate(seeds) if place in chosen]


def sampling_notes(pack: Pack, recipe: Recipe) -> list[str]:
    """A line for each benchmark whose seeds are hand-written although the recipe samples; none if it does not."""
    return [
        f"seeds of {benchmark.name}: the hand-written ones, {_why_hand_written(pack, benchmark, recipe.data)}"
        for benchmark in benchmarks_to_demonstrate_by_hand(pack, recipe)
    ]


def benchmarks_to_demonstrate_by_hand(pack: Pack, recipe: Recipe) -> list[Benchmark]:
    """What is present and scored and has no training split to sample; only names of files are looked at."""
    if recipe.seeds.sample_train is None:
        return []
    kind, names = recipe.data, recipe.scores.benchmarks
    return [benchmark for benchmark in pack.present(kind, names) if not pack.has_training_split(benchmark, kind)]


class PlacedSeed(Protocol):
    """A seed, or a seed's row."""

    @property
    def passage(self) -> str: ...


def unfit_to_show(named: NamedRecipe, domain: str, seeds: Sequence[PlacedSeed]) -> SelfspecError | None:
    """What is wrong where an instruction prompt cannot be made of a domain's seeds; None where it can.

    They are fewer than it shows, or none says where a text of the corpus stands, with which tasks are to begin.
    """
    section = named.recipe.loop.instructions
    if len(seeds) < section.seeds_per_prompt:
        reason = f"asks for {section.seeds_per_prompt} seeds, {domain} has {len(seeds)}"
        remedy = f"{more_seeds(named.recipe)}, or lower it"
        return SelfspecError(f"{named.path}: instructions.seeds_per_prompt", reason, remedy)
    if section.inputs == "corpus" and not any(seed.passage for seed in seeds):
        reason = f"is corpus, and no seed of {domain} says where a text of the corpus stands in a task of its type"
        remedy = "give seeds the field 'passage', 'input' or 'above' (seeds/README.md), or set it to written"
        return SelfspecError(f"{named.path}: instructions.inputs", reason, remedy)
    return None


def sampled_seeds(pack: Pack, kind: DataKind, each: int, seed: int, names: tuple[str, ...] | None = None) -> list[Seed]:
    """``each`` items of the training split of every benchmark that is present, as seeds that demonstrate it.

    Items that ask what any present benchmark asks in its test split are never drawn. The draw depends on ``seed``, the
    domain and the benchmark alone, so that leaving one benchmark out changes no other's seeds. A benchmark that
    declares no training split, or whose split is absent, gives its first ``each`` hand-written seeds.

    Args:
        names: the benchmarks that the recipe scores; None for all.

    Raises:
        SelfspecError: no benchmark is present; a training split has too few items; a benchmark has neither a training
            split nor a hand-written seed; two seeds have one id.
    """
    wanted = pack.present(kind, names)
    if not wanted:
        raise no_benchmark(pack, kind)
    present, _ = read_present(pack, kind, names)
    asked = {question_key(item.input) for read in present.values() for item in read.items}
    seeds: dict[str, Seed] = {}
    for benchmark in wanted:
        has_split = pack.has_training_split(benchmark, kind)
        own = (
            _drawn(pack, benchmark, kind, each, seed, asked)
            if has_split
            else _hand_written(pack, benchmark, kind)[:each]
        )
        for each_seed in own:
            if seeds.setdefault(each_seed.seed_id, each_seed) != each_seed:
                reason = f"hand-written seed '{each_seed.seed_id}' has the id of a seed drawn from a training split"
                raise SelfspecError(pack.seeds_path(kind), reason, "give it another id")
    return list(seeds.values())


def _why_hand_written(pack: Pack, benchmark: Benchmark, kind: DataKind) -> str:
    absent = next((path for path in pack.training_paths(benchmark, kind) if not path.exists()), None)
    return "it declares no training split" if absent is None else f"no file {absent}. {benchmark.how_to_get}"


def _hand_written(pack: Pack, benchmark: Benchmark, kind: DataKind) -> list[Seed]:
    seeds = demonstrating(pack_seeds(pack, kind), benchmark.name, benchmark.task)
    if not seeds:
        raise SelfspecError(
            pack.folder / "domain.yaml",
            f"seeds.sample_train: {kind} benchmark '{benchmark.name}' has no training split to sample "
            f"({_why_hand_written(pack, benchmark, kind)}), and no hand-written seed demonstrates it",
            "name a file of labelled items with its key 'train', write seeds for it, or leave it out with "
            "scores.benchmarks",
        )
    return seeds


def _drawn(pack: Pack, benchmark: Benchmark, kind: DataKind, each: int, seed: int, asked: set[str]) -> list[Seed]:
    items = [item for item in load_training_items(pack, benchmark, kind) if question_key(item.input) not in asked]
    if len(items) < each:
        raise SelfspecError(
            pack.training_paths(benchmark, kind)[0],
            f"the training split of '{benchmark.name}' has {len(items)} items that are in no test split, "
            f"seeds.sample_train asks for {each}",
            "add items, or lower seeds.sample_train",
        )
    drawn = random.Random(random_seed(seed, pack.name, "sample_train", benchmark.name)).sample(items, each)
    return [_seed(benchmark, item) for item in drawn]


def _seed(benchmark: Benchmark, item: Item) -> Seed:
    licence = f"; licence: {benchmark.licence}" if benchmark.licence else ""
    return Seed(
        seed_id=f"{benchmark.name}-{item.item_id}",
        task=benchmark.task,
        demonstrates=benchmark.name,
        instruction=benchmark.instruction,
        input=item.input,
        output=item.references[0],
        source=f"item {item.item_id} of the training split of {benchmark.name}, {', '.join(benchmark.train)}{licence}",
    )
