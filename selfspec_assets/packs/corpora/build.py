"""From declared sources to a folder of passages, what was dropped on the way, and counts that add up."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import count, islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.base.files import remove, storing
from selfspec_assets.base.packages import is_package_address, package_file
from selfspec_assets.base.progress import Report
from selfspec_assets.packs.corpora.contract import Corpus, Source
from selfspec_assets.packs.corpora.duplicates import Repeats, find_duplicates
from selfspec_assets.packs.corpora.overlap import BenchmarkText
from selfspec_assets.packs.corpora.parts import LISTED, Block, Parts, Rules
from selfspec_assets.packs.corpora.sources import SourceFile, source_files
from selfspec_assets.packs.corpora.stored import GROUP_ROWS, SCHEMA
from selfspec_assets.packs.readers.hub import is_hub_address
from selfspec_assets.warehouse import ChunkStore
from selfspec_assets.warehouse.rows import CorpusCountRow, CorpusDropRow

_FILE_GROUPS = 400


@dataclass
class Built:
    """A corpus: its passages in ``folder``, its words by source, and how it came to be."""

    folder: Path
    words: Counter[str] = field(default_factory=Counter)
    passages: Counter[str] = field(default_factory=Counter)
    counts: list[CorpusCountRow] = field(default_factory=list)
    dropped: list[CorpusDropRow] = field(default_factory=list)


@dataclass(frozen=True)
class Workplace:
    """Where unfinished work is kept: a kill costs one block, or the second half of the work."""

    folder: Path
    chunks: ChunkStore
    report: Report
    name: str


def present_sources(
    corpus: Corpus, folder: Path
) -> tuple[list[tuple[Source, list[SourceFile]]], list[tuple[Source, str]]]:
    """The sources that have files, with them; and those that have none, each with a line on how to get it."""
    present, absent = [], []
    for source in corpus.sources:
        files = source_files(source, folder)
        if files:
            present.append((source, files))
        else:
            absent.append((source, f"{_what_is_missing(source, folder)}. {source.how_to_get}"))
    return present, absent


def _what_is_missing(source: Source, folder: Path) -> str:
    """A folder that is there is not absent: the pattern that would name its files is."""
    for entry in source.files:
        if is_package_address(entry) and package_file(entry).find() is None:
            return f"no package {package_file(entry).package} {package_file(entry).version}"
        if not is_hub_address(entry) and (folder / entry).is_dir():
            return f"{entry} is a folder: name the files in it, such as {entry.rstrip('/')}/*"
    return f"no file {', '.join(source.files)}"


def build_corpus(
    corpus: Corpus,
    sources: Sequence[tuple[Source, Sequence[SourceFile]]],
    benchmarks: BenchmarkText,
    work: Workplace,
) -> Built:
    """Makes the corpus, going on from what an earlier run left.

    Memory: one block of documents, DuckDB's 1 GB while duplicates are found (docs/corpora.md).

    Raises:
        SelfspecError: a source's file is not what it declares; nothing is left of the sources; the disk.
    """
    parts = Parts(sources, Rules(corpus.chunks, benchmarks), work.chunks, work.folder / "parts", work.report, work.name)
    blocks = parts.make()
    paths = [parts.path(number) for number, block in enumerate(blocks) if block.sha256]
    if not paths:
        reasons = sum((block.documents + block.passages for block in blocks), Counter[str]())
        told = ", ".join(f"{reason} {count}" for reason, count in sorted(reasons.items()))
        raise SelfspecError(work.name, f"no passage is left of the corpus: {told}", "look at the sources' rules")
    gone = work.folder / "gone.parquet"
    if not gone.is_file():
        work.report(f"{work.name}: finding duplicates among {sum(b.passages['stored'] for b in blocks)} passages")
        places = {file.name: file.local or Path(file.name) for _, files in sources for file in files}
        find_duplicates(paths, _repeats(sources, blocks, parts), work.folder, gone, places)
    built = Built(work.folder / "documents")
    ledger = _Ledger([source.name for source, _ in sources], blocks)
    with storing(work.folder):
        remove(built.folder)
        built.folder.mkdir(parents=True)
        _write(paths, gone, built, ledger)
    if not sum(built.passages.values()):
        remedy = "look at the sources: their articles are deleted, or replaced by others without text"
        raise SelfspecError(work.name, "every passage was dropped", remedy)
    built.counts, built.dropped = ledger.rows(built.passages)
    return built


def _repeats(sources: Sequence[tuple[Source, Sequence[SourceFile]]], blocks: Sequence[Block], parts: Parts) -> Repeats:
    return Repeats(
        [source.name for source, _ in sources if source.format == "pubmed"],
        [source.name for source, _ in sources if source.has_ids],
        [(block.source, name, at) for block in blocks for name, at in block.deleted],
        parts.textless(),
    )


class _Ledger:
    """Every document and passage once: read = cut + reasons, made = kept + reasons."""

    def __init__(self, names: Sequence[str], blocks: Sequence[Block]) -> None:
        self._documents = {name: Counter[str]() for name in names}
        self._passages = {name: Counter[str]() for name in names}
        self._listed: Counter[tuple[str, str]] = Counter()
        self._rows: list[CorpusDropRow] = []
        for block in blocks:
            self._documents[block.source] += block.documents
            self._passages[block.source] += block.passages
            for position, name, reason, match, evidence in block.dropped:
                self._list(block.source, block.file, position, name, reason, match, evidence)

    def drop(self, passage: Mapping[str, Any], reason: str, match: str | None, similarity: float | None) -> None:
        """A passage that was there already."""
        source, name = passage["source"], passage["id"].removeprefix(f"{passage['source']}:")
        self._passages[source][reason] += 1
        evidence = None if similarity is None else f"Jaccard {similarity:.3f}"
        self._list(source, passage["file"], passage["position"], name, reason, match, evidence)

    def _list(
        self,
        source: str,
        file: str,
        position: int,
        document_id: str,
        reason: str,
        match: str | None,
        evidence: str | None,
    ) -> None:
        self._listed[source, reason] += 1
        if self._listed[source, reason] <= LISTED:
            self._rows.append(
                CorpusDropRow(
                    source=source,
                    file=file,
                    position=position,
                    document_id=document_id,
                    reason=reason,
                    match=match,
                    evidence=evidence,
                )
            )

    def rows(self, kept: Mapping[str, int]) -> tuple[list[CorpusCountRow], list[CorpusDropRow]]:
        counts = []
        for source, documents in self._documents.items():
            passages = self._passages[source]
            del passages["stored"]  # before duplicates were found: what is left of it is kept
            passages["kept"] = kept[source]
            for unit, outcomes in (("document", documents), ("passage", passages)):
                first, last = ("read", "cut") if unit == "document" else ("made", "kept")
                ordered = (first, *sorted(outcomes.keys() - {first, last}), last)
                counts += [CorpusCountRow(source, unit, outcome, outcomes[outcome]) for outcome in ordered]
        return counts, self._rows


def _write(parts: Sequence[Path], gone: Path, built: Built, ledger: _Ledger) -> None:
    """The passages that stay, in their order, in files of 204,800."""
    kept = _kept(parts, gone, built, ledger)
    with ExitStack() as stack:
        for number in count():
            group = list(islice(kept, GROUP_ROWS))
            if not group:
                return
            if number % _FILE_GROUPS == 0:
                stack.close()
                path = built.folder / f"{number // _FILE_GROUPS:05d}.parquet"
                writer = stack.enter_context(pq.ParquetWriter(path, SCHEMA, compression="zstd"))
            writer.write_table(pa.Table.from_pylist(group, SCHEMA))


def _kept(parts: Sequence[Path], gone: Path, built: Built, ledger: _Ledger) -> Iterator[dict[str, Any]]:
    drops = _rows(gone)
    drop = next(drops, None)
    for passage in (row for path in parts for row in _rows(path)):
        if drop is not None and drop["ordinal"] == passage["ordinal"]:
            ledger.drop(passage, drop["reason"], drop["match"], drop["similarity"])
            drop = next(drops, None)
            continue
        built.words[passage["source"]] += passage["words"]
        built.passages[passage["source"]] += 1
        yield {name: passage[name] for name in SCHEMA.names}


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(GROUP_ROWS):
            yield from batch.to_pylist()
