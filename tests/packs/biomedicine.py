"""The biomedicine pack's benchmarks, as its tests read them."""

import re
from pathlib import Path

from selfspec_assets.packs.contract import Benchmark
from selfspec_assets.packs.pack import Pack
from selfspec_assets.packs.records import Item
from tests.published_data import published_file

BENCHMARKS = [
    "bioasq_factoid",
    "bioasq_list",
    "bioasq_yesno",
    "pubmedqa_long",
    "anatem",
    "bionlp13cg",
    "ncbi_disease",
    "ddi",
    "medical_drugs",
    "hoc",
]
MENTION = re.compile(r"(\S.*?) <([A-Za-z_-]+)>(?:, |$)")


def native(relative: str) -> Path:
    return published_file(f"biomedicine/{relative}")


def benchmark(pack: Pack, name: str) -> Benchmark:
    return next(one for one in pack.data("published").benchmarks if one.name == name)


def read(pack: Pack, name: str, path: Path) -> list[Item]:
    return list(pack.reader(benchmark(pack, name))(path))


def labels(text: str) -> list[str]:
    return [line.partition(":")[0] for line in text.split("\n") if ": " in line]


def written(folder: Path, content: str | bytes, name: str = "file") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path
