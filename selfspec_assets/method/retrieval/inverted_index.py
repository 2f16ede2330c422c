"""An inverted index as a folder of arrays that are mapped into memory, so that processes share what they read."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from selfspec_assets.base.errors import SelfspecError

VERSION = 1  # of the folder's form; the step ``index`` raises its own with it
FACTS = "index.json"
TERMS = "terms.bin"
ARRAYS = ("starts", "owners", "codes", "impacts", "weights", "bounds", "hashes", "hashed_terms", "term_ends")
COMMON = ("common", "common_shares")
_REMEDY = "delete the revision that holds it and run again; only the index is made anew"


def term_hash(encoded: bytes) -> int:
    """64 bits of a word's UTF-8, the same in every process."""
    return int.from_bytes(hashlib.blake2b(encoded, digest_size=8).digest(), "little")


class InvertedIndex:
    """Which documents hold a word, and each one's share of a score.

    =============  ============  ==================================================================================
    ``starts``     (terms + 1,)  where each word's postings begin; words are numbered as the corpus first has them
    ``owners``     (postings,)   the document, ascending within a word
    ``codes``      (postings,)   its length and the word's count in it, as a number: 2 bytes, 4 beyond 65,536 pairs
    ``impacts``    (codes,)      what such a posting weighs, float64
    ``weights``    (terms,)      the word's idf; its share of the score is ``weights[term] * impacts[code]``
    ``bounds``     (terms,)      the largest share that the word has in any document
    ``common``     (few,)        words that more than half of the documents hold; ``common_shares``, (few, documents),
                                 has their shares of all documents once more, as float32, for the first look
    ``hashes``     (terms,)      64-bit hashes of the words, ascending; ``hashed_terms`` has their numbers
    ``term_ends``  (terms + 1,)  where each word's UTF-8 ends in ``terms.bin``
    =============  ============  ==================================================================================

    Args:
        folder: as ``IndexBuilder`` wrote it.
        mapped: leave the arrays on the disk, so that only what is read is in memory; else read them.

    Raises:
        SelfspecError: a file is absent, cut short or of another form.
    """

    def __init__(self, folder: Path, mapped: bool = True) -> None:
        facts = _facts(folder / FACTS)
        self.documents, self.terms, self.postings = (facts[name] for name in ("documents", "terms", "postings"))
        shapes = dict.fromkeys(("weights", "bounds", "hashes", "hashed_terms"), (self.terms,))
        shapes |= dict.fromkeys(("starts", "term_ends"), (self.terms + 1,))
        shapes |= dict.fromkeys(("owners", "codes"), (self.postings,))
        arrays = {name: _array(folder / f"{name}.npy", mapped, shapes.get(name)) for name in ARRAYS}
        self.owners, self.codes = arrays["owners"], arrays["codes"]
        # Looked into at every word or posting: small beside the postings, and faster in memory.
        self.starts, self.impacts = np.array(arrays["starts"]), np.array(arrays["impacts"])
        self.impacts_as_float32 = self.impacts.astype(np.float32)
        self.weights, self.bounds = arrays["weights"], arrays["bounds"]
        common = _array(folder / "common.npy", mapped=False, shape=None)
        rows = _array(folder / "common_shares.npy", mapped, (len(common), self.documents))
        self.common = dict(zip(common.tolist(), rows, strict=True))  # word → its share of each document's score
        self._hashes, self._hashed_terms, self._ends = (
            arrays[name] for name in ("hashes", "hashed_terms", "term_ends")
        )
        self._words = _bytes(folder / TERMS, mapped, int(self._ends[-1]))
        self._known: dict[str, int | None] = {}  # words that were asked for

    def term(self, word: str) -> int | None:
        """The word's number; None where no document holds it."""
        if word not in self._known:
            self._known[word] = self._look_up(word.encode())
        return self._known[word]

    def _look_up(self, encoded: bytes) -> int | None:
        wanted = np.uint64(term_hash(encoded))
        place = int(self._hashes.searchsorted(wanted))
        while place < self.terms and self._hashes[place] == wanted:  # two words may have one hash
            term = int(self._hashed_terms[place])
            if self._words[self._ends[term] : self._ends[term + 1]].tobytes() == encoded:
                return term
            place += 1
        return None


def _facts(path: Path) -> dict[str, int]:
    try:
        facts = json.loads(path.read_bytes())
        if facts["version"] != VERSION:
            reason = f"is an index of form {facts['version']}, and this version of selfspec reads form {VERSION}"
            raise SelfspecError(path, reason, _REMEDY)
        return {name: int(facts[name]) for name in ("documents", "terms", "postings")}
    except FileNotFoundError:
        raise SelfspecError(path, "is missing: the index is not complete", _REMEDY) from None
    except (ValueError, KeyError, TypeError) as error:
        raise SelfspecError(path, f"is damaged: {error!r}", _REMEDY) from error


def _array(path: Path, mapped: bool, shape: tuple[int, ...] | None) -> NDArray[Any]:
    """Raises SelfspecError: see the class."""
    try:
        array = np.load(path, mmap_mode="r" if mapped else None, allow_pickle=False)
    except FileNotFoundError:
        raise SelfspecError(path, "is missing: the index is not complete", _REMEDY) from None
    except (ValueError, OSError, EOFError) as error:
        raise SelfspecError(path, f"is damaged: {error}", _REMEDY) from error
    if shape is not None and array.shape != shape:
        raise SelfspecError(path, f"is damaged: it has the shape {array.shape}, not {shape}", _REMEDY)
    return np.asarray(array)  # a slice of np.memmap costs ten times as much as one of a plain view


def _bytes(path: Path, mapped: bool, size: int) -> NDArray[np.uint8]:
    there = path.stat().st_size if path.is_file() else -1
    if there != size:
        reason = "is missing: the index is not complete" if there < 0 else f"is damaged: {there} bytes, not {size}"
        raise SelfspecError(path, reason, _REMEDY)
    return np.asarray(np.memmap(path, np.uint8, "r")) if mapped else np.fromfile(path, np.uint8)
