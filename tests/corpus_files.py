"""Small corpora that the tests of corpora build, and what it takes to build one without Dagster."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from selfspec_assets.packs.corpora import parts
from selfspec_assets.packs.corpora.build import Built, Workplace, build_corpus, present_sources
from selfspec_assets.packs.corpora.contract import Corpus
from selfspec_assets.packs.corpora.overlap import BenchmarkText
from selfspec_assets.warehouse import ChunkStore

VOCABULARY = [f"{a}{b}" for a in ("ba", "ko", "li", "mu", "ne", "ro", "su", "ta") for b in "abcdefghijklmnopqrstuvwxyz"]


def text(rng: random.Random, count: int = 40) -> str:
    """So many random words, in sentences of ten."""
    words = rng.choices(VOCABULARY, k=count)
    rows = [" ".join(words[at : at + 10]).capitalize() + "." for at in range(0, count, 10)]
    return " ".join(rows)


def texts(count: int, seed: int = 0, words: int = 40) -> list[str]:
    rng = random.Random(seed)
    return [text(rng, words) for _ in range(count)]


def write_jsonl(path: Path, found: list[str], first: int = 0) -> None:
    rows = ({"id": f"d{first + number}", "title": f"Title {number}", "text": one} for number, one in enumerate(found))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def source(**keys: Any) -> dict[str, Any]:
    """A source of JSON lines with ids and titles, but for the keys given."""
    found = {"name": "notes", "format": "jsonl", "files": ["notes.jsonl"], "id": "id", "title": "title"}
    return {key: value for key, value in {**found, **keys}.items() if value is not None}


def corpus(*sources: dict[str, Any], **keys: Any) -> Corpus:
    return Corpus.model_validate({"sources": list(sources), **keys})


def build(declared: Corpus, folder: Path, work: Path, items: dict[str, list[str]] | None = None) -> Built:
    present, _ = present_sources(declared, folder)
    place = Workplace(work, ChunkStore(work / "chunks"), lambda line: None, "corpus test")
    return build_corpus(declared, present, BenchmarkText((items or {}).items()), place)


def counts(built: Built, name: str = "notes") -> dict[str, int]:
    return {f"{row.unit}/{row.outcome}": row.count for row in built.counts if row.source == name}


def small_blocks(monkeypatch: pytest.MonkeyPatch, count: int = 7) -> None:
    monkeypatch.setattr(parts, "_BLOCK_PASSAGES", count)


def changed(original: str, count: int, rng: random.Random) -> str:
    """The text with so many words at its end replaced."""
    return " ".join([*original.split()[:-count], *(f"new{rng.random()}" for _ in range(count))])
