"""Top-5 retrieval against rank_bm25's own ``get_scores``, on the same documents and queries in the same run.

    python bench/retrieval.py [--documents 20000] [--queries 20] [--repeats 5]

With SELFSPEC_DATA set the documents are real abstracts (biomedicine/corpus.jsonl.gz), otherwise synthetic. Hits and
scores are checked equal before anything is timed; one warm-up, then medians.
"""

import argparse
import os
import random
import resource
import time
from itertools import islice
from pathlib import Path

import numpy as np
from rank_bm25 import BM25Okapi

from bench.timing import median_seconds
from selfspec_assets.base.words import search_terms
from selfspec_assets.method.retrieval.bm25 import Bm25Retriever
from selfspec_assets.packs.corpora.documents import Document, read_corpus


def load(count: int) -> tuple[str, list[Document]]:
    if folder := os.environ.get("SELFSPEC_DATA"):
        path = Path(folder) / "biomedicine" / "corpus.jsonl.gz"
        return "real abstracts", list(islice(read_corpus(path), count))
    rng = random.Random(0)
    vocabulary = [f"word{i}" for i in range(50_000)]
    weights = [1 / (rank + 1) for rank in range(len(vocabulary))]
    texts = (" ".join(rng.choices(vocabulary, weights, k=rng.randrange(20, 300))) for _ in range(count))
    return "synthetic", [Document(str(i), "", text) for i, text in enumerate(texts)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=20_000)
    parser.add_argument("--queries", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    kind, documents = load(options.documents)
    start = time.perf_counter()
    retriever = Bm25Retriever(documents, idf="okapi")
    built = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    okapi = BM25Okapi([search_terms(f"{d.title} {d.text}") for d in documents])
    rng = random.Random(1)
    queries = [" ".join(search_terms(rng.choice(documents).text)[:40]) for _ in range(options.queries)]

    def peer(query: str) -> list[tuple[str, float]]:
        scores = okapi.get_scores(search_terms(query))
        best = np.argsort(-scores, kind="stable")[:5]
        return [(documents[i].id, float(scores[i])) for i in best if scores[i] > 0]

    def ours(query: str) -> list[tuple[str, float]]:
        return [(hit.document.id, hit.score) for hit in retriever.top(query, 5)]

    assert all(peer(q) == ours(q) for q in queries), "hits or scores differ from rank_bm25's"
    theirs_s = median_seconds(lambda: [peer(q) for q in queries], options.repeats) / len(queries)
    ours_s = median_seconds(lambda: [ours(q) for q in queries], options.repeats) / len(queries)
    print(f"{len(documents)} documents ({kind}), {len(queries)} queries of up to 40 words; hits and scores equal")
    print(f"index built in {built:.1f} s, peak memory so far {peak:.0f} MB")
    print(f"{'':10}{'ms/query':>10}{'queries/s':>12}")
    for name, seconds in (("rank_bm25", theirs_s), ("selfspec", ours_s)):
        print(f"{name:10}{seconds * 1e3:>10.2f}{1 / seconds:>12.1f}")
    print(f"ratio {theirs_s / ours_s:.0f}x")


if __name__ == "__main__":
    main()
