"""A recipe's seeds: the hand-written ones of its pack or, as in the paper, items of the benchmarks' training splits.

The paper samples its biomedical seeds from the training sets of its benchmarks, up to five for each (Section 4.1).
"""

import random
from pathlib import Path

from selfspec_assets.domain import (
    Benchmark,
    DataKind,
    Item,
    Pack,
    Seed,
    load_items,
    load_seeds,
    load_training_items,
)
from selfspec_assets.errors import SelfspecError
from selfspec_assets.recipe import NamedRecipe, Recipe
from selfspec_assets.signature import random_seed


def recipe_seeds(pack: Pack, recipe: Recipe) -> list[Seed]:
    """The seeds of a recipe in one domain.

    Raises:
        SelfspecError: as ``load_seeds``, or as ``sampled_seeds``.
    """
    each = recipe.seeds.sample_train
    if each is None:
        return load_seeds(pack.seeds_path(recipe.data))
    return sampled_seeds(pack, recipe.data, each, recipe.seed, recipe.scores.benchmarks)


def too_few_to_show(named: NamedRecipe, domain: str, count: int) -> SelfspecError | None:
    """What is wrong where a domain has fewer seeds than an instruction prompt shows; None where it has enough."""
    shown = named.recipe.loop.instructions.seeds_per_prompt
    if count >= shown:
        return None
    more = "write more seeds" if named.recipe.seeds.sample_train is None else "raise seeds.sample_train"
    reason = f"asks for {shown} seeds, {domain} has {count}"
    return SelfspecError(f"{named.path}: instructions.seeds_per_prompt", reason, f"{more}, or lower it")


def sampled_seeds(pack: Pack, kind: DataKind, each: int, seed: int, names: tuple[str, ...] | None = None) -> list[Seed]:
    """``each`` items of the training split of every benchmark that is present, as seeds that demonstrate it.

    Items that ask what any present benchmark asks in its test split are never drawn. The draw depends on ``seed``, the
    domain and the benchmark alone, so that leaving one benchmark out changes no other's seeds.

    Args:
        names: the benchmarks that the recipe scores; None for all.

    Raises:
        SelfspecError: a benchmark declares no training split, its file is absent, or it has too few items.
    """
    declared = pack.data(kind).benchmarks
    present = [one for one in declared if all(path.is_file() for path in pack.benchmark_paths(one, kind))]
    asked = {_same(item) for one in present for item in load_items(pack, one, kind)}
    wanted = [one for one in present if names is None or one.name in names]
    if not wanted:
        remedy = f"add one: {'; '.join(f'{one.name}: {one.how_to_get}' for one in declared)}"
        raise SelfspecError(pack.folder / "domain.yaml", f"none of the {kind} benchmarks is present", remedy)
    return [found for one in wanted for found in _drawn(pack, one, kind, each, seed, asked)]


def _drawn(pack: Pack, benchmark: Benchmark, kind: DataKind, each: int, seed: int, asked: set[str]) -> list[Seed]:
    path = _training_file(pack, benchmark, kind)
    items = [item for item in load_training_items(pack, benchmark, kind) if _same(item) not in asked]
    if len(items) < each:
        raise SelfspecError(
            path,
            f"the training split of '{benchmark.name}' has {len(items)} items that are in no test split, "
            f"seeds.sample_train asks for {each}",
            "add items, or lower seeds.sample_train",
        )
    drawn = random.Random(random_seed(seed, pack.name, "sample_train", benchmark.name)).sample(items, each)
    return [_seed(benchmark, item) for item in drawn]


def _training_file(pack: Pack, benchmark: Benchmark, kind: DataKind) -> Path:
    path = pack.training_path(benchmark, kind)
    if path is None:
        raise SelfspecError(
            pack.folder / "domain.yaml",
            f"seeds.sample_train needs a training split, and {kind} benchmark '{benchmark.name}' has none",
            "name a file of labelled items with its key 'train', leave it out with scores.benchmarks, or remove "
            "seeds.sample_train: the hand-written seeds are taken then",
        )
    if not path.is_file():
        raise SelfspecError(path, f"the training split of '{benchmark.name}': no such file", benchmark.how_to_get)
    return path


def _seed(benchmark: Benchmark, item: Item) -> Seed:
    licence = f"; licence: {benchmark.licence}" if benchmark.licence else ""
    return Seed(
        seed_id=f"{benchmark.name}-{item.item_id}",
        task=benchmark.task,
        demonstrates=benchmark.name,
        instruction=benchmark.instruction,
        input=item.input,
        output=item.references[0],
        source=f"item {item.item_id} of the training split of {benchmark.name}, {benchmark.train}{licence}",
    )


def _same(item: Item) -> str:
    return " ".join(item.input.casefold().split())
