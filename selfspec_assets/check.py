"""``selfspec check``: everything that can be known before a model is loaded."""

from collections.abc import Sequence

from selfspec_assets.corpora.census import census, no_corpus
from selfspec_assets.domain import Pack, load_items, load_training_items, no_training_split
from selfspec_assets.errors import SelfspecError, did_you_mean
from selfspec_assets.lineage import Lineage
from selfspec_assets.model_check import check_model
from selfspec_assets.pack_check import no_data_folder, without_folder
from selfspec_assets.pack_finding import find_pack
from selfspec_assets.recipe import NamedRecipe
from selfspec_assets.records import Seed, demonstrating
from selfspec_assets.seed_lint import doubts
from selfspec_assets.seed_sample import recipe_seeds, sampling_notes, too_few_to_show


def check_recipe(named: NamedRecipe, domain: str) -> tuple[list[str], SelfspecError | None]:
    """(what is there, the first error or None) of one recipe in one domain."""
    lines: list[str] = []
    try:
        _check(named, domain, lines)
    except SelfspecError as error:
        return lines, error
    return lines, None


def _check(named: NamedRecipe, domain: str, lines: list[str]) -> None:
    lineage, kind = Lineage(named), named.recipe.data
    pack = lineage.pack(domain)
    lines += [f"pack: {pack.folder}", find_pack(domain).code()]
    if kind == "published" and no_data_folder() is not None:  # the error comes where it is needed
        lines += without_folder(pack, named.recipe.scores.benchmarks, corpus=not named.recipe.is_reference)
    seeds = recipe_seeds(pack, named.recipe)
    lines.append(f"seeds: {len(seeds)} of {len({seed.task for seed in seeds})} tasks")
    lines += sampling_notes(pack, named.recipe)
    few = None if named.recipe.is_reference else too_few_to_show(named, domain, len(seeds))
    if few is not None:
        raise few
    lines += [f"warning: {doubt}" for doubt in doubts(seeds, pack.data(kind).benchmarks)]
    _check_benchmarks(named, pack, seeds, lines)
    if named.recipe.adapter.data == "supervised":
        _check_training(named, pack, lines)
    if named.recipe.is_reference:
        given = [name for name in ("instructions", "passages", "responses") if name in named.recipe.model_fields_set]
        if given:
            lines.append(f"not used with adapter.data: {named.recipe.adapter.data}: {', '.join(given)}")
    else:
        _check_corpus(named, pack, lines)
    lines.append(f"model: {lineage.model_identity}")
    lines += check_model(named, lineage.model_spec, pack.instruction_header, seeds)


def _check_benchmarks(named: NamedRecipe, pack: Pack, seeds: Sequence[Seed], lines: list[str]) -> None:
    kind, wanted, most = named.recipe.data, named.recipe.scores.benchmarks, max(named.recipe.scores.shots)
    declared = [benchmark.name for benchmark in pack.data(kind).benchmarks]
    if unknown := [name for name in wanted or () if name not in declared]:
        raise SelfspecError(
            f"{named.path}: scores.benchmarks",
            f"pack '{pack.name}' has no {kind} benchmark '{unknown[0]}'",
            f"{did_you_mean(unknown[0], declared)}it has: {', '.join(declared)}",
        )
    present = 0
    for benchmark in pack.data(kind).benchmarks:
        if wanted is not None and benchmark.name not in wanted:
            continue
        if (absent := pack.absent_file(benchmark, kind)) is not None:
            lines.append(f"benchmark {benchmark.name}: LEFT OUT, no file {absent}. {benchmark.how_to_get}")
            continue
        present += 1
        count = len(load_items(pack, benchmark, kind))
        shown = len(demonstrating(seeds, benchmark.name, benchmark.task))
        lines.append(f"benchmark {benchmark.name}: {count} items, {shown} seeds demonstrate it")
        if shown < most:
            raise SelfspecError(
                pack.seeds_path(kind),
                f"{shown} seeds demonstrate '{benchmark.name}', scores.shots asks for {most}",
                "write more seeds or ask for fewer shots",
            )
    if not present:
        raise SelfspecError(pack.folder / "domain.yaml", "none of the benchmarks is present", "see the lines above")


def _check_training(named: NamedRecipe, pack: Pack, lines: list[str]) -> None:
    kind = named.recipe.data
    counts = {b.name: len(load_training_items(pack, b, kind)) for b in pack.data(kind).benchmarks}
    lines.append(f"training items: {', '.join(f'{name} {count}' for name, count in counts.items())}")
    if not any(counts.values()):
        raise no_training_split(pack, kind)


def _check_corpus(named: NamedRecipe, pack: Pack, lines: list[str]) -> None:
    found = census(pack, named.recipe.data)
    lines += found.lines
    if not found.present:
        raise no_corpus(pack, named.recipe.data)
