"""The loss of tuning, step by step."""

from itertools import pairwise

from selfspec_assets.reports.pictures.canvas import COLOURS, GREY, Drawing, Rows, figure, whole_numbers


def loss(rows: Rows) -> Drawing | None:
    """Training loss by optimiser step, with the mean of some steps around; epochs are marked.

    Args:
        rows: of ``losses``: step, epoch, loss.
    """
    rows = sorted((row for row in rows if row["loss"] == row["loss"]), key=lambda row: row["step"])
    if not rows:
        return None
    steps, values = [row["step"] for row in rows], [row["loss"] for row in rows]
    fig = figure(3.2)
    axes = fig.add_subplot()
    axes.plot(steps, values, color=GREY, linewidth=1, marker="." if len(rows) <= 60 else "", label="each step")
    half = max(len(rows) // 40, 2)
    if len(rows) > 4 * half:
        around = [values[max(0, n - half) : n + half + 1] for n in range(len(values))]
        smooth = [sum(part) / len(part) for part in around]
        axes.plot(steps, smooth, color=COLOURS[0], linewidth=2, label=f"mean of {2 * half + 1} steps around")
        axes.legend(loc="upper right")
    ends = [one["step"] for one, other in pairwise(rows) if int(one["epoch"]) < int(other["epoch"])]
    for step in ends if len(ends) <= 20 else []:
        axes.axvline(step, color=GREY, linewidth=0.8, linestyle=":")
    axes.set_ylim(bottom=0)
    axes.set_xlabel("optimiser step" + ("; dotted: an epoch ends" if 0 < len(ends) <= 20 else ""))
    axes.set_ylabel("loss (nats per token)")
    axes.grid(axis="y")
    whole_numbers(axes)
    alt = f"Line: the training loss falls from {values[0]:.2f} to {values[-1]:.2f} in {len(values)} optimiser steps."
    if values[-1] >= values[0]:
        alt = f"Line: the training loss goes from {values[0]:.2f} to {values[-1]:.2f} in {len(values)} optimiser steps."
    return Drawing("loss", "Training loss", alt, fig)
