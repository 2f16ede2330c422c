"""The first half of the work: documents read, cleaned, cut and decontaminated, in blocks that survive a kill.

A block is a Parquet file of passages and a chunk that tells what it came from. Blocks end by the documents alone, so
an undisturbed run and a resumed one make the same. Memory holds one block.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.base.files import fsync, move, storing
from selfspec_assets.base.opened_file import OpenFile, opened
from selfspec_assets.base.progress import Progress, Report
from selfspec_assets.base.signature import file_digest
from selfspec_assets.base.stopping import StopBetweenBatches
from selfspec_assets.base.words import count_words, words
from selfspec_assets.packs.corpora.chunks import passages
from selfspec_assets.packs.corpora.clean import one_line, paragraphs
from selfspec_assets.packs.corpora.contract import Chunks, Source
from selfspec_assets.packs.corpora.duplicates import BAND_COLUMNS, Textless
from selfspec_assets.packs.corpora.formats import records
from selfspec_assets.packs.corpora.minhash import band_keys, shingles
from selfspec_assets.packs.corpora.ngrams import word_hashes
from selfspec_assets.packs.corpora.overlap import BenchmarkText
from selfspec_assets.packs.corpora.record import Record
from selfspec_assets.packs.corpora.sources import SourceFile
from selfspec_assets.warehouse import ChunkStore

PART_SCHEMA = pa.schema(
    [
        *(("ordinal", pa.int64()), ("source", pa.string()), ("file", pa.string()), ("position", pa.int64())),
        *(("record", pa.int64()), ("record_id", pa.string())),
        *(("id", pa.string()), ("title", pa.string()), ("text", pa.string()), ("words", pa.int64())),
        *(("exact", pa.int64()), *((band, pa.int64()) for band in BAND_COLUMNS)),
    ]
)
_BLOCK_DOCUMENTS, _BLOCK_PASSAGES, _BLOCK_CHARACTERS = 20_000, 4_000, 8_000_000
# Rules of the source itself leave these out, and they can be millions: counted, not listed.
UNLISTED = frozenset({"not_sampled", "not_matching"})
LISTED = 100_000  # rows in corpus_dropped per source and reason; the counts are whole


@dataclass
class Block:
    """What a run of documents of one file came to; it is stored as a chunk."""

    source: str
    file: str
    end: int = 0  # documents of the file read up to its end
    last: bool = False
    documents: Counter[str] = field(default_factory=Counter)  # read = cut + reasons
    passages: Counter[str] = field(default_factory=Counter)  # made = stored + reasons
    dropped: list[list[Any]] = field(default_factory=list)  # position, id, reason, match, evidence
    deleted: list[list[Any]] = field(default_factory=list)  # id, record
    textless: list[list[Any]] = field(default_factory=list)  # id, record, position of what left no passage
    sha256: str = ""  # of its Parquet file; "" where no passage was left


@dataclass(frozen=True)
class Rules:
    """What is done with a document, beside what its source says."""

    chunks: Chunks
    benchmarks: BenchmarkText


class Parts:
    """The blocks of all sources in their order.

    Args:
        sources: each with its files.
        rules: how documents are cut and which passages may not stay.
        store: keeps what each block came to.
        folder: keeps their passages.
        report: gets progress lines.
        name: what the lines begin with.
    """

    def __init__(
        self,
        sources: Sequence[tuple[Source, Sequence[SourceFile]]],
        rules: Rules,
        store: ChunkStore,
        folder: Path,
        report: Report,
        name: str,
    ) -> None:
        self._sources, self._rules = sources, rules
        self._store, self._folder = store, folder
        self._report, self._name = report, name
        self._next = self._ordinal = self._record = self._bytes = 0
        self._blocks: list[Block] = []
        self._listed: Counter[tuple[str, str]] = Counter()
        self._progress: Progress | None = None
        self._total = 0
        self._stop = StopBetweenBatches()

    def path(self, number: int) -> Path:
        return self._folder / f"{number:08d}.parquet"

    def make(self) -> list[Block]:
        """Reads whatever has not been read yet. A signal to stop waits until a block is stored.

        Raises:
            SelfspecError: a file is not what its source declares; what was read before stays.
        """
        with storing(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)
        with StopBetweenBatches() as self._stop:
            for source, files in self._sources:
                taken = 0
                for file in files:
                    if source.max_documents is not None and taken >= source.max_documents:
                        break
                    taken = self._read_file(source, file, taken)
        return self._blocks

    def textless(self) -> Iterator[list[Textless]]:
        """The documents that left no passage, block by block: of PubMed a third."""
        for number in range(len(self._blocks)):
            chunk = self._store.get(number)
            if chunk is None:
                reason, remedy = f"block {number} of the corpus is damaged", "run again: it is made anew"
                raise SelfspecError(self._store.folder, reason, remedy)
            block = _from_json(chunk[0])
            yield [(block.source, name, at, block.file, position) for name, at, position in block.textless]

    def _read_file(self, source: Source, file: SourceFile, taken: int) -> int:
        """Blocks of one file, those that are there first; the documents taken of the source up to here."""
        block: Block | None = None
        while (stored := self._stored(source, file)) is not None:
            block = stored
            taken += block.documents["cut"]
            self._count(block)
            if block.last:
                self._bytes += file.size()
                return taken
        path = file.fetched()
        with opened(path, file.name) as stream:
            self._measure()
            documents = records(source, stream)
            for new in self._cut(source, stream, islice(documents, block.end if block else 0, None), block, taken):
                taken += new.documents["cut"]
        self._bytes += file.size()
        return taken

    def _measure(self) -> None:
        """Progress against the bytes of all files; those of a hub are counted from when they have been fetched."""
        total = sum(file.size() for _, files in self._sources for file in files)
        if self._progress is None or total != self._total:
            self._total = total
            self._progress = Progress(f"{self._name}: bytes", total, self._report, self._bytes)

    def _cut(
        self, source: Source, stream: OpenFile, documents: Iterator[Record], before: Block | None, taken: int
    ) -> Iterator[Block]:
        end = before.end if before else 0
        making = _Making(source, stream.name, end, self._rules, self._ordinal, self._record)
        for record in documents:
            making.add(record)
            enough = source.max_documents is not None and taken + making.taken >= source.max_documents
            if making.full or enough:
                yield self._close(making, stream, last=enough)
                taken += making.taken
                if enough:
                    return
                making = _Making(source, stream.name, making.block.end, self._rules, self._ordinal, self._record)
        yield self._close(making, stream, last=True)

    def _close(self, making: "_Making", stream: OpenFile, last: bool) -> Block:
        block = making.block
        block.last = last
        if making.rows:
            path = self.path(self._next)
            building = path.with_name(f".{path.name}.tmp")
            with storing(self._folder):
                pq.write_table(pa.Table.from_pylist(making.rows, PART_SCHEMA), building, compression="zstd")
                fsync(building)
                move(building, path, "corpus part")
            block.sha256 = file_digest(path)
        self._store.put(self._next, [_as_json(block)])
        self._count(block)
        if self._progress is not None:
            note = f"{self._record} documents, {self._ordinal} passages"
            self._progress.to(self._bytes + min(stream.position(), stream.path.stat().st_size), note)
        self._stop.here()
        return block

    def _stored(self, source: Source, file: SourceFile) -> Block | None:
        chunk = self._store.get(self._next)
        if chunk is None:
            return None
        block = _from_json(chunk[0])
        path = self.path(self._next)
        whole = not block.sha256 or (path.is_file() and file_digest(path) == block.sha256)
        return block if whole and (block.source, block.file) == (source.name, file.name) else None

    def _count(self, block: Block) -> None:
        block.dropped = [row for row in block.dropped if self._is_listed(block.source, row[2])]
        block.textless = []  # the store keeps them: see ``textless``
        self._blocks.append(block)
        self._next += 1
        self._ordinal += block.passages["stored"]
        self._record += block.documents["read"]

    def _is_listed(self, source: str, reason: str) -> bool:
        """A third of PubMed has no abstract: ten million rows that nobody reads would fill the memory."""
        self._listed[source, reason] += 1
        return self._listed[source, reason] <= LISTED


def _as_json(block: Block) -> dict[str, Any]:
    return {**vars(block), "documents": dict(block.documents), "passages": dict(block.passages)}


def _from_json(value: dict[str, Any]) -> Block:
    return Block(**{**value, "documents": Counter(value["documents"]), "passages": Counter(value["passages"])})


class _Making:
    """A block in the making."""

    def __init__(self, source: Source, file: str, end: int, rules: Rules, ordinal: int, record: int) -> None:
        self.block = Block(source.name, file, end)
        self.rows: list[dict[str, Any]] = []
        self._source, self._rules = source, rules
        self._ordinal, self._record = ordinal, record
        self._drop_lines = [re.compile(pattern) for pattern in source.drop_lines]
        self._keep_if = None if source.keep_if is None else re.compile(source.keep_if)
        self._characters = 0

    @property
    def taken(self) -> int:
        return self.block.documents["cut"]

    @property
    def full(self) -> bool:
        return (
            self.block.documents["read"] >= _BLOCK_DOCUMENTS
            or len(self.rows) >= _BLOCK_PASSAGES
            or self._characters >= _BLOCK_CHARACTERS
        )

    def add(self, record: Record) -> None:
        self.block.end += 1
        if record.deleted:
            self.block.deleted.append([record.id, self._record])
            return
        self._record += 1
        self.block.documents["read"] += 1
        reason = self._left_out(record)
        parts = [] if reason else paragraphs(record.text, self._drop_lines)
        reason = reason or (None if parts else "no_text")
        self.block.documents[reason or "cut"] += 1
        before = len(self.rows)
        if reason:
            self._drop(record, record.id, reason)
        else:
            cut = passages(parts, self._rules.chunks)
            title = one_line(record.title)
            for number, text in enumerate(cut, start=1):
                self._add_passage(record, title, text, record.id if len(cut) == 1 else f"{record.id}#{number}")
        if len(self.rows) == before and self._id_counts(reason):
            self.block.textless.append([record.id, self._record, record.position])

    def _id_counts(self, reason: str | None) -> bool:
        """Whether a document of which nothing was stored still replaces another, or may not have another's id."""
        if (
            self._source.format == "pubmed"
        ):  # ``share`` goes by the id: where it leaves one version out, it leaves out all
            return reason != "not_sampled"
        return self._source.has_ids and reason not in UNLISTED

    def _left_out(self, record: Record) -> str | None:
        if self._source.share < 1 and not _sampled(self._source, record.id):
            return "not_sampled"
        if self._keep_if and not (self._keep_if.search(record.title) or self._keep_if.search(record.text)):
            return "not_matching"
        if not record.selected:
            return "not_matching"
        return None

    def _add_passage(self, record: Record, title: str, text: str, name: str) -> None:
        self.block.passages["made"] += 1
        count, tokens = count_words(text), words(text)
        if count < self._rules.chunks.min_words or not tokens:
            self._drop(record, name, "too_short")
            self.block.passages["too_short"] += 1
            return
        hashes = word_hashes(tokens)
        in_title = words(title)
        overlap = self._rules.benchmarks.find([*in_title, *tokens], np.concatenate([word_hashes(in_title), hashes]))
        if overlap is not None:
            self._drop(record, name, "contaminated", *overlap)
            self.block.passages["contaminated"] += 1
            return
        self.rows.append(
            {
                "ordinal": self._ordinal,
                "source": self._source.name,
                "file": self.block.file,
                "position": record.position,
                "record": self._record,
                "record_id": record.id,
                "id": f"{self._source.name}:{name}",
                "title": title,
                "text": text,
                "words": count,
                "exact": _digest64(" ".join(tokens)),
                **dict(zip(BAND_COLUMNS, band_keys(shingles(hashes)).tolist(), strict=True)),
            }
        )
        self._ordinal += 1
        self._characters += len(text)
        self.block.passages["stored"] += 1

    def _drop(self, record: Record, name: str, reason: str, match: str | None = None, evidence: str = "") -> None:
        if reason not in UNLISTED:
            self.block.dropped.append([record.position, name, reason, match, evidence or None])


def _digest64(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big", signed=True)


def _sampled(source: Source, name: str) -> bool:
    """By the id, so that a document is in every larger share as well, and in its own later versions."""
    return (_digest64(f"{source.name}:{name}") + 2**63) / 2**64 < source.share
