"""``selfspec gc``: what nothing in a warehouse needs any more.

A revision stays if a manifest entry names it (also of a recipe that is no more), if a recipe in ``recipes/`` expects it
(so that going back to former settings costs nothing), or if a running step uses it. Unfinished work stays if a recipe
expects it, also one that lies elsewhere: the work names the recipes that made it. Where a recipe in ``recipes/`` that
has run here cannot be read, what it expects is not known: then no revision and no unfinished work goes at all.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from selfspec_assets.base import home
from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.base.files import below, size_of
from selfspec_assets.packs.pack import Pack
from selfspec_assets.recipe.component_file import load_again
from selfspec_assets.recipe.recipe import load_recipe, recipe_names
from selfspec_assets.steps.lineage import Lineage
from selfspec_assets.warehouse import Attempts, Warehouse, upkeep

SUPERSEDED, WORK, TEMPORARY = "superseded revision", "leftover work", "temporary file"


@dataclass(frozen=True)
class Item:
    """One thing that can go. ``name``: a signature, or a path from the warehouse folder."""

    kind: str
    name: str
    about: str
    bytes: int


@dataclass(frozen=True)
class Garbage:
    """What can go, and what has to be said about what stays."""

    items: tuple[Item, ...]
    notes: tuple[str, ...]

    @property
    def bytes(self) -> int:
        return sum(item.bytes for item in self.items)


@dataclass(frozen=True)
class _Expected:
    """What recipes would show, and which of them cannot say."""

    signatures: frozenset[str]
    unreadable: tuple[str, ...]
    names: frozenset[str]


def find(warehouse: Warehouse) -> Garbage:
    """Looks; removes nothing.

    Raises:
        SelfspecError: a damaged manifest entry: what it names is not known.
    """
    entries = warehouse.entries()
    expected = _expected({entry.key.recipe for entry in entries})
    now = upkeep.running(warehouse)  # after the manifest; see ``upkeep``
    needed = expected.signatures | now.uses
    items: list[Item] = []
    elsewhere: dict[str, str] = {}
    if not expected.unreadable and now.all_known:
        shown = {entry.signature for entry in entries}
        items += [
            _revision(warehouse, signature)
            for signature in upkeep.revisions(warehouse)
            if signature not in needed | shown
        ]
        # A step that is made has no unfinished work but raw requests, which stay for a higher target.
        left = [
            signature
            for signature in upkeep.work_folders(warehouse)
            if signature not in needed or warehouse.has(signature)
        ]
        left = [signature for signature in left if signature not in now.uses]
        elsewhere = _wanted_elsewhere(warehouse, [signature for signature in left if signature not in needed])
        items += [_work(warehouse, signature) for signature in left if signature not in elsewhere]
    going = {item.name for item in items if item.kind == WORK}
    for path in upkeep.temporary_files(warehouse):
        parts = path.relative_to(warehouse.root).parts
        if not (parts[0] == "work" and parts[1] in going) and now.all_known:
            items.append(Item(TEMPORARY, "/".join(parts), "of a run that died", size_of(path)))
    notes = [*expected.unreadable, *_strangers(warehouse, (entry.key.recipe for entry in entries), expected.names)]
    notes += sorted(set(elsewhere.values()))
    if now.who:
        notes.append(f"being made now, and left alone with all that it reads: {'; '.join(now.who)}")
    return Garbage(tuple(items), tuple(notes))


def remove(warehouse: Warehouse, items: Sequence[Item]) -> int:
    """Removes what ``find`` found and is still not needed; gives the bytes freed.

    Raises:
        SelfspecError: something cannot be removed; what went before it is gone.
    """
    freed = 0
    for item in items:
        if item.kind == SUPERSEDED:
            gone = upkeep.remove_revision(warehouse, item.name)
        elif item.kind == WORK:
            gone = upkeep.remove_work(warehouse, item.name)
        else:
            gone = upkeep.remove_temporary(warehouse, warehouse.root / item.name)
        freed += item.bytes if gone else 0
    upkeep.remove_idle_locks(warehouse)
    return freed


def _expected(have_run: set[str]) -> _Expected:
    signatures: set[str] = set()
    unreadable: list[str] = []
    names, packs = recipe_names(), dict[str, Pack]()
    for name in names:
        try:
            signatures |= expected_signatures(Lineage(load_recipe(name), packs))
        except SelfspecError as error:
            if name in have_run:
                unreadable.append(
                    f"recipe {name} cannot be read, so no revision and no unfinished work goes: {error.place}: "
                    f"{error.reason} (remedy: {error.remedy}; or delete the recipe)"
                )
    return _Expected(frozenset(signatures), tuple(unreadable), frozenset(names))


def expected_signatures(lineage: Lineage) -> set[str]:
    """Of every step in every partition: its revision and its unfinished work.

    Raises:
        SelfspecError: a file that a signature is made from is missing or broken.
    """
    return {
        signature
        for domain in lineage.recipe.domains
        for iteration in range(lineage.recipe.iterations + 1)
        for step in lineage.steps(iteration)
        for signature in (lineage.signature(step, domain, iteration), lineage.work_signature(step, domain, iteration))
    }


def _wanted_elsewhere(warehouse: Warehouse, works: Iterable[str]) -> dict[str, str]:
    """Work that a recipe outside ``recipes/`` may go on from, with what is to be said about it.

    A recipe that is no more goes on from nothing; of one that cannot be read nothing is known, so all its work stays.
    """
    known = {path.resolve() for name in recipe_names() if (path := home.find(f"recipes/{name}.yaml")) is not None}
    packs: dict[str, Pack] = {}
    read: dict[Path, tuple[set[str] | None, str]] = {}
    wanted = {}
    for work in works:
        for path in Attempts(warehouse.root / "work" / work).recipes():
            if path in known or not path.is_file():
                continue
            if path not in read:
                read[path] = _expected_elsewhere(path, packs)
            signatures, note = read[path]
            if signatures is None or work in signatures:
                wanted[work] = note
    return wanted


def _expected_elsewhere(path: Path, packs: dict[str, Pack]) -> tuple[set[str] | None, str]:
    try:
        signatures = expected_signatures(Lineage(load_again(path), packs))
    except SelfspecError as error:
        why = f"cannot be read: {error.place}: {error.reason} (remedy: {error.remedy}; or delete the recipe)"
        return None, f"recipe {path} has unfinished work, which stays, and {why}"
    return signatures, f"recipe {path} is not in recipes/; its unfinished work stays until the file is deleted"


def _strangers(warehouse: Warehouse, have_run: Iterable[str], names: frozenset[str]) -> list[str]:
    return [
        f"recipe {name} is not in recipes/, but the manifest names its revisions: they stay until "
        f"{warehouse.root / 'manifest' / name} is deleted"
        for name in sorted(set(have_run) - names)
    ]


def _revision(warehouse: Warehouse, signature: str) -> Item:
    folder = warehouse.root / "revisions" / signature
    try:
        step = warehouse.revision(signature).step
    except SelfspecError:
        step = "damaged"
    return Item(SUPERSEDED, signature, step, size_of(folder))


def _work(warehouse: Warehouse, signature: str) -> Item:
    folder = warehouse.root / "work" / signature
    chunks = sum(path.match("*/[0-9]*.json") and path.parent != folder for path in below(folder))
    return Item(WORK, signature, f"{chunks} chunks", size_of(folder))
