"""An inverted index written from a stream of documents in blocks that are merged: memory holds no text.

The way of Lucene and of every book on it (Manning, Raghavan, Schütze 2008, §4.2–4.3): postings of some millions of
words are sorted and put on the disk, then every word's postings are collected from the blocks, which are in the order
of the documents. What stays in memory is one block, each document's length (4 bytes) and the words of the vocabulary.
"""

import json
import tempfile
from array import array
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from selfspec_assets.method.retrieval.inverted_index import ARRAYS, COMMON, FACTS, TERMS, VERSION, term_hash

BLOCK_WORDS = 4_000_000  # about 150 MB while a block is sorted
MERGED_POSTINGS = 4_000_000  # at a time; a word of more documents than that is merged alone
COMMON_SHARE = 0.5  # of the documents: words that more of them hold have rows of their own
SHORT_CODES = 1 << 16  # pairs of a length and a count that two bytes can number
_COUNT_BITS = 32
Ints = NDArray[np.integer[Any]]


class IndexBuilder:
    """Writes the parts of an index that do not depend on what a word weighs.

    Args:
        folder: empty; gets the index.
        block_words: words that are sorted at a time.
    """

    def __init__(self, folder: Path, block_words: int = BLOCK_WORDS) -> None:
        self._folder, self._block_words = folder, block_words
        self._ids: dict[str, int] = {}  # word → its number, in the order in which words are first seen
        self.lengths = array("i")  # words of each document
        self.holding: Ints = np.zeros(0, np.int64)  # documents, by word
        self._pairs: set[int] = set()  # every (length of a document, count of a word in it), as one number

    def add_all(self, documents: Iterable[list[str]]) -> None:
        """Indexes the words of each document and writes postings, without the shares of ``write_weights``.

        Raises:
            ValueError: no document holds a single word, so there is nothing to find.
        """
        with tempfile.TemporaryDirectory(dir=self._folder, prefix=".blocks") as work:
            blocks = [_Block.write(Path(work) / str(n), *block) for n, block in enumerate(self._blocks(documents))]
            if not self._ids:
                raise ValueError("no document of the corpus holds a word")
            self._merge(blocks)
        self._write_vocabulary()

    def _blocks(self, documents: Iterable[list[str]]) -> Iterator[tuple[Ints, Ints, Ints]]:
        """Sorted postings of the next documents: words, documents, and how often the word stands in each."""
        ids, words, first = self._ids, array("i"), 0
        for document in documents:
            words.extend([ids.setdefault(word, len(ids)) for word in document])
            self.lengths.append(len(document))
            if len(words) >= self._block_words:
                yield self._postings(words, first)
                words, first = array("i"), len(self.lengths)
        if words:
            yield self._postings(words, first)

    def _postings(self, words: "array[int]", first: int) -> tuple[Ints, Ints, Ints]:
        lengths = np.frombuffer(self.lengths, np.int32)[first:].copy()  # a view would keep the array from growing
        owners = np.repeat(np.arange(first, first + len(lengths), dtype=np.int64), lengths)
        keys = np.frombuffer(words, np.int32).astype(np.int64) << 32
        keys |= owners
        keys.sort()
        starts = np.flatnonzero(np.concatenate(([True], keys[1:] != keys[:-1])))
        counts = np.diff(starts, append=len(keys)).astype(np.int32)
        keys = keys[starts]
        term, owner = (keys >> 32).astype(np.int32), keys.astype(np.int32)
        holding = np.bincount(term, minlength=len(self._ids))
        holding[: len(self.holding)] += self.holding
        self.holding = holding
        self._pairs.update(np.unique(_pair(lengths[owner - first], counts)).tolist())
        return term, owner, counts

    def _merge(self, blocks: list["_Block"]) -> None:
        """Every word's postings out of all blocks, in the order of words and documents."""
        starts = np.concatenate(([0], np.cumsum(self.holding)))
        pairs = np.array(sorted(self._pairs), np.int64)
        code_type = np.uint16 if len(pairs) <= SHORT_CODES else np.uint32
        lengths = np.frombuffer(self.lengths, np.int32)
        total = int(starts[-1])
        with (
            _ArrayFile(self._path("owners"), np.int32, total) as owner_file,
            _ArrayFile(self._path("codes"), code_type, total) as code_file,
        ):
            term = 0
            while term < len(self.holding):
                end = max(int(np.searchsorted(starts, starts[term] + MERGED_POSTINGS, "right")) - 1, term + 1)
                owners, codes = np.empty((2, starts[end] - starts[term]), np.int32)
                places = starts[term:end] - starts[term]  # where each word's next posting goes
                for block in blocks:
                    of_word, owner, count = block.up_to(end)
                    of_word -= term
                    held = np.bincount(of_word, minlength=end - term)
                    ends = np.cumsum(held)
                    goal = np.repeat(places - ends + held, held) + np.arange(len(of_word))
                    owners[goal] = owner
                    codes[goal] = np.searchsorted(pairs, _pair(lengths[owner], count))
                    places += held
                owner_file.append(owners)
                code_file.append(codes.astype(code_type))
                term = end
        self._save("starts", starts)
        self._pair_lengths, self._pair_counts = pairs >> _COUNT_BITS, pairs & ((1 << _COUNT_BITS) - 1)

    def write_weights(self, impacts: NDArray[np.float64], weights: NDArray[np.float64]) -> None:
        """What a posting of each code, and what each word weighs; and each word's largest share of a score.

        Args:
            impacts: shape (codes,); see ``pairs``.
            weights: shape (words,); a word's share of a score is its weight times the posting's impact.
        """
        starts, codes = (np.load(self._path(name), mmap_mode="r") for name in ("starts", "codes"))
        bounds = np.empty(len(weights))
        term = 0
        while term < len(weights):
            end = max(int(np.searchsorted(starts, starts[term] + MERGED_POSTINGS, "right")) - 1, term + 1)
            piece = impacts[codes[starts[term] : starts[end]]]
            bounds[term:end] = np.maximum.reduceat(piece, starts[term:end] - starts[term]) * weights[term:end]
            term = end
        for name, values in (("impacts", impacts), ("weights", weights), ("bounds", bounds)):
            self._save(name, values)
        self._write_common(impacts, weights)

    def _write_common(self, impacts: NDArray[np.float64], weights: NDArray[np.float64]) -> None:
        """A row of all documents for each word that many hold: added whole it takes a twentieth of the time."""
        starts, owners, codes = (np.load(self._path(name), mmap_mode="r") for name in ("starts", "owners", "codes"))
        documents = len(self.lengths)
        common = np.flatnonzero(self.holding > COMMON_SHARE * documents).astype(np.int32)
        self._save("common", common)
        with _ArrayFile(self._path("common_shares"), np.float32, len(common), documents) as rows:
            for term in common:
                part = slice(starts[term], starts[term + 1])
                row = np.zeros(documents, np.float32)
                row[owners[part]] = weights[term] * impacts[codes[part]]
                rows.append(row)

    @property
    def pairs(self) -> tuple[Ints, Ints]:
        """Of each code: how long the document is, and how often the word stands in it."""
        return self._pair_lengths, self._pair_counts

    def finish(self) -> dict[str, int]:
        """Writes the index's facts, by which it is complete; gives them."""
        figures = {
            "documents": len(self.lengths),
            "terms": len(self._ids),
            "postings": int(self.holding.sum()),
        }
        self._folder.joinpath(FACTS).write_text(json.dumps({"version": VERSION, **figures}) + "\n")
        return figures

    def _write_vocabulary(self) -> None:
        encoded = [word.encode() for word in self._ids]
        hashes = np.fromiter(map(term_hash, encoded), np.uint64, len(encoded))
        order = np.argsort(hashes, kind="stable")
        self._save("hashes", hashes[order])
        self._save("hashed_terms", order.astype(np.int32))
        self._save("term_ends", np.cumsum([0, *map(len, encoded)]))
        self._folder.joinpath(TERMS).write_bytes(b"".join(encoded))

    def _path(self, name: str) -> Path:
        assert name in (*ARRAYS, *COMMON)
        return self._folder / f"{name}.npy"

    def _save(self, name: str, values: NDArray[Any]) -> None:
        np.save(self._path(name), values)


def _pair(lengths: Ints, counts: Ints) -> Ints:
    return (lengths.astype(np.int64) << _COUNT_BITS) | counts


class _Block:
    """Postings of some documents on the disk, sorted by word and document, and read once from the front."""

    def __init__(self, path: Path, size: int) -> None:
        self._path, self._size, self._read = path, size, 0

    @classmethod
    def write(cls, path: Path, terms: Ints, owners: Ints, counts: Ints) -> "_Block":
        with path.open("wb") as stream:
            for values in (terms, owners, counts):
                values.tofile(stream)
        return cls(path, len(terms))

    def up_to(self, term: int) -> tuple[Ints, Ints, Ints]:
        """Words, documents and counts of the next postings whose words are below ``term``."""
        terms = np.memmap(self._path, np.int32, "r", shape=(self._size,))
        start, end = self._read, int(np.searchsorted(terms, term))
        self._read = end
        del terms
        return tuple(  # type: ignore[return-value]
            np.fromfile(self._path, np.int32, end - start, offset=4 * (part * self._size + start)) for part in range(3)
        )


class _ArrayFile:
    """An array written piece by piece, as ``np.save`` would write it whole."""

    def __init__(self, path: Path, dtype: type[Any], *shape: int) -> None:
        self._stream = path.open("wb")
        header = {"descr": np.dtype(dtype).str, "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(self._stream, header)

    def append(self, values: NDArray[Any]) -> None:
        values.tofile(self._stream)

    def __enter__(self) -> "_ArrayFile":
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()
