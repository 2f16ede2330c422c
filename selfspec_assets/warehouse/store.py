"""The commit log: revisions by signature, and a manifest that says which revision each partition shows."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.base.failpoints import reached
from selfspec_assets.base.files import Holder, fsync, holder, holding, move, remove, storing, waiting, write_atomically
from selfspec_assets.base.signature import file_digest_once, text_digest
from selfspec_assets.warehouse import published, revision
from selfspec_assets.warehouse.chunks import ChunkStore
from selfspec_assets.warehouse.parquet import R, read_rows
from selfspec_assets.warehouse.revision import NAME, SIGNATURE, Revision, StepKey
from selfspec_assets.warehouse.rows import Row, RunRow


@dataclass(frozen=True, order=True)
class ManifestEntry:
    """A partition's step and the signature of the revision that it shows."""

    key: StepKey
    signature: str


class Warehouse:
    """All stored outcomes under one folder.

    ``revisions/<signature>/`` is written once; ``manifest/<recipe>/<step>/<domain>/<iteration>.json`` names the one
    that a partition shows; ``work/<signature>/`` holds unfinished work; ``selfspec.duckdb`` follows the manifest.
    A kill between any two of these leaves the last good state, and the next commit or ``publish`` catches up.
    Creating the object touches nothing on the disk.

    Args:
        root: the warehouse folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.database = root / "selfspec.duckdb"
        self._revisions = root / "revisions"
        self._manifest = root / "manifest"
        self._work = root / "work"
        self._locks = root / "locks"

    @contextmanager
    def lock(self, key: StepKey, signature: str | None = None, uses: Sequence[str] = ()) -> Iterator[None]:
        """Keeps a partition's step to one process and thread; free again when the process dies, however it dies.

        Args:
            key: the partition's step.
            signature: if given, its work folder is kept to this process as well: recipes that agree up to a step
                make the same revision, and two runs of it at once would share one folder of unfinished work.
            uses: signatures of the revisions and the unfinished work that ``selfspec gc`` has to leave alone meanwhile.

        Raises:
            SelfspecError: somebody else has it; says which process, since when, and what to do.
        """
        shared = nullcontext() if signature is None else self._hold(f"work-{_checked(signature)}", key, uses)
        with self._hold(str(key).replace("/", "~"), key), shared:
            yield

    @contextmanager
    def _hold(self, name: str, key: StepKey, uses: Sequence[str] = ()) -> Iterator[None]:
        def busy(holder: str) -> SelfspecError:
            what = "is being made" if "~" in name else "has the same work as a partition that is being made"
            remedy = "wait until that process has ended, or stop it, then run again; its finished chunks are kept"
            return SelfspecError(key, f"{what} by {holder}", remedy)

        with holding(self._locks / f"{name}.lock", busy, uses):
            yield

    def holder(self, signature: str) -> Holder | None:
        """Who is making a revision now, if anybody is."""
        return holder(self._locks / f"work-{_checked(signature)}.lock")

    def current(self, key: StepKey) -> str | None:
        """The signature that the manifest names for a partition's step, if any; its revision may have been deleted.

        Raises:
            SelfspecError: the manifest entry is damaged.
        """
        path = self._entry_path(key)
        return _read_entry(path, key).signature if path.exists() else None

    def shows(self, key: StepKey, signature: str) -> bool:
        """Whether a partition's step shows this very revision, and the revision is there.

        Raises:
            SelfspecError: the manifest entry is damaged.
        """
        return self.current(key) == signature and self.has(signature)

    def entries(self) -> list[ManifestEntry]:
        """All manifest entries, sorted by key.

        Raises:
            SelfspecError: an entry is damaged.
        """
        entries = []
        for path in self._manifest.glob("*/*/*/*.json"):
            recipe, step, domain = path.relative_to(self._manifest).parts[:3]
            if not path.stem.isdecimal():
                raise _damaged_entry(path, "its name is not an iteration")
            entries.append(_read_entry(path, StepKey(recipe, step, domain, int(path.stem))))
        return sorted(entries)

    def has(self, signature: str) -> bool:
        """Whether a complete revision exists (``verify`` says whether it is undamaged)."""
        return revision.is_complete(self._folder(signature))

    def revision(self, signature: str) -> Revision:
        """A complete revision's facts.

        Raises:
            SelfspecError: it does not exist, or ``revision.json`` is damaged.
        """
        return revision.load(self._folder(signature))

    def read(self, signature: str, row_type: type[R]) -> list[R]:
        """All rows of one table, in the order in which they were committed, after checking the file's digest.

        Raises:
            SelfspecError: no such revision, or the file is damaged or of another version of selfspec.
            KeyError: the revision's step does not fill that table.
        """
        revision = self.revision(signature)
        if row_type.table not in revision.tables:
            raise KeyError(f"the revision of {revision.step} has no table {row_type.table}")
        return read_rows(row_type, revision.check(f"{row_type.table}.parquet"))

    def folder(self, signature: str, name: str) -> Path:
        """A revision's folder, e.g. the adapter's, after comparing its files with their digests.

        They can be large, so that is done once per process while they stay as they are.

        Raises:
            SelfspecError: no such revision, or a file of its folder is missing, changed, or was added.
            KeyError: the revision never had such a folder.
        """
        revision = self.revision(signature)
        path = revision.folder / name
        named = [file for file in revision.files if file.startswith(f"{name}/")]
        if not named:
            raise KeyError(f"the revision of {revision.step} has no folder {name}")
        for file in named:
            revision.check(file, file_digest_once)
        for error in revision.strangers(path):
            raise error
        return path

    def verify(self, signature: str) -> None:
        """Compares every file of a revision with its SHA-256.

        Raises:
            SelfspecError: names the first file that is missing, changed or added, and the remedy.
        """
        self.revision(signature).verify()

    def work_folder(self, signature: str) -> Path:
        """The folder for unfinished work, made if need be; it outlives kills and goes with the commit."""
        path = self._work / _checked(signature)
        with storing(path):
            path.mkdir(parents=True, exist_ok=True)
        return path

    def chunks(self, signature: str, name: str = "chunks") -> ChunkStore:
        """The chunk files ``name`` in the work folder."""
        if not NAME.fullmatch(name):
            raise ValueError(f"{name!r} cannot be a folder's name")
        return ChunkStore(self._work / _checked(signature) / name)

    def commit(
        self,
        key: StepKey,
        signature: str,
        tables: Mapping[type[Row], Sequence[Row]],
        folders: Mapping[str, Path] | None = None,
        run: RunRow | None = None,
        signed: str | None = None,
    ) -> Revision:
        """Makes a step's outcome the one that its partition shows: revision, manifest, published database.

        An undamaged revision of this signature that is there already stays as it is, whatever ``tables`` hold: what
        follows may have been made from it. A damaged one is replaced.

        Args:
            key: the partition's step.
            signature: what the outcome depends on.
            tables: rows in their final order; a table without rows is stored with its columns.
            folders: name -> folder to copy in, whole.
            run: seconds (s) and memory (MB), kept outside every digest.
            signed: the text that the signature is the SHA-256 of, so that ``selfspec plan`` can say what changed.

        Raises:
            SelfspecError: the disk is full or read-only, a value that its column cannot hold, a damaged manifest;
                nothing is half written then, and unfinished work is kept.
            ValueError: a table that another step of the same partition fills, ``runs`` among the tables, a ``run`` of
                another step or signature, or another ``signed`` text.
        """
        _check_request(key, signature, tables, run, signed)
        with storing(self._revisions), waiting(self._locks / f"commit-{_checked(signature)}.lock"):
            revision = self._undamaged(signature) or self._build(key, signature, tables, folders or {}, run, signed)
        return self._show(key, revision)

    def reuse(self, key: StepKey, signature: str) -> Revision:
        """Makes a partition show a revision that exists already, e.g. another recipe's.

        Raises:
            SelfspecError: there is no such revision.
            ValueError: it is another step's.
        """
        revision = self.revision(signature)
        if revision.step != key.step:
            raise ValueError(f"{key}: revision {signature} is one of {revision.step}")
        return self._show(key, revision)

    def publish(self) -> None:
        """Brings ``selfspec.duckdb`` up to the manifest; a partition whose revision was deleted is left out.

        Raises:
            SelfspecError: a damaged manifest entry or revision, or the disk.
        """
        with storing(self.database), waiting(self._locks / "publish.lock"):
            wanted = {
                entry.key: self.revision(entry.signature) for entry in self.entries() if self.has(entry.signature)
            }
            published.publish(self.database, wanted)

    def _folder(self, signature: str) -> Path:
        return self._revisions / _checked(signature)

    def _entry_path(self, key: StepKey) -> Path:
        return self._manifest / key.recipe / key.step / key.domain / f"{key.iteration}.json"

    def _undamaged(self, signature: str) -> Revision | None:
        if not self.has(signature):
            return None
        try:
            self.verify(signature)
        except SelfspecError:
            return None
        return self.revision(signature)

    def _build(
        self,
        key: StepKey,
        signature: str,
        tables: Mapping[type[Row], Sequence[Row]],
        folders: Mapping[str, Path],
        run: RunRow | None,
        signed: str | None,
    ) -> Revision:
        """Builds beside and renames. The caller holds this signature's lock, so leftovers here are a dead process's."""
        final = self._folder(signature)
        building = self._revisions / f".building-{signature}"
        discarded = self._revisions / f".discarded-{signature}"
        remove(building)
        try:
            revision.build(building, key.step, signature, tables, folders, run, signed)
            if final.exists():  # damaged: a folder cannot be replaced in one step, so this one goes first
                remove(discarded)
                move(final, discarded, "damaged revision")
            move(building, final, "revision")
        finally:
            remove(building)
        remove(discarded)
        return self.revision(signature)

    def _show(self, key: StepKey, revision: Revision) -> Revision:
        with storing(self._manifest), waiting(self._locks / "manifest.lock"):
            self._check_tables_are_free(key, revision)
            self._write_entry(ManifestEntry(key, revision.signature))
        with storing(self._work):
            remove(self._work / revision.signature)
        reached("work removed")
        self.publish()
        return revision

    def _check_tables_are_free(self, key: StepKey, revision: Revision) -> None:
        """Within a partition a table belongs to one step only, unless its published rows name theirs."""
        for entry in self.entries():
            other = entry.key
            same_partition = (other.recipe, other.domain, other.iteration) == (key.recipe, key.domain, key.iteration)
            if same_partition and other.step != key.step and self.has(entry.signature):
                both = revision.tables.keys() & self.revision(entry.signature).tables.keys()
                for table in both - published.shared(key.step, other.step):
                    raise ValueError(f"{key}: table {table} of this partition is filled by step {other.step}")

    def _write_entry(self, entry: ManifestEntry) -> None:
        path = self._entry_path(entry.key)
        text = json.dumps({**asdict(entry.key), "signature": entry.signature}, indent=1) + "\n"
        if path.exists() and path.read_text() == text:
            return
        write_atomically(path, text.encode(), "manifest")
        for parent in list(path.parents)[1:5]:  # up to the root: their names may be new as well
            fsync(parent)


def _check_request(
    key: StepKey,
    signature: str,
    tables: Mapping[type[Row], Sequence[Row]],
    run: RunRow | None,
    signed: str | None,
) -> None:
    if RunRow in tables:
        raise ValueError("rows of runs are passed as run, outside every digest")
    if run is not None and (run.step, run.signature) != (key.step, signature):
        raise ValueError(f"{key}: the run is one of step {run.step}, signature {run.signature}")
    if signed is not None and text_digest(signed) != signature:
        raise ValueError(f"{key}: the signature {signature} is not the SHA-256 of its text")


def _checked(signature: str) -> str:
    if not SIGNATURE.fullmatch(signature):
        raise ValueError(f"{signature!r} is not a signature: 64 hex digits expected")
    return signature


def _read_entry(path: Path, key: StepKey) -> ManifestEntry:
    try:
        facts = json.loads(path.read_bytes())
        entry = ManifestEntry(key, _checked(facts["signature"]))
    except (ValueError, KeyError, TypeError) as error:
        raise _damaged_entry(path, repr(error)) from error
    if facts != {**asdict(key), "signature": entry.signature}:
        raise _damaged_entry(path, "it does not describe the partition that it lies at")
    return entry


def _damaged_entry(path: Path, reason: str) -> SelfspecError:
    return SelfspecError(
        path,
        f"the manifest entry is damaged or was edited by hand: {reason}",
        f"delete {path} and run again; finished revisions are found and reused",
    )
