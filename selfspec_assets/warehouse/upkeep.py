"""What lies in a warehouse beside the work of the manifest, and how it is removed without harm to a running step.

A step that is being made holds a lock that names what it reads (``Warehouse.lock``). Locks are looked at after the
manifest: a step that began before was read from the manifest or shows up here, and one that begins later checks the
manifest first and is not given what has gone.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from selfspec_assets.base import files
from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.warehouse.revision import SIGNATURE
from selfspec_assets.warehouse.store import Warehouse


@dataclass(frozen=True)
class Running:
    """The steps that are being made now: signatures that they use; ``all_known``: each has said what it uses."""

    uses: frozenset[str]
    who: tuple[str, ...]
    all_known: bool


def running(warehouse: Warehouse, besides: str = "") -> Running:
    """Looks at every lock of a step's work, but that of the signature ``besides``."""
    uses: set[str] = set()
    who: list[str] = []
    known = True
    for path in sorted((warehouse.root / "locks").glob("work-*.lock")):
        signature = path.stem.removeprefix("work-")
        holder = None if signature == besides else files.holder(path)
        if holder is not None:
            who.append(str(holder))
            uses |= {signature, *(holder.uses or ())}
            known = known and holder.uses is not None
    return Running(frozenset(uses), tuple(dict.fromkeys(who)), known)


def revisions(warehouse: Warehouse) -> list[str]:
    """The signatures of all revisions, damaged ones included."""
    return _signatures(warehouse.root / "revisions")


def work_folders(warehouse: Warehouse) -> list[str]:
    """The signatures of all folders of unfinished work."""
    return _signatures(warehouse.root / "work")


def _signatures(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if SIGNATURE.fullmatch(path.name)) if folder.is_dir() else []


def temporary_files(warehouse: Warehouse) -> list[Path]:
    """What a process that died in the middle of a change leaves: each is beside what it was to become.

    The lock of each is looked at after it was seen: what a living process is writing is left out.
    """
    root = warehouse.root
    left = [*root.glob("revisions/.building-*"), *root.glob("revisions/.discarded-*")]
    left += [*root.glob("work/.discarded-*"), *root.glob(f".{warehouse.database.name}.building*")]
    inside = (path for name in ("manifest", "work") for path in files.below(root / name))
    left += [path for path in inside if path.match(".*.tmp") and not _is_within(path, left)]
    now = running(warehouse)
    return sorted(path for path in left if not _is_being_written(warehouse, path, now) and path.exists())


def _is_within(path: Path, folders: Sequence[Path]) -> bool:
    return any(path.is_relative_to(folder) for folder in folders)


def _is_being_written(warehouse: Warehouse, path: Path, now: Running) -> bool:
    signature, lock = _guards(warehouse, path)
    if signature is not None and (signature in now.uses or not now.all_known):
        return True
    return lock is not None and files.holder(warehouse.root / "locks" / f"{lock}.lock") is not None


def _guards(warehouse: Warehouse, path: Path) -> tuple[str | None, str | None]:
    """Whose work a temporary file belongs to, if anybody's, and else the name of the lock that its writer holds."""
    inside, *rest = path.relative_to(warehouse.root).parts
    if inside == "work":
        return rest[0].removeprefix(".discarded-"), None
    if inside == "revisions":
        return None, f"commit-{rest[0].rpartition('-')[2]}"
    return None, "manifest" if inside == "manifest" else "publish"


def remove_revision(
    warehouse: Warehouse, signature: str, *, shown_too: bool = False, unless: Callable[[], bool] | None = None
) -> bool:
    """Removes a revision in one step, unless it is in use; the next run that expects it makes it anew.

    Args:
        shown_too: also if a partition shows it (a damaged one).
        unless: asked when nobody else can change the revision any more; it stays if this says so.

    Returns:
        False if a step is being made from it, if a partition shows it since, or if ``unless`` said so.

    Raises:
        SelfspecError: it cannot be removed.
    """
    folder = warehouse.root / "revisions" / signature
    with files.storing(folder), _alone(warehouse, signature) as alone:
        if not alone or (not shown_too and any(entry.signature == signature for entry in warehouse.entries())):
            return False
        with files.waiting(warehouse.root / "locks" / f"commit-{signature}.lock"):
            if unless is not None and unless():
                return False
            discarded = folder.with_name(f".discarded-{signature}")
            files.remove(discarded)
            if folder.exists():
                files.move(folder, discarded, "removed revision")
            files.remove(discarded)
    return True


def remove_work(warehouse: Warehouse, signature: str) -> bool:
    """Removes a folder of unfinished work; False if it is in use."""
    folder = warehouse.root / "work" / signature
    with files.storing(folder), _alone(warehouse, signature) as alone:
        if alone and folder.exists():
            discarded = folder.with_name(f".discarded-{signature}")
            files.remove(discarded)
            # In one step: a run that begins now makes a folder of its own.
            files.move(folder, discarded, "removed work")
            files.remove(discarded)
    return alone


def remove_temporary(warehouse: Warehouse, path: Path) -> bool:
    """Removes a leftover, after whoever may be writing it; False if it is gone, or in use, by then."""
    signature, lock = _guards(warehouse, path)
    if signature is not None:
        with files.storing(path), _alone(warehouse, signature) as alone:
            return alone and _removed(path)
    with files.storing(path), files.waiting(warehouse.root / "locks" / f"{lock}.lock"):
        return _removed(path)


def _removed(path: Path) -> bool:
    there = path.exists()
    files.remove(path)
    return there


def remove_idle_locks(warehouse: Warehouse) -> None:
    """Removes the lock files of signatures of which nothing is left: empty, but one more for every revision ever made.

    Raises:
        SelfspecError: one cannot be removed.
    """
    kept = {*revisions(warehouse), *work_folders(warehouse)}
    for path in sorted((warehouse.root / "locks").glob("*.lock")):
        kind, _, signature = path.stem.partition("-")
        if kind in ("work", "commit") and SIGNATURE.fullmatch(signature) and signature not in kept:
            with files.storing(path):
                files.remove_lock(path)


@contextmanager
def _alone(warehouse: Warehouse, signature: str) -> Iterator[bool]:
    """Whether nobody uses a signature; while the block runs, no step of this signature can begin."""

    def busy(who: str) -> SelfspecError:
        return SelfspecError(signature, f"is being made by {who}", "wait until that process has ended")

    lock = warehouse.root / "locks" / f"work-{signature}.lock"
    if files.holder(lock) is not None:
        yield False
        return
    with files.holding(lock, busy, [signature]):
        others = running(warehouse, besides=signature)
        yield others.all_known and signature not in others.uses
