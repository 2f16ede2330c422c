"""MinHash: texts that share most of their runs of five words, found without comparing every pair.

The Jaccard similarity of two texts is the share of their runs of words that both have. The least of a random numbering
of the runs is the same for both with just that chance (Broder 1997), so 14 bands of 8 such least numbers each bring
two texts of similarity s together with chance 1 − (1 − s⁸)¹⁴: 0.77 at s = 0.75, 0.92 at 0.8, 0.99 at 0.85, 0.05 at
0.5. Bands and rows are FineWeb's (Penedo et al. 2024). Whether a pair that met is near is then computed, not guessed.
"""

import numpy as np
from numpy.typing import NDArray

from selfspec_assets.packs.corpora.ngrams import Hashes, mixed, ngram_hashes

BANDS, ROWS, SHINGLE = 14, 8, 5
NEAR = 0.8  # Jaccard similarity from which on a passage is a near-duplicate (Lee et al. 2022)

_COUNT = BANDS * ROWS
_FACTORS = mixed(np.arange(1, _COUNT + 1, dtype=np.uint64)) | np.uint64(1)
_OFFSETS = mixed(np.arange(_COUNT + 1, 2 * _COUNT + 1, dtype=np.uint64))
_PLACES = mixed(np.arange(2 * _COUNT + 1, 3 * _COUNT + 1, dtype=np.uint64)) | np.uint64(1)


def shingles(hashes: Hashes) -> Hashes:
    """The set of runs of five words, sorted; a shorter text is one run of all its words."""
    return np.unique(ngram_hashes(hashes, min(SHINGLE, len(hashes))))


def band_keys(runs: Hashes) -> NDArray[np.int64]:
    """The keys of a text's bands, shape (14,); two texts meet where one of them is equal.

    Raises:
        ValueError: there is no run, that is, no word.
    """
    least = (runs[None, :] * _FACTORS[:, None] + _OFFSETS[:, None]).min(axis=1)
    keys: Hashes = mixed((mixed(least) * _PLACES).reshape(BANDS, ROWS).sum(axis=1, dtype=np.uint64))
    return keys.view(np.int64)


def jaccard(left: Hashes, right: Hashes) -> float:
    """Shared runs over all runs, of two sets as ``shingles`` gives them."""
    shared = len(np.intersect1d(left, right, assume_unique=True))
    return shared / (len(left) + len(right) - shared)
