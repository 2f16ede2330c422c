"""The hand-written seeds of a pack, in the project's own format or in one of instruction tuning."""

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.packs.contract import SeedFile
from selfspec_assets.packs.pack import Pack
from selfspec_assets.packs.readers.instructions import InstructionFormat, examples
from selfspec_assets.packs.records import Remark, Seed, load_seeds
from selfspec_assets.recipe.sections import DataKind


def pack_seeds(pack: Pack, kind: DataKind) -> list[Seed]:
    """Every seed of the pack's file, and those for this kind alone.

    Where these demonstrate a benchmark, seeds of the shared file that name it are left out: they were written for a
    benchmark of another kind, and have the layout of that one.

    Raises:
        SelfspecError: as ``load_seeds``; an id that both files use; of another format, an example without question or
            answer.
    """
    declared, path = pack.data(kind).seeds, pack.seeds_path(kind)
    if declared is not None and declared.format != "jsonl":
        return _of_examples(pack, kind, declared, declared.format)
    shared, own_path = load_seeds(path), pack.own_seeds_path(kind)
    if own_path is None:
        return shared
    own = load_seeds(own_path)
    used = {seed.seed_id for seed in shared}
    if twice := next((seed.seed_id for seed in own if seed.seed_id in used), None):
        raise SelfspecError(own_path, f"id '{twice}' was used in {path}", "make it unique")
    demonstrated = {seed.demonstrates for seed in own}
    return [*(seed for seed in shared if seed.demonstrates not in demonstrated), *own]


def _of_examples(pack: Pack, kind: DataKind, declared: SeedFile, format: InstructionFormat) -> list[Seed]:
    seeds: list[Seed] = []
    for example in examples(pack.seeds_path(kind), format):
        if isinstance(example, Remark):
            raise SelfspecError(example.place, f"{example.what} cannot be seeds", "complete it, or take it out")
        seeds.append(
            Seed(
                example.name,
                declared.task,
                declared.task,
                example.instruction,
                example.input,
                example.output,
                f"{example.name} of {declared.file}; {declared.source}",
            )
        )
    return seeds
