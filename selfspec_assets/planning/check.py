"""``selfspec check``: everything that can be known before a model is loaded."""

from collections.abc import Sequence

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.models.language_model import load_tokenizer
from selfspec_assets.models.source import local_folder
from selfspec_assets.packs.census import Counting, census, no_corpus, tokens_of
from selfspec_assets.packs.contract import Benchmark
from selfspec_assets.packs.finding import find_pack
from selfspec_assets.packs.item_lint import doubtful_items
from selfspec_assets.packs.items import no_training_split, read_benchmark, read_training_items
from selfspec_assets.packs.pack import Pack
from selfspec_assets.packs.records import Seed, demonstrating
from selfspec_assets.packs.scored_benchmarks import scored_benchmarks, too_few_demonstrations
from selfspec_assets.packs.seed_sample import recipe_seeds, sampling_notes, unfit_to_show
from selfspec_assets.planning.pack_check import no_data_folder, without_folder
from selfspec_assets.planning.seed_lint import doubts
from selfspec_assets.recipe.recipe import NamedRecipe
from selfspec_assets.recipe.sections import EMBEDDED
from selfspec_assets.steps.further_predictions import looked_at
from selfspec_assets.steps.lengths import check_model
from selfspec_assets.steps.lineage import Lineage
from selfspec_assets.steps.precision import settle_precision


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
    _ = lineage.flow  # a step that is added and does not exist, or has no such option, stops here
    pack = lineage.pack(domain)
    lines += [f"pack: {pack.folder}", find_pack(domain).code()]
    if kind == "published" and no_data_folder() is not None:  # the error comes where it is needed
        lines += without_folder(pack, named.recipe.scores.benchmarks, corpus=not named.recipe.is_reference)
    seeds = recipe_seeds(pack, named.recipe)
    lines.append(f"seeds: {len(seeds)} of {len({seed.task for seed in seeds})} tasks")
    lines += sampling_notes(pack, named.recipe)
    few = None if named.recipe.is_reference else unfit_to_show(named, domain, seeds)
    if few is not None:
        raise few
    elsewhere = pack.benchmarks_sharing_seeds(kind)
    lines += [f"warning: {doubt}" for doubt in doubts(seeds, pack.data(kind).benchmarks, elsewhere=elsewhere)]
    _check_benchmarks(named, pack, seeds, lines)
    if named.recipe.adapter.data == "supervised":
        _check_training(named, pack, lines)
    if named.recipe.is_reference:
        given = [name for name in ("instructions", "passages", "responses") if name in named.recipe.model_fields_set]
        if given:
            lines.append(f"not used with adapter.data: {named.recipe.adapter.data}: {', '.join(given)}")
    else:
        _check_corpus(named, pack, lines)
    precision = settle_precision(named, fetch=False)
    lines.append(f"model: {lineage.model_identity}")
    lines += [precision] if precision else []
    lines += check_model(named, lineage.model_spec, pack.instruction_header, seeds)
    for further in named.recipe.scores.further_models:
        lines += looked_at(lineage, further)


def _check_benchmarks(named: NamedRecipe, pack: Pack, seeds: Sequence[Seed], lines: list[str]) -> None:
    """A line for each benchmark, also where another one, or the recipe's list of them, is wrong."""
    wanted = named.recipe.scores.benchmarks
    errors = [
        error
        for benchmark in pack.data(named.recipe.data).benchmarks
        if (wanted is None or benchmark.name in wanted)
        and (error := _check_benchmark(named, pack, benchmark, seeds, lines)) is not None
    ]
    scored_benchmarks(named, pack)
    error = errors[0] if errors else too_few_demonstrations(named, pack, seeds)
    if error is not None:
        raise error


def _check_benchmark(
    named: NamedRecipe, pack: Pack, benchmark: Benchmark, seeds: Sequence[Seed], lines: list[str]
) -> SelfspecError | None:
    """Adds what is known of a benchmark; why it cannot be read, if it cannot."""
    kind = named.recipe.data
    if (absent := pack.absent_file(benchmark, kind)) is not None:
        # One that the recipe names must be there: ``scored_benchmarks`` says so.
        state = "LEFT OUT" if named.recipe.scores.benchmarks is None else "ABSENT"
        lines.append(f"benchmark {benchmark.name}: {state}, no file {absent}. {benchmark.how_to_get}")
        return None
    shown = f"{len(demonstrating(seeds, benchmark.name, benchmark.task))} seeds demonstrate it"
    try:
        read = read_benchmark(pack, benchmark, kind)
    except SelfspecError as error:
        lines.append(f"benchmark {benchmark.name}: cannot be read, {shown}")
        return error
    lines.append(f"benchmark {benchmark.name}: {len(read.items)} items, {shown}")
    lines += [f"  {doubt.line}" for doubt in doubtful_items(read)]
    return None


def _check_training(named: NamedRecipe, pack: Pack, lines: list[str]) -> None:
    kind = named.recipe.data
    read = {benchmark.name: read_training_items(pack, benchmark, kind) for benchmark in scored_benchmarks(named, pack)}
    counts = {name: len(split.items) for name, split in read.items()}
    lines.append(f"training items: {', '.join(f'{name} {count}' for name, count in counts.items())}")
    lines += [f"  {name}: {doubt.line}" for name, split in read.items() for doubt in doubtful_items(split)]
    if not any(counts.values()):
        raise no_training_split(pack, kind)


def _counting(named: NamedRecipe) -> Counting | None:
    """In tokens of the recipe's model, where its folder is there; a hub's is looked at once it has been downloaded."""
    spec = Lineage(named).model_spec
    if named.recipe.base_model.model == EMBEDDED or local_folder(spec) is None:
        return None
    try:
        return tokens_of(load_tokenizer(spec))
    except SelfspecError:  # said where the model itself is looked at
        return None


def _check_corpus(named: NamedRecipe, pack: Pack, lines: list[str]) -> None:
    counted = census(pack, named.recipe.data, _counting(named))
    lines += counted.lines
    if not counted.present:
        raise no_corpus(pack, named.recipe.data)
