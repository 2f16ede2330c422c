"""Digests of the files that steps read: what of a pack's data decides their rows."""

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.base.signature import canonical_json, file_digest_once, folder_files, text_digest
from selfspec_assets.models.weights import has_gpu
from selfspec_assets.packs.bound_reader import reader_code
from selfspec_assets.packs.contract import Benchmark
from selfspec_assets.packs.pack import Pack
from selfspec_assets.packs.scored_benchmarks import require_named
from selfspec_assets.recipe.recipe import NamedRecipe, Recipe


def benchmark_files(named: NamedRecipe, pack: Pack) -> dict[str, str]:
    """What decides the items of all benchmarks; one that is not there counts as absent, unless the recipe names it.

    Raises:
        SelfspecError: the recipe names one that is not there: without it everything would begin anew, in silence.
    """
    require_named(named, pack)
    kind = named.recipe.data
    benchmarks = pack.data(kind).benchmarks
    digests: dict[str, str] = {}
    for benchmark in benchmarks:
        digests |= _by_place(benchmark.name, pack.benchmark_paths(benchmark, kind))
        # Where a file is to be had decides nothing. A training split counts for ``training_items`` alone.
        digests[f"{benchmark.name}/declared"] = declared_digest(benchmark.model_copy(update=_ADDRESS))
    return digests | _readers(pack, benchmarks)


_ADDRESS = {"licence": "", "obtain": ""}


def declared_digest(benchmark: Benchmark) -> str:
    """Of what ``domain.yaml`` says of a benchmark beside its training split and metrics."""
    return text_digest(benchmark.model_dump_json(exclude={"train"}))


def guarded_text(named: NamedRecipe, pack: Pack) -> str:
    """What decides the text of benchmarks that may stand neither in an instruction nor in a passage.

    These are the files that are there and who reads them how: not a benchmark's instruction, task or address.

    Raises:
        SelfspecError: as ``benchmark_files``.
    """
    require_named(named, pack)
    present = pack.present(named.recipe.data)
    read_by = {
        benchmark.name: {
            "files": _by_place(benchmark.name, pack.benchmark_paths(benchmark, named.recipe.data)),
            "names": [PurePosixPath(file).name for file in (benchmark.file, *benchmark.also)],
            "reader": benchmark.reader,
            "options": benchmark.options,
        }
        for benchmark in present
    }
    return text_digest(canonical_json({**read_by, **_readers(pack, present)}))


def _readers(pack: Pack, benchmarks: Sequence[Benchmark]) -> dict[str, str]:
    readers = {benchmark.reader for benchmark in benchmarks}  # each once: a pack's module is run to tell
    code = sorted({digest for reader in readers if (digest := reader_code(pack.folder, reader)) is not None})
    if not code:
        return {}
    # Of one pack's file its digest alone, as it always was.
    return {"readers": code[0] if len(code) == 1 else text_digest(canonical_json(code))}


def noise_of_device() -> dict[str, str]:
    """For a step whose random numbers are drawn where the model is: a GPU's are others than a CPU's."""
    return {"noise": "cuda"} if has_gpu() else {}


def training_files(pack: Pack, recipe: Recipe) -> dict[str, str]:
    """Those of the benchmarks that are scored, by the names that ``benchmark_files`` has: no other split is read."""
    kind, scored = recipe.data, recipe.scores.benchmarks
    digests: dict[str, str] = {}
    for benchmark in pack.data(kind).benchmarks:
        if scored is None or benchmark.name in scored:
            digests |= _by_place(benchmark.name, pack.training_paths(benchmark, kind))
    return digests


def seed_file(pack: Pack, recipe: Recipe) -> dict[str, str]:
    """The hand-written seeds, and how they are read where that is not the project's own way."""
    declared = pack.data(recipe.data).seeds
    digests = {"file": cached_file_digest(pack.seeds_path(recipe.data))}
    if (own := pack.own_seeds_path(recipe.data)) is not None:
        digests["own file"] = cached_file_digest(own)
    if declared is not None and declared.format != "jsonl":
        digests["seeds"] = text_digest(declared.model_dump_json())
    return digests


def _by_place(benchmark: str, paths: Sequence[Path]) -> dict[str, str]:
    """The first by the benchmark's name, the others by name and place: ``pubmedqa``, ``pubmedqa/1``."""
    return {f"{benchmark}/{place}" if place else benchmark: _data_digest(path) for place, path in enumerate(paths)}


def _data_digest(path: Path) -> str:
    """Of a file, or of all the files of a folder by name; "absent" where there is neither."""
    if path.is_dir():
        return text_digest(
            canonical_json({name: cached_file_digest(file) for name, file in folder_files(path).items()})
        )
    return cached_file_digest(path) if path.exists() else "absent"


def cached_file_digest(path: Path) -> str:
    """SHA-256 of a file; see ``signature.file_digest_once``.

    Raises:
        SelfspecError: the file does not exist.
    """
    try:
        return file_digest_once(path)
    except FileNotFoundError as error:
        raise SelfspecError(path, "the file does not exist", "add it, or correct its name in domain.yaml") from error
    except OSError as error:
        raise SelfspecError(path, f"cannot be read: {error.strerror}", "give a file that can be read") from error
