"""``selfspec verify``: every file of every revision against its digest.

A command of its own beside ``gc``: it reads every byte, which takes as long as the disk does, and what it finds is not
garbage but something that a recipe may want again.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.warehouse import StepKey, Warehouse, upkeep


@dataclass(frozen=True)
class Damage:
    """A revision with a damaged file or more; ``shown_by``: the partitions that show it."""

    signature: str
    errors: tuple[SelfspecError, ...]
    shown_by: tuple[StepKey, ...]


@dataclass(frozen=True)
class Verified:
    """What was read and found."""

    revisions: int
    files: int
    damages: tuple[Damage, ...]


def verify(warehouse: Warehouse) -> Verified:
    """Reads everything.

    Raises:
        SelfspecError: a damaged manifest entry.
    """
    shown: dict[str, list[StepKey]] = {}
    for entry in warehouse.entries():
        shown.setdefault(entry.signature, []).append(entry.key)
    signatures = upkeep.revisions(warehouse)
    files, damages = 0, []
    for signature in signatures:
        count, errors = _errors(warehouse, signature)
        files += count
        if errors:
            damages.append(Damage(signature, tuple(errors), tuple(shown.get(signature, ()))))
    return Verified(len(signatures), files, tuple(damages))


def _errors(warehouse: Warehouse, signature: str) -> tuple[int, list[SelfspecError]]:
    try:
        revision = warehouse.revision(signature)
    except SelfspecError as error:
        return 0, [error]
    errors = list(revision.damages())
    try:
        _ = revision.run
    except SelfspecError as error:
        errors.append(error)
    return len(revision.files), errors


@dataclass(frozen=True)
class Dropped:
    """What became of damaged revisions: removed, or found sound by then. The others are in use and stay."""

    gone: tuple[Damage, ...]
    sound: tuple[Damage, ...]


def drop(warehouse: Warehouse, damages: Sequence[Damage]) -> Dropped:
    """Removes the damaged revisions. Reading everything takes hours in which a run may make one anew, so each is read
    once more where nobody can change it. One that a running step uses stays.

    Raises:
        SelfspecError: a folder cannot be removed.
    """
    gone: list[Damage] = []
    sound: list[Damage] = []
    for damaged in damages:

        def is_sound(damage: Damage = damaged) -> bool:
            if _errors(warehouse, damage.signature)[1]:
                return False
            sound.append(damage)
            return True

        if upkeep.remove_revision(warehouse, damaged.signature, shown_too=True, unless=is_sound):
            gone.append(damaged)
    return Dropped(tuple(gone), tuple(sound))


def commands(damages: Sequence[Damage]) -> list[str]:
    """What makes the dropped revisions again, and nothing else."""
    partitions = {(key.recipe, key.domain) for damage in damages for key in damage.shown_by}
    return [f"selfspec run {recipe} --domain {domain}" for recipe, domain in sorted(partitions)]
