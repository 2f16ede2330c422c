"""``selfspec new-domain``: a domain pack that runs as it is, and a recipe for it, in the project's own folders.

The files come from ``scaffold/``, which is part of the package. The pack is written beside its place and renamed, so it
is there whole or not at all; nothing that exists is ever written over.
"""

import os
import re
from pathlib import Path

from selfspec_assets.base import home
from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.base.files import remove, storing
from selfspec_assets.packs.finding import NAMING, find_pack, is_pack_name, pack_names
from selfspec_assets.recipe.recipe import recipe_names

SCAFFOLD = Path(__file__).parent / "scaffold"


def scaffold(name: str) -> list[str]:
    """Writes ``domains/<name>/`` and ``recipes/<name>.yaml``; returns what to tell, the next steps among it.

    Raises:
        SelfspecError: a name that cannot be one, or is taken by a pack or a recipe; a folder that cannot be written.
            Nothing has been written then.
    """
    project = home.project_folder()
    pack, recipe = project / "domains" / name, project / "recipes" / f"{name}.yaml"
    _check_name(name)
    _check_free(name, pack, recipe)
    with storing(project):
        _write(name, pack, recipe)
    return [
        f"made domains/{name} ({len(_files(pack))} files) and recipes/{name}.yaml in {project}; next:",
        f"  selfspec check --domain {name}   what the pack has, and what is doubtful in it",
        f"  selfspec run {name}              one round on the embedded model",
        f"  selfspec scores {name}           base and adapter side by side",
        f"then replace the placeholders, file by file: domains/{name}/README.md says what goes where",
    ]


def _check_name(name: str) -> None:
    if not is_pack_name(name):
        good = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_0123456789")[:50]
        remedy = f"such as: selfspec new-domain {good}" if is_pack_name(good) else "choose another name"
        raise SelfspecError(f"domain '{name}'", f"cannot be called that: {NAMING}", remedy)


def _check_free(name: str, pack: Path, recipe: Path) -> None:
    remedy = "choose another name, or work on what is there"
    if name in pack_names():
        raise SelfspecError(f"domain '{name}'", f"there is one already: {find_pack(name)}", remedy)
    for path in (pack, recipe):
        if os.path.lexists(path):
            raise SelfspecError(path, "exists already, and nothing is written over it", remedy)
    # In Dagster a hyphen is an underscore, and no two recipes may be called the same there.
    if name in {re.sub(r"[^A-Za-z0-9_]", "_", other) for other in recipe_names()}:
        raise SelfspecError(f"recipe '{name}'", "there is a recipe of that name already", remedy)


def _write(name: str, pack: Path, recipe: Path) -> None:
    pack.parent.mkdir(parents=True, exist_ok=True)
    recipe.parent.mkdir(parents=True, exist_ok=True)
    building = pack.with_name(f".{name}.{os.getpid()}")
    try:
        for source in _files(SCAFFOLD / "pack"):
            _fill(source, building / source.relative_to(SCAFFOLD / "pack"), name)
        _fill(SCAFFOLD / "recipe.yaml", building / "recipe", name)
        # A link, unlike a rename, never takes the place of a file that has come up meanwhile.
        os.link(building / "recipe", recipe)
        (building / "recipe").unlink()
        try:
            os.rename(building, pack)
        except OSError:
            recipe.unlink()
            raise
    finally:
        if building.exists():
            remove(building)


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)


def _fill(source: Path, target: Path, name: str) -> None:
    field = name.replace("_", " ")
    text = source.read_text(encoding="utf-8")
    for mark, value in (("__NAME__", name), ("__FIELD__", field), ("__TITLE__", field.capitalize())):
        text = text.replace(mark, value)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")
