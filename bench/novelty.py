"""The novelty filter against rouge_score, on the same synthetic instructions in the same run.

    python -m bench.novelty [--quick] [--sizes 5000 20000] [--queries 10] [--repeats 3]

A query asks which of N kept instructions is nearest above 0.7. Two peers, both over rouge_score: ``score`` on every
pair, and Alpaca's way (kept texts tokenised once, one LCS table per pair). All answers are checked equal before
anything is timed; one warm-up, then medians of repeats taken in turn. Where there are more than 1,000 kept texts, the
peers are timed on 1,000 of them and their time is multiplied: every pair costs them the same, whatever N is. Their
answers are still asked for on all N, for the first queries. `filter s` is the whole filter: N texts asked and added.
"""

import argparse
import random
from collections.abc import Callable

from rouge_score import rouge_scorer, tokenize

from bench.timing import compared, median_seconds, ratio_line
from selfspec_assets.method.instructions.novelty import NoveltyIndex

GOALS = {5000: 1000.0}  # kept texts: how many times as fast as Alpaca's loop
THRESHOLD = 0.7
TIMED_ON = 1000  # kept texts that the peers are timed on
CHECKED = 3  # queries that the peers answer on all kept texts
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


def asked(nearest: Nearest, queries: list[str], times: int = 1) -> Callable[[], object]:
    return lambda: [nearest(query) for _ in range(times) for query in queries]


def check(kept: list[str], queries: list[str], ours: NoveltyIndex) -> None:
    """The peers' answers are ours: on all kept texts for some queries, on those that are timed for every query.

    Raises:
        SystemExit: they are not.
    """
    few = kept[:TIMED_ON]
    of_few = ours if len(few) == len(kept) else filtered(few)
    for texts, index, asking in ((kept, ours, queries[:CHECKED]), (few, of_few, queries)):
        answers = [index.nearest(query) for query in asking]
        if any([peer(query) for query in asking] != answers for peer in (by_pair(texts), tokenised_once(texts))):
            raise SystemExit("decisions differ from rouge_score's")


def measure(size: int, query_count: int, repeats: int) -> tuple[str, float]:
    """One row of the table, and how many times as fast as Alpaca's loop the filter is."""
    texts = instructions(size + query_count, seed=size)
    kept, queries = texts[:size], texts[size:]
    ours = filtered(kept)
    check(kept, queries, ours)
    few, times = kept[:TIMED_ON], 20
    sides = {
        "score": asked(by_pair(few), queries),
        "alpaca": asked(tokenised_once(few), queries),
        "ours": asked(ours.nearest, queries, times),
    }
    taken = {side: seconds.median / query_count * 1e3 for side, seconds in compared(sides, repeats).items()}
    score, alpaca = (taken[side] * size / len(few) for side in ("score", "alpaca"))
    own = taken["ours"] / times
    whole = median_seconds(lambda: filtered(kept), 1)
    blocked = f"{sum(ours.nearest(query) is not None for query in queries)}/{query_count}"
    ratios = f"{score / own:.0f}x {alpaca / own:.0f}x"
    row = f"{size:>6}{score:>11.1f}{alpaca:>11.1f}{own:>9.3f}{ratios:>17}{blocked:>9}{whole:>10.2f}"
    return row, alpaca / own


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="5,000 kept texts alone, once")
    parser.add_argument("--sizes", type=int, nargs="+")
    parser.add_argument("--queries", type=int, default=10)
    parser.add_argument("--repeats", type=int)
    options = parser.parse_args()
    sizes, repeats = ([5000], 1) if options.quick else ([5000, 20_000], 3)
    print(f"{'kept':>6}{'score ms':>11}{'Alpaca ms':>11}{'ours ms':>9}{'ratios':>17}{'blocked':>9}{'filter s':>10}")
    lines = []
    for size in options.sizes or sizes:
        row, ratio = measure(size, options.queries, options.repeats or repeats)
        print(row, flush=True)
        if size in GOALS:
            lines.append(ratio_line(f"novelty {size}", ratio, GOALS[size]))
    print(*lines, sep="\n")


if __name__ == "__main__":
    main()
