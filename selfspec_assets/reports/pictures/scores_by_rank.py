"""How fast the retriever's scores fall from rank to rank (Section 3.2's k passages, and their p_ret)."""

from collections import defaultdict

from selfspec_assets.reports.pictures.canvas import COLOURS, GREY, Drawing, Rows, figure, whole_numbers

_LINES = 200  # queries drawn one by one


def scores_by_rank(rows: Rows) -> Drawing | None:
    """Retrieval score by rank: each query a thin line, the mean a thick one, and the middle half as a band.

    Args:
        rows: of ``passages``: instruction_id, rank, score.
    """
    by_rank: dict[int, list[float]] = defaultdict(list)
    by_query: dict[int, dict[int, float]] = defaultdict(dict)
    for row in rows:
        by_rank[row["rank"]].append(row["score"])
        by_query[row["instruction_id"]][row["rank"]] = row["score"]
    if not by_rank:
        return None
    import numpy as np

    ranks = sorted(by_rank)
    means = [float(np.mean(by_rank[rank])) for rank in ranks]
    low, high = (np.array([np.quantile(by_rank[rank], q) for rank in ranks]) for q in (0.25, 0.75))
    fig = figure(3.4)
    axes = fig.add_subplot()
    for number, query in enumerate(list(by_query.values())[:_LINES]):
        line = sorted(query.items())
        label = "a query" if number == 0 else None
        axes.plot(
            *zip(*line, strict=True), color=GREY, linewidth=0.7, alpha=0.5 if len(by_query) <= 60 else 0.2, label=label
        )
    axes.errorbar(
        ranks,
        means,
        yerr=[np.maximum(means - low, 0), np.maximum(high - means, 0)],
        color=COLOURS[0],
        linewidth=2.2,
        elinewidth=5,
        marker="o",
        label="mean; bar: the middle half of the queries",
    )
    axes.set(xlabel="rank", ylabel="score", ylim=(min(0, min(map(min, by_rank.values()))), None))
    axes.set_xlim(ranks[0] - 0.3, ranks[-1] + 0.3)
    whole_numbers(axes)
    axes.grid(axis="y")
    fig.legend(loc="outside lower left", ncols=2, fontsize=9)
    told = ", ".join(f"rank {rank} {mean:.1f}" for rank, mean in zip(ranks, means, strict=True))
    alt = f"Lines: mean retrieval score of {len(by_query)} queries by rank: {told}."
    return Drawing("scores_by_rank", "Retrieval score by rank", alt, fig)
