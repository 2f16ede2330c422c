"""``selfspec init``: a project folder with one recipe, empty rooms for packs and seeds, and Dagster's two files.

Recipes, packs and seeds that ship with selfspec are found without being copied (``base.home``); a file of the same name
in the project goes before them.
"""

import os
import shutil
from pathlib import Path

from selfspec_assets.base import home
from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.base.files import remove, storing

SCAFFOLD = Path(__file__).parent / "scaffold" / "project"
FIRST = "first"  # the recipe's name
_NAMES = {"gitignore": ".gitignore"}  # a .gitignore among the sources would hide them from git


def lay_out(folder: Path) -> list[str]:
    """Writes the project; returns what to tell, the next steps among it.

    Raises:
        SelfspecError: the folder holds something, is a file, or cannot be written. Nothing has been written then.
    """
    folder = Path(os.path.abspath(folder.expanduser()))
    _check_free(folder)
    with storing(folder.parent):
        folder.parent.mkdir(parents=True, exist_ok=True)
        building = folder.with_name(f".{folder.name}.init-{os.getpid()}")
        try:
            _write(building)
            os.replace(building, folder)  # an empty folder gives way, one with something in it does not
        finally:
            if building.exists():
                remove(building)
    return [
        f"made a project in {folder}; next:",
        f"  cd {folder}",
        f"  selfspec check {FIRST}    its pack, seeds, benchmarks and model",
        f"  selfspec run {FIRST}      two rounds on the model that ships with selfspec; nothing is downloaded",
        f"  selfspec scores {FIRST}   base and adapter side by side",
        "  selfspec ui              the same in a browser",
        f"then make recipes/{FIRST}.yaml yours: its comments say what to change for a real model",
    ]


def _check_free(folder: Path) -> None:
    if not os.path.lexists(folder):
        return
    if folder.is_symlink() or not folder.is_dir():
        raise SelfspecError(folder, "is no folder", "name one that is empty or is not there yet")
    if there := sorted(os.listdir(folder)):
        raise SelfspecError(
            folder, f"is not empty: it holds {there[0]}", "name a folder that is empty or is not there yet"
        )


def _write(building: Path) -> None:
    for source in sorted(SCAFFOLD.rglob("*")):
        if source.is_file():
            target = building / source.relative_to(SCAFFOLD)
            target = target.with_name(_NAMES.get(target.name, target.name))
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
    for name in ("dagster.yaml", "workspace.yaml"):
        if not (home.BUNDLED / name).is_file():
            raise SelfspecError(home.BUNDLED / name, "is missing", "reinstall selfspec")
        shutil.copyfile(home.BUNDLED / name, building / name)
