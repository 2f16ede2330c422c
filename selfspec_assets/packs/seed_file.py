"""The hand-written seeds of a pack, in the project's own format or in one of instruction tuning."""

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.packs.contract import SeedFile
from selfspec_assets.packs.pack import Pack
from selfspec_assets.packs.readers.instructions import InstructionFormat, examples
from selfspec_assets.packs.records import Remark, Seed, load_seeds
from selfspec_assets.recipe.sections import DataKind


def pack_seeds(pack: Pack, kind: DataKind) -> list[Seed]:
    """Every seed of the pack's file.

    Raises:
        SelfspecError: as ``load_seeds``; of another format, an example without question or answer.
    """
    declared, path = pack.data(kind).seeds, pack.seeds_path(kind)
    if declared is None or declared.format == "jsonl":
        return load_seeds(path)
    return _of_examples(pack, kind, declared, declared.format)


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
