"""Where domain packs are found, and what is wrong with a place that should hold one. Pure.

In this order: ``domains/`` of the project; the folders on ``SELFSPEC_DOMAINS``, parted as on ``PATH``; installed
distributions, by an entry point of the group ``selfspec.domains`` whose name is the pack's and whose value is the
package that holds ``domain.yaml``; the packs that ship with selfspec. A pack of the project takes the place of a
shipped one with its name. Any other two packs of one name are an error, and neither is loaded. Nothing of a pack is
run to find it: code runs when ``domain`` loads the pack, and only that of the pack that is asked for.
"""

import importlib.util
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.machinery import PathFinder
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from selfspec_assets.base import home
from selfspec_assets.base.errors import SelfspecError, did_you_mean
from selfspec_assets.packs.code import ENTRIES

VARIABLE = "SELFSPEC_DOMAINS"
GROUP = "selfspec.domains"
EVERY_PACK = "all"  # what `selfspec check --domain` takes for all packs, so none can be called that
NAMING = "a pack's name is lower-case letters, digits and _, begins with a letter, and is not 'all'"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,49}")


@dataclass(frozen=True)
class Found:
    """A pack that is in reach; nothing of it has been read."""

    name: str
    origin: str  # in words
    place: Path | EntryPoint

    @property
    def is_elsewhere(self) -> bool:
        """Neither the project's nor one that ships with selfspec."""
        return self.origin not in (_OWN, _SHIPPED)

    def folder(self) -> Path:
        """The folder that holds ``domain.yaml``.

        Raises:
            SelfspecError: the entry point names no package with a ``domain.yaml``.
        """
        return self.place if isinstance(self.place, Path) else _installed_folder(self, self.place)

    def code(self) -> str:
        """Which code the pack brings, and where it comes from, in a line for ``selfspec check``."""
        files = [name for name in ENTRIES if (self.folder() / name).is_file()]
        return f"code: {', '.join(files)}, from {self.origin}" if files else "code: none"

    def __str__(self) -> str:
        where = self.place if isinstance(self.place, Path) else self.place.value
        return f"{self.origin} ({where})"


_OWN, _ON_VARIABLE, _SHIPPED = "the project", VARIABLE, "selfspec itself"


def is_pack_name(name: str) -> bool:
    return _NAME.fullmatch(name) is not None and name != EVERY_PACK


def pack_names() -> list[str]:
    """Every pack in reach, sorted, sound or not; nothing is imported."""
    return sorted({pack.name for pack in _all_found()})


def find_pack(name: str) -> Found:
    """The one pack of that name.

    Raises:
        SelfspecError: there is none, there are two, or the name is none that a recipe could hold.
    """
    packs = [pack for pack in _all_found() if pack.name == name]
    if not packs:
        raise _unknown(name)
    if not is_pack_name(name):
        raise SelfspecError(packs[0], f"pack '{name}': no recipe can name it", f"rename it: {NAMING}")
    # The lookup order of everything else: what the project has comes before what ships with selfspec.
    if len(packs) > 1 and packs[0].origin == _OWN:
        packs = [pack for pack in packs if pack.origin != _SHIPPED]
    if len(packs) > 1:
        places = " and ".join(str(pack) for pack in packs)
        raise SelfspecError(
            f"pack '{name}'",
            f"two packs have this name: {places}",
            f"rename the folder of one, take it off {VARIABLE}, or uninstall its distribution",
        )
    return packs[0]


def broken_places() -> list[SelfspecError]:
    """What is on ``SELFSPEC_DOMAINS`` and cannot hold packs, one error each."""
    errors = []
    for folder in _named_folders():
        if not os.path.isdir(folder):
            errors.append(SelfspecError(VARIABLE, f"{folder} is not a folder", "correct it, or take it off"))
        elif (folder / "domain.yaml").is_file():
            remedy = f"name the folder around it: {folder.parent}"
            errors.append(SelfspecError(VARIABLE, f"{folder} is a pack, not a folder of packs", remedy))
    return errors


def _all_found() -> Iterator[Found]:
    seen: set[Path] = set()
    own, *shipped = [base / "domains" for base in home.search_folders()]
    places = [(_OWN, own), *((_ON_VARIABLE, folder) for folder in _named_folders())]
    for origin, folder in places:
        yield from _in_folder(origin, folder, seen)
    for entry in entry_points(group=GROUP):
        distribution = f"{entry.dist.name} {entry.dist.version}" if entry.dist else "unknown"
        yield Found(entry.name, f"the distribution {distribution}", entry)
    for folder in shipped:
        yield from _in_folder(_SHIPPED, folder, seen)


def _in_folder(origin: str, folder: Path, seen: set[Path]) -> Iterator[Found]:
    for path in sorted(folder.glob("*/domain.yaml")):
        hidden = path.parent.name.startswith(".")  # half-made, or put aside
        if not hidden and path.resolve() not in seen:  # the same folder may be named twice
            seen.add(path.resolve())
            yield Found(path.parent.name, origin, path.parent)


def _named_folders() -> list[Path]:
    parts = os.environ.get(VARIABLE, "").split(os.pathsep)
    return [Path(os.path.abspath(os.path.expanduser(part))) for part in parts if part]


def _unknown(name: str) -> SelfspecError:
    known = pack_names()
    broken = "".join(f"; {error.place}: {error.reason}" for error in broken_places())
    make = f"make it: selfspec new-domain {name}; or " if is_pack_name(name) else ""
    remedy = f"{did_you_mean(name, known)}{make}choose one of: {', '.join(known) or 'none'}"
    return SelfspecError(f"domains/{name}", f"no such domain pack{broken}", remedy)


def _installed_folder(pack: Found, entry: EntryPoint) -> Path:
    place = f"entry point {entry.name} = {entry.value} of {pack.origin}"
    leave = f"or uninstall it: pip uninstall {entry.dist.name}" if entry.dist else "or uninstall it"
    for folder in [] if entry.attr else _package_folders(entry.module):
        if (folder / "domain.yaml").is_file():
            return folder
    reason = f"pack '{pack.name}': it is no package with a domain.yaml in its folder"
    raise SelfspecError(place, reason, f"let the entry point name the package that holds domain.yaml, {leave}")


def _package_folders(name: str) -> list[Path]:
    """Where a package lies, told without importing it, or those around it; none where there is no such package."""
    first, *inner = name.split(".")
    try:
        spec = importlib.util.find_spec(first)
        for part in inner:
            spec = PathFinder.find_spec(part, list(spec.submodule_search_locations or ())) if spec else None
    except (ImportError, ValueError):  # a finder that fails; a module without a specification
        return []
    return [Path(folder) for folder in (spec.submodule_search_locations or ())] if spec else []
