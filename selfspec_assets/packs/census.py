"""What a pack's corpus holds, for ``selfspec check``: counted where that is quick, otherwise estimated."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq

from selfspec_assets.base import home
from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.base.file_kinds import has_markup
from selfspec_assets.base.opened_file import opened
from selfspec_assets.base.words import count_words
from selfspec_assets.packs.corpora.build import present_sources
from selfspec_assets.packs.corpora.contract import Source
from selfspec_assets.packs.corpora.documents import Document, read_corpus
from selfspec_assets.packs.corpora.formats import records
from selfspec_assets.packs.corpora.record import Record, used_twice
from selfspec_assets.packs.corpora.sources import SourceFile
from selfspec_assets.packs.pack import Pack
from selfspec_assets.recipe.sections import DataKind

_QUICK = 64 << 20  # bytes of a source; about ten seconds
_SAMPLE = 5_000  # documents of a larger one
_LOOKED_AT = 1_000  # files of a source of plain text, whether they are web pages
_TOKENIZED = 200  # documents, and their first 2,000 characters: what tokens are estimated from


@dataclass
class Census:
    """Lines to print, and whether there is any corpus."""

    lines: list[str] = field(default_factory=list)
    present: bool = False


class Counting(NamedTuple):
    """How tokens are counted: a function of texts, and whose tokens they are."""

    tokens: Callable[[list[str]], int]
    whose: str


def embedded_tokens() -> Counting:
    """Those of the embedded model: where no recipe says which model will read the text."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(home.embedded_model_folder() / "tokenizer.json"))

    def count(texts: list[str]) -> int:
        return sum(len(encoding.ids) for encoding in tokenizer.encode_batch(texts, add_special_tokens=False))

    return Counting(count, "the embedded model")


def tokens_of(tokenizer: Any) -> Counting:
    """Those of the recipe's own model."""

    def count(texts: list[str]) -> int:
        return sum(map(len, tokenizer(texts, add_special_tokens=False)["input_ids"]))

    return Counting(count, "the recipe's model")


def census(pack: Pack, kind: DataKind, counting: Counting | None = None) -> Census:
    """Documents and words (``count_words``) of a prepared corpus, or of each source before it is cut.

    Tokens are estimated: those to a word of the first documents, times the words.

    Args:
        counting: None: in tokens of the embedded model.

    Raises:
        SelfspecError: a file is not what it should be; of a large source only the beginning is looked at.
    """
    corpus, result = pack.data(kind).corpus, Census()
    counting = counting or embedded_tokens()
    if corpus.prepared is not None:
        path = pack.corpus_path(kind)
        result.present = path.is_file()
        if result.present:
            texts = (document.text for document in read_corpus(path))
            result.lines.append(f"corpus: {_count(texts, counting)}")
        elif path.is_dir():
            raise no_corpus(pack, kind)
        else:
            result.lines.append(f"corpus: ABSENT, no file {path}")
        return result
    present, absent = present_sources(corpus, pack.data_root(kind))
    result.present = bool(present)
    result.lines += [f"corpus {source.name}: {_counted(source, files, counting)}" for source, files in present]
    result.lines += [line for source, files in present for line in _pages(source, files)]
    result.lines += [f"corpus {source.name}: ABSENT, {why}" for source, why in absent]
    return result


def _pages(source: Source, files: Sequence[SourceFile]) -> list[str]:
    """A warning where files of plain text are web pages: their tags, styles and scripts would be words."""
    if source.format != "txt":
        return []
    local = [file.local for file in files[:_LOOKED_AT] if file.local is not None]
    pages = [path for path in local if _has_markup(path)]
    if not pages:
        return []
    told = f"{len(pages)} of the first {len(local)} files hold markup of web pages, {pages[0].name} for one"
    return [f"warning: corpus {source.name}: {told}: its tags and scripts count as words; declare 'format: html'"]


def _has_markup(path: Path) -> bool:
    with opened(path) as file:
        return has_markup(file.head())


def has_corpus(pack: Pack, kind: DataKind) -> bool:
    """Whether the prepared corpus or any source is there; only names of files are looked at."""
    corpus = pack.data(kind).corpus
    if corpus.prepared is not None:
        return pack.corpus_path(kind).is_file()
    return bool(present_sources(corpus, pack.data_root(kind))[0])


def no_corpus(pack: Pack, kind: DataKind) -> SelfspecError:
    """What is said where neither the prepared corpus nor any source is there."""
    corpus = pack.data(kind).corpus
    if corpus.prepared is not None:
        path = pack.corpus_path(kind)
        if path.is_dir():
            return SelfspecError(path, "is a folder, a prepared corpus is one file", "name a file in it, or 'sources'")
        return SelfspecError(path, "the file does not exist", "add it, or correct its name in domain.yaml")
    _, absent = present_sources(corpus, pack.data_root(kind))
    lines = "; ".join(f"{source.name}: {why}" for source, why in absent)
    return SelfspecError(pack.folder / "domain.yaml", "none of the corpus's sources is present", lines)


def _count(texts: Iterable[str], counting: Counting) -> str:
    documents = words = 0
    first: list[str] = []
    for text in texts:
        documents += 1
        words += count_words(text)
        if len(first) < _TOKENIZED:
            first.append(text[:2000])
    return f"{documents} documents, {words} words, {_tokens(words, first, counting)}"


def _tokens(words: int, sample: Sequence[str], counting: Counting) -> str:
    each = counting.tokens(list(sample)) / max(sum(map(count_words, sample)), 1)
    return f"about {round(words * each)} tokens of {counting.whose}"


def _counted(source: Source, files: Sequence[SourceFile], counting: Counting) -> str:
    local = [file for file in files if file.local is not None or file.size()]
    total = sum(file.size() for file in local)
    waiting = len(files) - len(local)
    told = [f"{waiting} files of a hub, fetched when the corpus is made"] if waiting else []
    if total <= _QUICK:
        return "; ".join([*([_count(_texts(source, local), counting)] if local else []), *told])
    return "; ".join([_estimated(source, local, total, counting), *told])


def _texts(source: Source, files: Sequence[SourceFile]) -> Iterator[str]:
    """Of all documents; an id that comes twice is told here already, where a source is small."""
    seen: dict[str, str] = {}
    for file in files:
        path = file.fetched()
        for record in _records(source, file):
            place = f"{path}:{record.position}"
            if source.has_ids and seen.setdefault(record.id, place) != place:
                raise used_twice(record.id, place, seen[record.id])
            yield record.text


def _records(source: Source, file: SourceFile) -> Iterator[Record]:
    with opened(file.fetched(), file.name) as stream:
        yield from (record for record in records(source, stream) if record.selected and not record.deleted)


def _estimated(source: Source, files: Sequence[SourceFile], total: int, counting: Counting) -> str:
    """From the beginning of the first file, as if all the rest were like it."""
    path = files[0].fetched()
    with opened(path, files[0].name) as stream:
        first: list[str] = []
        sample = []
        for record in islice(records(source, stream), _SAMPLE):
            sample.append(count_words(record.text))
            first += [record.text[:2000]] if len(first) < _TOKENIZED else []
        if source.format == "parquet":
            bytes_read = path.stat().st_size * len(sample) / pq.ParquetFile(path).metadata.num_rows
        else:
            bytes_read = stream.position()
    times = total / max(bytes_read, 1)
    documents, words = round(len(sample) * times), round(sum(sample) * times)
    counted = f"about {documents} documents, {words} words, {_tokens(words, first, counting)}"
    return f"{counted}, in {len(files)} files of {total >> 20} MiB"


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
    first = islice(_records(present[0][0], present[0][1][0]), count)
    return [Document(record.id, record.title, record.text) for record in first]
