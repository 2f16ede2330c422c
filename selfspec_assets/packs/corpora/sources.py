"""Which files a source has, and a digest of them: what the corpus is made from."""

from dataclasses import dataclass
from pathlib import Path

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.base.file_digests import file_digests
from selfspec_assets.base.packages import is_package_address, package_file
from selfspec_assets.base.signature import canonical_json, text_digest
from selfspec_assets.packs.corpora.contract import Corpus, Source
from selfspec_assets.packs.readers.hub import hub_address, hub_file, is_hub_address, why_absent


@dataclass(frozen=True)
class SourceFile:
    """One file of a source: below the data folder, in a package, or at a pinned commit of a hub."""

    name: str  # relative to the data folder, or the address in a package or on the hub
    local: Path | None  # None: on the hub

    def fetched(self) -> Path:
        """Its local path; a hub's file is fetched into the hub's cache the first time.

        Raises:
            SelfspecError: the hub does not give it.
        """
        if self.local is not None:
            return self.local
        path = hub_file(self.name)
        if not path.is_file():
            reason = f"the hub did not give this file: {why_absent(self.name) or 'not in the hub cache'}"
            raise SelfspecError(self.name, reason, hub_address(self.name).how_to_get)
        return path

    def size(self) -> int:
        """Bytes on the disk; 0 for a hub's file that has not been fetched."""
        path = self.local or hub_address(self.name).cached
        return path.stat().st_size if path.is_file() else 0


def source_files(source: Source, folder: Path) -> list[SourceFile]:
    """The files of a source in the order in which they are read; none: the source is absent.

    Entries come in the order of the declaration, the files of a pattern by name. A hub's files count as present: their
    content is pinned, and they are fetched when they are read. Where a package's file is absent, the source is: without
    it the corpus would silently be another one.

    Raises:
        SelfspecError: a pattern leads out of the folder; as ``PackageFile.find``.
    """
    files: dict[str, SourceFile] = {}
    root = folder.resolve()
    for entry in source.files:
        if is_hub_address(entry):
            files.setdefault(entry, SourceFile(entry, None))
            continue
        if is_package_address(entry):
            of_package = package_file(entry)
            if (local := of_package.find()) is None:
                return []
            files.setdefault(of_package.name, SourceFile(of_package.name, local))
            continue
        for path in sorted(path for path in folder.glob(entry) if path.is_file()):
            name = path.relative_to(folder).as_posix()
            if not path.resolve().is_relative_to(root):
                raise SelfspecError(path, f"source '{source.name}' leads out of {folder}", "keep files inside it")
            files.setdefault(name, SourceFile(name, path))
    return list(files.values())


def corpus_digests(corpus: Corpus, folder: Path) -> dict[str, str]:
    """What a corpus of sources depends on: the declaration and each source's files.

    Raises:
        SelfspecError: as ``source_files``; a file cannot be read.
    """
    digests = {"declared": text_digest(corpus.declared())}
    for source in corpus.sources:
        digests[f"source {source.name}"] = source_digest(source_files(source, folder))
    return digests


def source_digest(files: list[SourceFile]) -> str:
    """SHA-256 over the files' names and contents; "absent" for none. A hub's address stands for its content."""
    if not files:
        return "absent"
    contents = file_digests([file.local for file in files if file.local is not None])
    return text_digest(canonical_json([[file.name, contents.get(str(file.local), "pinned")] for file in files]))
