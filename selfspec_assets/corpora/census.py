"""What a pack's corpus holds, for ``selfspec check``: counted where that is quick, otherwise estimated."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

import pyarrow.parquet as pq

from selfspec_assets.corpora.build import present_sources
from selfspec_assets.corpora.formats import records
from selfspec_assets.corpora.lines import opened
from selfspec_assets.corpora.record import Record
from selfspec_assets.corpora.sources import SourceFile
from selfspec_assets.corpus_contract import Source
from selfspec_assets.domain import DataKind, Pack
from selfspec_assets.errors import SelfspecError
from selfspec_assets.retrieval import Document, read_corpus

_QUICK = 64 << 20  # bytes of a source; about ten seconds
_SAMPLE = 5_000  # documents of a larger one


@dataclass
class Census:
    """Lines to print, and whether there is any corpus."""

    lines: list[str] = field(default_factory=list)
    present: bool = False


def census(pack: Pack, kind: DataKind) -> Census:
    """Documents and words (as white space parts them) of a prepared corpus, or of each source before it is cut.

    Raises:
        SelfspecError: a file is not what it should be; of a large source only the beginning is looked at.
    """
    corpus, found = pack.data(kind).corpus, Census()
    if corpus.prepared is not None:
        path = pack.corpus_path(kind)
        found.present = path.is_file()
        if found.present:
            found.lines.append(f"corpus: {_count(document.text for document in read_corpus(path))}")
        else:
            found.lines.append(f"corpus: ABSENT, no file {path}")
        return found
    present, absent = present_sources(corpus, pack.data_root(kind))
    found.present = bool(present)
    found.lines += [f"corpus {source.name}: {_counted(source, files)}" for source, files in present]
    found.lines += [f"corpus {source.name}: ABSENT, {why}" for source, why in absent]
    return found


def no_corpus(pack: Pack, kind: DataKind) -> SelfspecError:
    """What is said where neither the prepared corpus nor any source is there."""
    corpus = pack.data(kind).corpus
    if corpus.prepared is not None:
        path = pack.corpus_path(kind)
        return SelfspecError(path, "the file does not exist", "add it, or correct its name in domain.yaml")
    lines = "; ".join(f"{source.name}: {source.how_to_get}" for source in corpus.sources)
    return SelfspecError(pack.folder / "domain.yaml", "none of the corpus's sources is present", lines)


def _count(texts: Iterable[str]) -> str:
    documents = words = 0
    for text in texts:
        documents += 1
        words += len(text.split())
    return f"{documents} documents, {words} words"


def _counted(source: Source, files: Sequence[SourceFile]) -> str:
    local = [file for file in files if file.size()]
    total = sum(file.size() for file in local)
    waiting = len(files) - len(local)
    told = [f"{waiting} files of a hub, fetched when the corpus is made"] if waiting else []
    if total <= _QUICK:
        texts = (record.text for file in local for record in _records(source, file))
        return "; ".join([*([_count(texts)] if local else []), *told])
    return "; ".join([_estimated(source, local, total), *told])


def _records(source: Source, file: SourceFile) -> Iterator[Record]:
    with opened(file.fetched(), file.name) as stream:
        yield from (record for record in records(source, stream) if not record.deleted)


def _estimated(source: Source, files: Sequence[SourceFile], total: int) -> str:
    """From the beginning of the first file, as if all the rest were like it."""
    path = files[0].fetched()
    with opened(path, files[0].name) as stream:
        sample = [len(record.text.split()) for record in islice(records(source, stream), _SAMPLE)]
        if source.format == "parquet":
            bytes_read = path.stat().st_size * len(sample) / pq.ParquetFile(path).metadata.num_rows
        else:
            bytes_read = stream.position()
    times = total / max(bytes_read, 1)
    documents, words = round(len(sample) * times), round(sum(sample) * times)
    return f"about {documents} documents, {words} words, in {len(files)} files of {total >> 20} MiB"


def first_documents(pack: Pack, kind: DataKind, count: int) -> list[Document]:
    """The first ``count`` documents as their files have them: what a passage will look like, before there is any.

    Raises:
        SelfspecError: there is no corpus, or its first file is not what it should be.
    """
    corpus = pack.data(kind).corpus
    if corpus.prepared is not None:
        return list(islice(read_corpus(pack.corpus_path(kind)), count))
    present, _ = present_sources(corpus, pack.data_root(kind))
    if not present:
        raise no_corpus(pack, kind)
    found = islice(_records(present[0][0], present[0][1][0]), count)
    return [Document(record.id, record.title, record.text) for record in found]
