"""One step's whole outcome as a folder: ``<table>.parquet``, folders, and three files about it.

``revision.json`` names every file with its digest, ``run.json`` is what making it cost, and ``signature.json`` is the
text that the revision's signature is the SHA-256 of: it says from which settings and inputs it was made.
"""

import dataclasses
import json
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.base.failpoints import reached
from selfspec_assets.base.files import fsync_tree, write_file
from selfspec_assets.base.signature import canonical_json, file_digest, folder_files, text_digest
from selfspec_assets.warehouse.parquet import checked_columns, write_rows
from selfspec_assets.warehouse.rows import Row, RunRow

NAME = re.compile(r"\w[\w.-]*")
SIGNATURE = re.compile(r"[0-9a-f]{64}")
_ABOUT = "revision.json"
_RUN = "run.json"
_SIGNED = "signature.json"


@dataclass(frozen=True, order=True)
class StepKey:
    """Which step of which partition; ``iteration`` is 0 for a step that belongs to the domain alone.

    Raises:
        SelfspecError: a name that cannot be a folder's, or a negative iteration.
    """

    recipe: str
    step: str
    domain: str
    iteration: int

    def __post_init__(self) -> None:
        for name in (self.recipe, self.step, self.domain):
            if not NAME.fullmatch(name):
                remedy = "rename it: letters, digits, '_', '-' and '.', and no '.' or '-' in front"
                raise SelfspecError(repr(name), "cannot be the name of a recipe, step or domain", remedy)
        if self.iteration < 0:
            raise SelfspecError(self, f"iteration {self.iteration} is negative", "count iterations from 1")

    def __str__(self) -> str:
        return f"{self.recipe}/{self.step}/{self.domain}/{self.iteration}"


@dataclass(frozen=True)
class Revision:
    """A complete revision. ``files`` maps each relative name to its SHA-256, ``tables`` each table to its rows."""

    folder: Path
    signature: str
    step: str
    files: Mapping[str, str]
    tables: Mapping[str, int]

    @property
    def folders(self) -> list[str]:
        """The names of its folders, e.g. the adapter's."""
        return sorted({name.partition("/")[0] for name in self.files if "/" in name})

    @property
    def content_digest(self) -> str:
        """SHA-256 over names and contents; the signature, seconds and memory do not count."""
        return text_digest(canonical_json(self.files))

    @property
    def run(self) -> RunRow | None:
        """What making it cost, where that was recorded.

        Raises:
            SelfspecError: ``run.json`` is damaged.
        """
        path = self.folder / _RUN
        if not path.exists():
            return None
        try:
            return RunRow(**json.loads(path.read_bytes()))
        except (ValueError, TypeError) as error:
            raise SelfspecError(path, f"is damaged: {error}", f"delete {path}; only its cost is lost") from error

    @property
    def signed(self) -> str | None:
        """What the signature is the SHA-256 of (``signature.signed_text``); None if that was not recorded.

        Raises:
            SelfspecError: ``signature.json`` is damaged.
        """
        path = self.folder / _SIGNED
        if not path.exists():
            return None
        text = path.read_text(encoding="ascii", errors="replace")
        if text_digest(text) != self.signature:
            raise damaged(path, "was changed: the signature is not its SHA-256", self.folder)
        return text

    def check(self, name: str, digest: Callable[[Path], str] = file_digest) -> Path:
        """The path of one file, after comparing it with its digest.

        Args:
            digest: ``file_digest``, or ``file_digest_once`` for a large file that is asked for again and again.

        Raises:
            SelfspecError: the file is absent or changed.
        """
        path = self.folder / name
        if not path.is_file():
            raise damaged(path, "is missing", self.folder)
        if digest(path) != self.files[name]:
            raise damaged(path, "was changed: its SHA-256 is not the one in revision.json", self.folder)
        return path

    def verify(self) -> None:
        """Compares every file with its digest.

        Raises:
            SelfspecError: a file is absent, changed, or was added.
        """
        for error in self.damages():
            raise error

    def damages(self) -> Iterator[SelfspecError]:
        """Every file that is absent, changed, or was added, each as an error that names it."""
        for name in self.files:
            try:
                self.check(name)
            except SelfspecError as error:
                yield error
        try:
            _ = self.signed
        except SelfspecError as error:
            yield error
        yield from self.strangers(self.folder)

    def strangers(self, folder: Path) -> Iterator[SelfspecError]:
        """Every file below ``folder``, the revision's own or one in it, that was added, as an error that names it."""
        for path in folder_files(folder).values():
            name = path.relative_to(self.folder).as_posix()
            if name not in self.files and name not in (_ABOUT, _RUN, _SIGNED):
                yield damaged(path, "does not belong here: revision.json does not name it", self.folder)


def damaged(path: Path, reason: str, folder: Path) -> SelfspecError:
    """The error for a file of the revision in ``folder`` that is not as it was committed."""
    return SelfspecError(path, reason, f"delete the folder {folder} and run again; only this step is made anew")


def is_complete(folder: Path) -> bool:
    """Whether a revision is there; it appears by one rename, so any that is there is whole."""
    return (folder / _ABOUT).is_file()


def load(folder: Path) -> Revision:
    """Reads ``revision.json``.

    Raises:
        SelfspecError: it is absent, damaged or edited by hand.
    """
    path = folder / _ABOUT
    try:
        facts = json.loads(path.read_bytes())
        revision = Revision(folder, facts["signature"], facts["step"], dict(facts["files"]), dict(facts["tables"]))
        expected = _about(revision)
    except FileNotFoundError:
        raise SelfspecError(path, "is missing: there is no such revision", "run again; it is made anew") from None
    except (ValueError, KeyError, TypeError) as error:
        raise damaged(path, f"is damaged: {error!r}", folder) from error
    if facts != expected or revision.signature != folder.name:
        raise damaged(path, "is damaged or was edited by hand", folder)
    return revision


def _about(revision: Revision) -> dict[str, Any]:
    facts = {
        "step": revision.step,
        "signature": revision.signature,
        "tables": dict(revision.tables),
        "files": dict(revision.files),
    }
    return {**facts, "content_digest": revision.content_digest, "checksum": text_digest(canonical_json(facts))}


def build(
    folder: Path,
    step: str,
    signature: str,
    tables: Mapping[type[Row], Sequence[Row]],
    folders: Mapping[str, Path],
    run: RunRow | None,
    signed: str | None = None,
) -> None:
    """Writes a whole revision into the new folder ``folder`` and forces it to the disk.

    Raises:
        SelfspecError: a row that its table cannot hold.
        ValueError: a folder that is empty or whose name is taken.
        OSError, duckdb.IOException: the disk.
    """
    folder.mkdir(parents=True)
    checked_columns(RunRow, [] if run is None else [run])
    for row_type, rows in tables.items():
        write_rows(row_type, rows, folder / f"{row_type.table}.parquet")
        reached("rows written")
    for name, source in folders.items():
        if not NAME.fullmatch(name) or name.endswith((".parquet", ".json")):
            raise ValueError(f"{name!r} cannot be the name of a revision's folder")
        if not folder_files(source):
            raise ValueError(f"{source} is empty: an outcome has files")
        reached("folder: before the copy")
        shutil.copytree(source, folder / name, copy_function=shutil.copyfile)
        reached("folder: after the copy")
    files = {name: file_digest(path) for name, path in folder_files(folder).items()}
    counts = {row_type.table: len(rows) for row_type, rows in tables.items()}
    about = _about(Revision(folder, signature, step, files, counts))
    write_file(folder / _ABOUT, _pretty(about))
    if signed is not None:
        write_file(folder / _SIGNED, signed.encode("ascii"))
    if run is not None:
        write_file(folder / _RUN, _pretty(dataclasses.asdict(run)))
    fsync_tree(folder)


def _pretty(facts: Mapping[str, object]) -> bytes:
    return (json.dumps(facts, indent=1, sort_keys=True) + "\n").encode()
