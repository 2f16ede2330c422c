"""Small vectors of a text: counts of its letter trigrams, hashed into a few dimensions, of length one."""

from zlib import crc32

import numpy as np
from numpy.typing import NDArray


def embed(text: str, dimensions: int) -> NDArray[np.float64]:
    """Shape (dimensions,); zero for a text without letters."""
    vector = np.zeros(dimensions)
    padded = f"  {text.lower()}  "
    for place in range(len(padded) - 2):
        vector[crc32(padded[place : place + 3].encode()) % dimensions] += 1
    length = float(np.linalg.norm(vector))
    return vector / length if length else vector
