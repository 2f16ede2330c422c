"""Which benchmarks a recipe scores: one rule, which ``check``, ``plan`` and ``run`` ask before any work. Pure."""

from selfspec_assets.domain import Benchmark, Pack
from selfspec_assets.errors import SelfspecError, did_you_mean
from selfspec_assets.recipe import NamedRecipe


def scored_benchmarks(named: NamedRecipe, pack: Pack) -> list[Benchmark]:
    """The benchmarks that the recipe names, or else all whose files are there; only names of files are looked at.

    What a recipe names has to be there: scores without it would be other scores. What it does not name may be absent.

    Raises:
        SelfspecError: it names one that the pack does not have, or one of which a file is missing; none is there.
    """
    kind, wanted = named.recipe.data, named.recipe.scores.benchmarks
    declared = {one.name: one for one in pack.data(kind).benchmarks}
    place = f"{named.path}: scores.benchmarks"
    for name in wanted or ():
        if name not in declared:
            remedy = f"{did_you_mean(name, declared)}it has: {', '.join(declared)}"
            raise SelfspecError(place, f"pack '{pack.name}' has no {kind} benchmark '{name}'", remedy)
        if (absent := pack.absent_file(declared[name], kind)) is not None:
            remedy = f"get it: {declared[name].how_to_get}; or take it out of scores.benchmarks"
            raise SelfspecError(place, f"benchmark '{name}': no file {absent}", remedy)
    found = pack.present(kind, wanted)
    if not found:
        remedy = "; ".join(f"{one.name}: {one.how_to_get}" for one in declared.values())
        raise SelfspecError(pack.folder / "domain.yaml", f"none of the {kind} benchmarks is present", remedy)
    return found
