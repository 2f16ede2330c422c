"""Digests of the files that steps read: what of a pack's data decides their rows."""

from pathlib import Path

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.base.signature import canonical_json, file_digest_once, folder_files, text_digest
from selfspec_assets.packs.bound_reader import reader_code
from selfspec_assets.packs.pack import Pack
from selfspec_assets.recipe.recipe import Recipe


def benchmark_files(pack: Pack, recipe: Recipe) -> dict[str, str]:
    kind = recipe.data
    benchmarks = pack.data(kind).benchmarks
    digests: dict[str, str] = {}
    for benchmark in benchmarks:
        for place, path in enumerate(pack.benchmark_paths(benchmark, kind)):
            name = f"{benchmark.name}/{place}" if place else benchmark.name
            digests[name] = _data_digest(path)
        # A training split counts for ``training_items`` alone: declaring one must not remake the loop.
        digests[f"{benchmark.name}/declared"] = text_digest(benchmark.model_dump_json(exclude={"train"}))
    code = sorted({found for one in benchmarks if (found := reader_code(pack.folder, one.reader)) is not None})
    if code:  # of one pack's file its digest alone, as it always was
        digests["readers"] = code[0] if len(code) == 1 else text_digest(canonical_json(code))
    return digests


def training_files(pack: Pack, recipe: Recipe) -> dict[str, str]:
    """Those of the benchmarks that are scored: no other split is read."""
    kind, scored = recipe.data, recipe.scores.benchmarks
    declared = [one for one in pack.data(kind).benchmarks if scored is None or one.name in scored]
    paths = {benchmark.name: pack.training_path(benchmark, kind) for benchmark in declared}
    return {name: _data_digest(path) for name, path in paths.items() if path is not None}


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
