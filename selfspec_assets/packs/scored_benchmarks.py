"""Which benchmarks a recipe scores, and whether it can: one rule, which ``check``, ``plan`` and ``run`` ask. Pure."""

from collections.abc import Collection, Sequence

from selfspec_assets.base.errors import SelfspecError, did_you_mean
from selfspec_assets.packs.contract import Benchmark
from selfspec_assets.packs.items import ReadItems, read_benchmark
from selfspec_assets.packs.pack import Pack
from selfspec_assets.packs.records import Demonstrates, demonstrating
from selfspec_assets.recipe.recipe import NamedRecipe, Recipe
from selfspec_assets.recipe.sections import DataKind


def scored_benchmarks(named: NamedRecipe, pack: Pack) -> list[Benchmark]:
    """The benchmarks that the recipe names, or else all whose files are there; only names of files are looked at.

    What a recipe names has to be there: scores without it would be other scores. What it does not name may be absent.

    Raises:
        SelfspecError: it names one that the pack does not have, or one of which a file is missing; none is there.
    """
    kind, wanted = named.recipe.data, named.recipe.scores.benchmarks
    require_named(named, pack)
    present = pack.present(kind, wanted)
    if not present:
        raise no_benchmark(pack, kind)
    return present


def require_named(named: NamedRecipe, pack: Pack) -> None:
    """Check that the benchmarks which the recipe names are there.

    Raises:
        SelfspecError: it names one that the pack does not have, or one of which a file is missing.
    """
    kind = named.recipe.data
    declared = {benchmark.name: benchmark for benchmark in pack.data(kind).benchmarks}
    place = f"{named.path}: scores.benchmarks"
    for name in named.recipe.scores.benchmarks or ():
        if name not in declared:
            remedy = f"{did_you_mean(name, declared)}it has: {', '.join(declared)}"
            raise SelfspecError(place, f"pack '{pack.name}' has no {kind} benchmark '{name}'", remedy)
        if (absent := pack.absent_file(declared[name], kind)) is not None:
            remedy = f"get it: {declared[name].how_to_get}; or take it out of scores.benchmarks"
            raise SelfspecError(place, f"benchmark '{name}': no file {absent}", remedy)


def read_present(
    pack: Pack, kind: DataKind, scored: Collection[str] | None
) -> tuple[dict[str, ReadItems], dict[str, SelfspecError]]:
    """The items of every benchmark whose files are there, by name; and why one that is not scored cannot be read.

    Those that are not scored are read as well: neither instructions nor passages may give away what a recipe beside
    this one scores. But a file that nobody asks for stops nothing.

    Args:
        scored: the names in ``scores.benchmarks``; None for all.

    Raises:
        SelfspecError: one that is scored cannot be read.
    """
    present: dict[str, ReadItems] = {}
    broken: dict[str, SelfspecError] = {}
    for benchmark in pack.present(kind):
        try:
            present[benchmark.name] = read_benchmark(pack, benchmark, kind)
        except SelfspecError as error:
            if scored is None or benchmark.name in scored:
                raise
            broken[benchmark.name] = error
    return present, broken


def no_benchmark(pack: Pack, kind: DataKind) -> SelfspecError:
    """What is wrong where the files of no benchmark are there: where each can be got."""
    remedy = "; ".join(f"{benchmark.name}: {benchmark.how_to_get}" for benchmark in pack.data(kind).benchmarks)
    return SelfspecError(pack.folder / "domain.yaml", f"none of the {kind} benchmarks is present", remedy)


def more_seeds(recipe: Recipe) -> str:
    """How a recipe comes to more seeds."""
    if recipe.seeds.limit is not None:
        return "raise seeds.limit"
    return "write more seeds" if recipe.seeds.sample_train is None else "raise seeds.sample_train or write more seeds"


def too_few_demonstrations(named: NamedRecipe, pack: Pack, seeds: Sequence[Demonstrates]) -> SelfspecError | None:
    """What is wrong where a benchmark that is scored has fewer seeds than are shown before its questions.

    Raises:
        SelfspecError: as ``scored_benchmarks``.
    """
    shots = max(named.recipe.scores.shots)
    for benchmark in scored_benchmarks(named, pack):
        count = len(demonstrating(seeds, benchmark.name, benchmark.task))
        if count < shots:
            more = more_seeds(named.recipe)
            return SelfspecError(
                f"{named.path}: scores.shots",
                f"{count} seeds demonstrate '{benchmark.name}', scores.shots asks for {shots}",
                f"{more} for it, ask for fewer shots, or leave the benchmark out with scores.benchmarks",
            )
    return None
