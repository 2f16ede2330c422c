"""Parts of a corpus without the reading: what finding duplicates and writing are given, of any size in little time."""

import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from selfspec_assets.packs.corpora import build, duplicates
from selfspec_assets.packs.corpora.parts import PART_SCHEMA

PART = 500  # passages


def write_parts(folder: Path, count: int, together: int = 0) -> list[Path]:
    """Files of ``count`` passages whose keys meet in no band, but for every ``together``-th and the one before it."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(count)
    texts = [" ".join(row) for row in rng.integers(0, 50_000, (PART, 48)).astype(str)]
    paths = []
    for first in range(0, count, PART):
        numbers = np.arange(first, first + PART)
        keys = {name: rng.integers(-(2**62), 2**62, PART) for name in ("exact", *duplicates.BAND_COLUMNS)}
        if together:
            later = np.flatnonzero(numbers % together == 1)
            keys["b00"][later] = keys["b00"][later - 1]
        columns = {
            **dict.fromkeys(("ordinal", "position", "record"), numbers),
            "source": ["notes"] * PART,
            "file": ["notes.jsonl"] * PART,
            "title": [""] * PART,
            "record_id": [str(number) for number in numbers],
            "id": [f"notes:{number}" for number in numbers],
            "text": texts,
            "words": np.full(PART, 48),
            **keys,
        }
        paths.append(folder / f"{first:08d}.parquet")
        pq.write_table(pa.table(columns, schema=PART_SCHEMA), paths[-1], compression="zstd")
    return paths


def second_half(paths: list[Path], folder: Path) -> int:
    """Duplicates found and the rest written; how many passages were kept."""
    gone = folder / "gone.parquet"
    duplicates.find_duplicates(paths, duplicates.Repeats([], ["notes"], []), folder, gone, {})
    built = build.Built(folder / "documents")
    built.folder.mkdir()
    build._write(paths, gone, built, build._Ledger(["notes"], []))
    return built.passages["notes"]


def main(folder: Path, count: int, memory: str) -> None:
    """Prints the passages kept and the peak of the process in MiB."""
    import resource

    duplicates.MEMORY = memory
    kept = second_half(write_parts(folder / "parts", count), folder)
    print(kept, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
