"""Which passage each token of an answer came from: Eq. 2's posterior over the passages, as a heat map."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from selfspec_assets.reports.pictures.canvas import Drawing, Rows, bare, cut, figure

ANSWERS = 3  # drawn at most, and fewer where the passages are many
_ROWS = 16
_TOKENS = 32  # of each
_PASSAGES = 10  # rows of each


def token_sources(answers: Rows, tokens: Rows, passages: Rows) -> Drawing | None:
    """A heat map for each of a few answers: passages by tokens, the posterior as colour.

    Drawn are the kept answers (if none is: any) whose tokens lean most towards one passage: even shares show
    nothing.

    Args:
        answers: of ``responses``: instruction_id, instruction, verdict.
        tokens: of ``response_tokens``: instruction_id, position, token, posterior.
        passages: of ``passages``: instruction_id, rank, title.
    """
    by_answer: dict[int, list[Mapping[str, Any]]] = defaultdict(list)
    for row in tokens:
        if len(row["posterior"]) > 1:
            by_answer[row["instruction_id"]].append(row)
    kept = [row for row in answers if row["verdict"] == "kept" and row["instruction_id"] in by_answer]
    found = kept or [row for row in answers if row["instruction_id"] in by_answer]
    chosen = sorted(found, key=lambda row: (-_lean(by_answer[row["instruction_id"]]), row["instruction_id"]))[:ANSWERS]
    rows = [min(len(by_answer[row["instruction_id"]][0]["posterior"]), _PASSAGES) for row in chosen]
    chosen = [row for number, row in enumerate(chosen) if number == 0 or sum(rows[: number + 1]) <= _ROWS]
    if not chosen:
        return None
    titles: dict[int, dict[int, str]] = defaultdict(dict)
    for row in passages:
        titles[row["instruction_id"]][row["rank"]] = row["title"]
    return _drawn(chosen, by_answer, titles)


def _lean(tokens: Rows) -> float:
    """How far the mean token's likeliest passage stands above an even share, for answers of at least three tokens."""
    above = [max(row["posterior"]) - 1 / len(row["posterior"]) for row in tokens]
    return sum(above) / len(above) if len(above) >= 3 else 0.0


def _drawn(
    chosen: Rows, by_answer: Mapping[int, Sequence[Mapping[str, Any]]], titles: Mapping[int, Mapping[int, str]]
) -> Drawing:
    shown = {row["instruction_id"]: sorted(by_answer[row["instruction_id"]], key=_position)[:_TOKENS] for row in chosen}
    most = {key: min(max(len(row["posterior"]) for row in rows), _PASSAGES) for key, rows in shown.items()}
    fig = figure(0.5 + sum(1.15 + 0.28 * count for count in most.values()))
    grid = fig.subplots(len(chosen), 1, height_ratios=[count + 2.2 for count in most.values()], squeeze=False)
    image, told = None, []
    for answer, (axes,) in zip(chosen, grid, strict=True):
        key = answer["instruction_id"]
        rows, count = shown[key], most[key]
        values = [[row["posterior"][p] if p < len(row["posterior"]) else 0.0 for row in rows] for p in range(count)]
        # The same width for every token, whatever the answer's length, so that the labels have the same room.
        padded = [[*line, *[float("nan")] * (_width(shown) - len(line))] for line in values]
        image = axes.imshow(padded, vmin=0, vmax=1, cmap="viridis", aspect="auto", interpolation="nearest")
        names = [_name(titles[key], rank) for rank in range(count)]
        axes.set_yticks(range(count), names, fontsize=9)
        axes.set_xticks(range(len(rows)), [cut(row["token"], 12) or "␣" for row in rows], rotation=60, fontsize=8)
        for label in axes.get_xticklabels():
            label.set(ha="right", rotation_mode="anchor")
        axes.set_title(f"task {key}: {cut(answer['instruction'], 64)}", fontsize=9)
        bare(axes, "left", "bottom")
        shares = [sum(line) / len(line) for line in values]
        told.append(f"task {key}: " + ", ".join(f"{n} {s:.0%}" for n, s in zip(names, shares, strict=True)))
    assert image is not None
    fig.colorbar(image, ax=grid[:, 0].tolist(), label="share of the passage (Eq. 2)", aspect=30, pad=0.02)
    alt = f"Heat map of {len(chosen)} answers, tokens by passages; mean share of each passage: {'; '.join(told)}."
    return Drawing(
        "token_sources", "Which passage each token came from, in the answers that lean most towards one", alt, fig
    )


def _position(row: Mapping[str, Any]) -> int:
    position: int = row["position"]
    return position


def _width(shown: Mapping[int, Rows]) -> int:
    return max(12, *map(len, shown.values()))


def _name(titles: Mapping[int, str], rank: int) -> str:
    """Ranks of the table count from 1, where a passage has no title it goes by its rank alone."""
    title = titles.get(rank + 1, "")
    return f"{rank + 1} {cut(title, 26)}" if title else f"passage {rank + 1}"
