"""An index of many documents: how long it takes to build, the memory and disk that it takes, queries a second.

    python -m bench.retrieval_scale [--documents 1000000] [--vocabulary 200000] [--folder build/retrieval_scale]
    python -m bench.retrieval_scale --corpus data/corpus.jsonl.gz

Documents are synthetic (``ragged``) or a file of JSON lines; they lie in Parquet files as the step ``corpus`` writes
them. Building and searching are processes of their own, so that each has its own peak of memory; the memory that a
process has before it begins is told as well. The last lines reckon from these figures to 30 million documents. What is
built stays in the folder and is used again by ``--search``.
"""

import argparse
import json
import multiprocessing
import random
import resource
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from itertools import chain, count, islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from bench.ragged import QUERY_WORDS, queries, ragged
from selfspec_assets.base.files import remove
from selfspec_assets.method.retrieval.bm25 import Bm25Retriever
from selfspec_assets.packs.corpora.documents import Document, read_corpus
from selfspec_assets.packs.corpora.stored import GROUP_ROWS, SCHEMA, StoredDocuments

PUBMED = 30_000_000
FILE_GROUPS = 400


def stored(folder: Path, documents: Iterator[Document]) -> None:
    """Writes documents as the step ``corpus`` does."""
    folder.mkdir(parents=True)
    for number in count():
        part = islice(documents, FILE_GROUPS * GROUP_ROWS)
        if (first := next(part, None)) is None:
            return
        documents_of_file = chain((first,), part)
        with pq.ParquetWriter(folder / f"{number:05}.parquet", SCHEMA, compression="zstd") as writer:
            while rows := [asdict(document) for document in islice(documents_of_file, GROUP_ROWS)]:
                writer.write_table(pa.Table.from_pylist(rows, SCHEMA))


def build(folder: Path) -> dict[str, float]:
    """Builds the index of the corpus in ``folder``."""
    documents, before = StoredDocuments(folder / "documents"), peak_mb()
    start, worked = time.perf_counter(), time.process_time()
    remove(folder / "index")
    (folder / "index").mkdir()
    figures = Bm25Retriever(documents).save(folder / "index")
    took = {"seconds": time.perf_counter() - start, "of one core": time.process_time() - worked}
    return {**figures, **took, "peak MB": peak_mb(), "before MB": before}


def search(folder: Path, asked: list[str]) -> dict[str, float]:
    """Opens the index, asks for places and scores alone, then for the documents as well."""
    documents, before, start = StoredDocuments(folder / "documents"), peak_mb(), time.perf_counter()
    retriever = Bm25Retriever(documents)
    retriever.load(folder / "index")
    figures = {"opened in s": time.perf_counter() - start}
    for name, ask in (("first time", retriever.places), ("again", retriever.places), ("with texts", retriever.top)):
        start, worked = time.perf_counter(), time.process_time()
        for query in asked:
            ask(query, 5)
        figures[f"queries/s {name}"] = len(asked) / (time.perf_counter() - start)
        figures[f"ms of one core {name}"] = 1e3 * (time.process_time() - worked) / len(asked)
    return {**figures, "peak MB": peak_mb(), "before MB": before}


def peak_mb() -> float:
    """Of this process, mapped files counted as far as they were read."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def apart(work: Callable[..., dict[str, float]], *arguments: object) -> dict[str, float]:
    """The result of ``work`` in a new process."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(work, arguments)


def told(name: str, figures: dict[str, Any]) -> None:
    numbers = (f"{figure} {value:,.{0 if value >= 100 else 2}f}" for figure, value in figures.items())
    print(f"{name}: {', '.join(numbers)}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=1_000_000)
    parser.add_argument("--vocabulary", type=int, default=200_000)
    parser.add_argument("--queries", type=int, default=100)
    parser.add_argument("--corpus", type=Path)
    parser.add_argument("--folder", type=Path, default=Path("build/retrieval_scale"))
    parser.add_argument("--search", action="store_true")
    options = parser.parse_args()
    folder, facts = options.folder, options.folder / "built.json"
    if not options.search:
        remove(folder)
        if options.corpus is None:
            stored(folder / "documents", ragged(options.documents, options.vocabulary))
        else:
            stored(folder / "documents", islice(read_corpus(options.corpus), options.documents))
        built = apart(build, folder)
        built["index MB"] = sum(path.stat().st_size for path in (folder / "index").iterdir()) / 1e6
        built["corpus MB"] = sum(path.stat().st_size for path in (folder / "documents").iterdir()) / 1e6
        facts.write_text(json.dumps(built))
    built = json.loads(facts.read_text())
    told("built", built)
    if options.corpus is None:
        asked = queries(options.queries, options.vocabulary)
    else:
        documents, rng = StoredDocuments(folder / "documents"), random.Random(1)
        drawn = (documents[rng.randrange(len(documents))].text for _ in range(options.queries))
        asked = [" ".join(text.split()[:QUERY_WORDS]) for text in drawn]
    told("searched", apart(search, folder, asked))
    times = PUBMED / built["documents"]
    told(
        f"reckoned to {PUBMED / 1e6:.0f} million documents",
        {
            "index GB": built["index MB"] * times / 1e3,
            "corpus GB": built["corpus MB"] * times / 1e3,
            "hours of one core to build": built["of one core"] * times / 3600,
        },
    )


if __name__ == "__main__":
    main()
