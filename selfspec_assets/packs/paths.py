"""Files that a pack names: they lie in the pack's folder or in the data folder, whatever the pack says. Pure."""

from pathlib import Path, PurePosixPath
from typing import Annotated

from pydantic import AfterValidator

from selfspec_assets.base.errors import SelfspecError

IN_PACK = "pack:"  # begins the name of a published file that comes with the pack, relative to the pack


def in_pack(relative: str) -> str | None:
    """Where in the pack a published file lies that comes with it; None for a file of the data folder."""
    return relative.removeprefix(IN_PACK) if relative.startswith(IN_PACK) else None


def _inside(relative: str) -> str:
    named = relative.removeprefix(IN_PACK)
    path = PurePosixPath(named)
    if not named.strip() or not named.isprintable():
        raise ValueError("is not a file's name")
    if path.is_absolute() or ".." in path.parts:
        raise ValueError("points outside the folder that the file belongs to")
    return relative


PackPath = Annotated[str, AfterValidator(_inside)]  # checked when domain.yaml is read: the message has key and line


def contained(folder: Path, relative: str) -> Path:
    """``folder/relative`` without symbolic links, refused where it, or anything below it, lies outside the folder.

    Raises:
        SelfspecError: it leaves the folder, by its name or by a link, or no file can have that name.
    """
    try:
        root = folder.resolve()
        path = (root / relative).resolve()
        below = path.rglob("*") if path.is_relative_to(root) and path.is_dir() else ()
        outside = next((inner for inner in (path, *below) if not inner.resolve().is_relative_to(root)), None)
    except (OSError, RuntimeError, ValueError) as error:  # too long a name, links in a circle, a NUL
        raise SelfspecError(folder, f"'{relative:.200}' cannot be looked up: {error}", "correct the name") from error
    if outside is not None:
        by = "" if outside == path else f" by its '{outside.relative_to(path)}'"
        raise SelfspecError(folder, f"'{relative}' points outside this folder{by}", "keep files inside it")
    return path
