"""Where things lie: the project folder, its warehouse, and the files that ship inside the package.

Recipes, packs and seed files are looked up in ``SELFSPEC_HOME``, then in the current project folder, then among
the bundled ones. The warehouse belongs to the project folder.
"""

import os
import threading
from pathlib import Path

from selfspec_assets.base.errors import SelfspecError

PACKAGE = Path(__file__).resolve().parent.parent
BUNDLED = PACKAGE / "_bundled" if (PACKAGE / "_bundled").is_dir() else PACKAGE.parent


def _folder(variable: str, named: str, remedy: str, *, may_be_missing: bool = False) -> Path:
    """The folder that an environment variable names; ``may_be_missing``: it may still have to be made."""
    try:
        folder = Path(named).expanduser().resolve()
        if not folder.is_dir() and (folder.exists() or not may_be_missing):
            raise SelfspecError(variable, f"{folder} is not a folder", remedy)
    except (OSError, RuntimeError) as error:  # too long a name, links in a circle, ~somebody who is not there
        raise SelfspecError(variable, f"'{named:.200}' cannot be looked up: {error}", remedy) from error
    return folder


def project_folder() -> Path:
    """``SELFSPEC_HOME``, else the nearest folder upwards that holds ``recipes/`` or ``domains/``, else this one."""
    named = os.environ.get("SELFSPEC_HOME")
    if named:
        return _folder("SELFSPEC_HOME", named, "point it at your project folder")
    here = Path.cwd().resolve()
    for folder in (here, *here.parents):
        if (folder / "recipes").is_dir() or (folder / "domains").is_dir():
            return folder
    return here


def use_project(folder: Path) -> None:
    """Makes a folder the project of this process and of those that it starts, as ``SELFSPEC_HOME`` does.

    Raises:
        SelfspecError: it is no folder, or another one is in use.
    """
    wanted = _folder("project", str(folder), "name the folder that holds domains/, seeds/ and warehouse/")
    named = os.environ.get("SELFSPEC_HOME")
    if named and _folder("SELFSPEC_HOME", named, "point it at your project folder") != wanted:
        remedy = "give both one project, or put them into two code locations"
        raise SelfspecError("project", f"{wanted} is asked for, but {named} is in use in this process", remedy)
    os.environ["SELFSPEC_HOME"] = str(wanted)


def search_folders() -> list[Path]:
    """The project folder and the bundled files, in lookup order, each once."""
    folders = [project_folder()]
    if BUNDLED not in folders:
        folders.append(BUNDLED)
    return folders


def find(relative: str) -> Path | None:
    """The first existing file or folder of that name in lookup order."""
    for folder in search_folders():
        if os.path.exists(folder / relative):  # False, too, for a name that no file can have
            return folder / relative
    return None


def warehouse_folder() -> Path:
    """``SELFSPEC_WAREHOUSE``, which is made where it is not there yet, else ``warehouse/`` of the project folder.

    Raises:
        SelfspecError: it is a file.
    """
    named = os.environ.get("SELFSPEC_WAREHOUSE")
    if not named:
        folder = project_folder() / "warehouse"
        if folder.exists() and not folder.is_dir():
            raise SelfspecError(folder, "is not a folder", "move it away, or set SELFSPEC_WAREHOUSE to a folder")
        return folder
    return _folder("SELFSPEC_WAREHOUSE", named, "name a folder, or one that can be made", may_be_missing=True)


def models_folder() -> Path:
    """Where weights that were fetched or converted lie: ``models/`` of the project folder."""
    return project_folder() / "models"


def dagster_folder() -> Path:
    return project_folder() / ".dagster"


def data_folder() -> Path:
    """Where published benchmarks and corpora lie: ``SELFSPEC_DATA``.

    Raises:
        SelfspecError: the variable is not set or names no folder.
    """
    named = os.environ.get("SELFSPEC_DATA")
    remedy = "set SELFSPEC_DATA to the folder that holds the published benchmarks and corpora"
    if not named:
        raise SelfspecError("SELFSPEC_DATA", "a recipe with data: published needs it and it is not set", remedy)
    return _folder("SELFSPEC_DATA", named, remedy)


def embedded_model_folder() -> Path:
    folder = BUNDLED / "nano" / "weights"
    if not (folder / "model.safetensors").is_file():
        remedy = "reinstall, or train it: make nano; cp nano/build/*.json nano/build/model.safetensors nano/weights/"
        raise SelfspecError(folder, "the embedded model's weights are missing", remedy)
    return folder


def prepare_dagster() -> Path:
    """The instance folder with the shipped ``dagster.yaml`` in it; sets ``DAGSTER_HOME`` here."""
    folder = dagster_folder()
    folder.mkdir(parents=True, exist_ok=True)
    shipped = find("dagster.yaml")
    if shipped is None:
        raise SelfspecError("dagster.yaml", "the instance's configuration is missing", "reinstall selfspec")
    _replace(folder / "dagster.yaml", shipped.read_bytes())
    os.environ["DAGSTER_HOME"] = str(folder)
    return folder


def _replace(target: Path, data: bytes) -> None:
    """Writes a file in one step: Dagster takes its defaults in silence if it reads an empty ``dagster.yaml``."""
    if target.is_file() and target.read_bytes() == data:
        return
    temporary = target.with_name(f".{target.name}.{os.getpid()}-{threading.get_ident()}")
    try:
        temporary.write_bytes(data)
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)
