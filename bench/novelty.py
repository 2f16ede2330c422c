"""The novelty filter against rouge_score, on the same synthetic instructions in the same run.

    python bench/novelty.py [--sizes 1000 5000] [--queries 10] [--repeats 3]

A query asks which of N kept instructions is nearest above 0.7. Two peers, both over rouge_score: ``score`` on every
pair, and Alpaca's way (kept texts tokenised once, one LCS table per pair). All three answers are checked equal before
anything is timed; one warm-up, then medians. The last column is the whole filter: N texts asked and added one by one.
"""

import argparse
import random
from collections.abc import Callable

from rouge_score import rouge_scorer, tokenize

from bench.timing import median_seconds
from selfspec_assets.method.instructions.novelty import NoveltyIndex

THRESHOLD = 0.7
VERBS = ["list", "name", "explain", "classify", "identify", "summarise", "rewrite", "compare", "predict", "extract"]


def instructions(count: int, seed: int) -> list[str]:
    """About 8 to 30 words each, Zipf-like, every fourth a light edit of an earlier one."""
    rng = random.Random(seed)
    vocabulary = ["the", "of", "a", "in", "for", "and", "given", "following", *(f"term{i}" for i in range(4000))]
    weights = [1 / (rank + 2) for rank in range(len(vocabulary))]
    texts: list[list[str]] = []
    for number in range(count):
        if number % 4 == 3:
            words = list(rng.choice(texts))
            for _ in range(rng.randrange(1, 8)):
                words[rng.randrange(len(words))] = rng.choice(vocabulary)
        else:
            words = [rng.choice(VERBS), *rng.choices(vocabulary, weights, k=rng.randrange(7, 30))]
        texts.append(words)
    return [" ".join(words).capitalize() + "." for words in texts]


Nearest = Callable[[str], tuple[float, str] | None]


def median_query(nearest: Nearest, queries: list[str], repeats: int, times: int = 1) -> float:
    """Milliseconds a query; ``times`` passes are timed as one where a single one would be too short."""
    total = median_seconds(lambda: [nearest(query) for _ in range(times) for query in queries], repeats)
    return total / (times * len(queries)) * 1e3


def best_of(kept: list[str], scores: list[float]) -> tuple[float, str] | None:
    score = max(scores)
    return (score, kept[scores.index(score)]) if score > THRESHOLD else None


def by_pair(kept: list[str]) -> Nearest:
    scorer = rouge_scorer.RougeScorer(["rougeL"], use_stemmer=False)
    return lambda text: best_of(kept, [scorer.score(old, text)["rougeL"].fmeasure for old in kept])


def tokenised_once(kept: list[str]) -> Nearest:
    tokens = [tokenize.tokenize(text, None) for text in kept]

    def nearest(text: str) -> tuple[float, str] | None:
        new = tokenize.tokenize(text, None)
        return best_of(kept, [rouge_scorer._score_lcs(new, old).fmeasure for old in tokens])

    return nearest


def filtered(texts: list[str]) -> NoveltyIndex:
    index = NoveltyIndex(THRESHOLD)
    for text in texts:
        index.nearest(text)
        index.add(text)
    return index


def line(size: int, query_count: int, repeats: int) -> str:
    """One row of the table."""
    texts = instructions(size + query_count, seed=size)
    kept, queries = texts[:size], texts[size:]
    ours, peers = filtered(kept), (by_pair(kept), tokenised_once(kept))
    answers = [ours.nearest(query) for query in queries]
    if any([peer(query) for query in queries] != answers for peer in peers):
        raise SystemExit("decisions differ from rouge_score's")
    slow = [median_query(peer, queries, repeats) for peer in peers]
    fast = median_query(ours.nearest, queries, repeats, times=20)
    whole = median_seconds(lambda: filtered(kept), repeats)
    ratios = f"{slow[0] / fast:.0f}x {slow[1] / fast:.0f}x"
    blocked = f"{sum(answer is not None for answer in answers)}/{query_count}"
    return f"{size:>6}{slow[0]:>11.1f}{slow[1]:>11.1f}{fast:>9.3f}{ratios:>15}{blocked:>9}{whole:>10.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 5000])
    parser.add_argument("--queries", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    print(f"{'kept':>6}{'score ms':>11}{'Alpaca ms':>11}{'ours ms':>9}{'ratios':>15}{'blocked':>9}{'filter s':>10}")
    for size in options.sizes:
        print(line(size, options.queries, options.repeats))


if __name__ == "__main__":
    main()
