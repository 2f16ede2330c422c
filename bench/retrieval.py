"""Top-5 retrieval against rank_bm25's own ``get_scores``, on the same documents and queries in the same run.

    python -m bench.retrieval [--quick] [--documents 100000] [--queries 20] [--repeats 5]

With SELFSPEC_DATA set the documents are real abstracts (biomedicine/corpus.jsonl.gz, 20,000), otherwise of ragged
length and Zipf's words. Both sides begin with the query's text. Hits and scores are checked equal before anything is
timed; one warm-up, then medians in turn. rank_bm25 is asked a few of the queries, as one takes it a second. bm25s, if
it is installed (``pip install 'selfspec[bench]'``), is for orientation: its scores are others. Peaks of memory are
those of processes of their own, without what the process had before.
"""

import argparse
import multiprocessing
import os
import random
import resource
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from rank_bm25 import BM25Okapi

from bench.ragged import QUERY_WORDS, queries, ragged
from bench.timing import compared, ratio_line
from selfspec_assets.base.words import search_terms
from selfspec_assets.method.retrieval.bm25 import Bm25Retriever
from selfspec_assets.packs.corpora.documents import Document, read_corpus

GOAL = 800
K = 5
VOCABULARY = 50_000
OPTIONS: dict[str, Any] = {"k1": 1.5, "b": 0.75, "idf": "okapi"}
Search = Callable[[str], list[tuple[int, float]]]


def load(count: int, asked: int) -> tuple[str, list[Document], list[str]]:
    """What the documents are, the documents, and queries."""
    if folder := os.environ.get("SELFSPEC_DATA"):
        path = Path(folder) / "biomedicine" / "corpus.jsonl.gz"
        documents, rng = list(islice(read_corpus(path), count)), random.Random(1)
        drawn = (rng.choice(documents).text.split()[:QUERY_WORDS] for _ in range(asked))
        return "real abstracts", documents, [" ".join(words) for words in drawn]
    return "synthetic", list(ragged(count, VOCABULARY)), queries(asked, VOCABULARY)


def terms_of(documents: list[Document]) -> list[list[str]]:
    return [search_terms(f"{document.title} {document.text}") for document in documents]


def by_rank_bm25(documents: list[Document]) -> Search:
    okapi = BM25Okapi(terms_of(documents))

    def search(query: str) -> list[tuple[int, float]]:
        scores = okapi.get_scores(search_terms(query))
        best = np.argsort(-scores, kind="stable")[:K]
        return [(int(place), float(scores[place])) for place in best if scores[place] > 0]

    return search


def by_selfspec(documents: list[Document]) -> Search:
    """Over an index on the disk, as the step ``passages`` has it."""
    with tempfile.TemporaryDirectory() as folder:  # what is mapped stays readable
        retriever = Bm25Retriever(documents, **OPTIONS)
        retriever.save(Path(folder))
        retriever.load(Path(folder))
    return lambda query: retriever.places(query, K)


def by_bm25s(documents: list[Document]) -> Search:
    import bm25s

    retriever = bm25s.BM25(method="atire", k1=OPTIONS["k1"], b=OPTIONS["b"])
    retriever.index(terms_of(documents), show_progress=False)

    def search(query: str) -> list[tuple[int, float]]:
        places, scores = retriever.retrieve([search_terms(query)], k=K, show_progress=False)
        return list(zip(places[0].tolist(), scores[0].tolist(), strict=True))

    return search


MAKERS = {"rank_bm25": by_rank_bm25, "selfspec": by_selfspec, "bm25s": by_bm25s}


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def built_apart(name: str, count: int, asked: int) -> tuple[float, float]:
    """Seconds to build, and how much the peak of memory rose, from documents in memory to the first answer."""
    _, documents, (query, *_) = load(count, asked)
    before, start = peak_mb(), time.perf_counter()
    search = MAKERS[name](documents)
    seconds = time.perf_counter() - start
    search(query)
    return seconds, peak_mb() - before


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="20,000 documents, one repeat")
    parser.add_argument("--documents", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=20)
    parser.add_argument("--peer-queries", type=int, default=3)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    count, repeats = (min(options.documents, 20_000), 1) if options.quick else (options.documents, options.repeats)
    names = [name for name in MAKERS if name != "bm25s" or find_spec("bm25s")]
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        built = {name: pool.apply(built_apart, (name, count, options.queries)) for name in names}
    kind, documents, asked = load(count, options.queries)
    searches = {name: MAKERS[name](documents) for name in names}
    few = asked[: options.peer_queries]
    if any(searches["rank_bm25"](query) != searches["selfspec"](query) for query in few):
        raise SystemExit("hits or scores differ from rank_bm25's")
    chosen = {name: few if name == "rank_bm25" else asked for name in names}

    def action(name: str) -> Callable[[], object]:
        return lambda: [searches[name](query) for query in chosen[name]]

    taken = compared({name: action(name) for name in names}, repeats)
    print(f"{len(documents)} documents ({kind}), queries of up to {QUERY_WORDS} words; hits and scores equal")
    print(f"{'':10}{'ms/query':>10}{'range':>20}{'queries/s':>12}{'built in s':>12}{'memory MB':>12}")
    for name, seconds in taken.items():
        least, median, most = (1e3 * s / len(chosen[name]) for s in (seconds.least, seconds.median, seconds.most))
        reach = f"{least:.2f} to {most:.2f}"
        print(f"{name:10}{median:>10.2f}{reach:>20}{1e3 / median:>12.1f}{built[name][0]:>12.1f}{built[name][1]:>12.0f}")
    ratio = taken["rank_bm25"].median / len(few) / (taken["selfspec"].median / len(asked))
    print(ratio_line("retrieval", ratio, GOAL))


if __name__ == "__main__":
    main()
