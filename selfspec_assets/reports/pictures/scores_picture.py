"""Macro-averaged F1 of the base and the iterations, with 95 % intervals, over the number of shots (Tables 1 and 2)."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from selfspec_assets.base.model_settings import OWN_MODELS
from selfspec_assets.reports.pictures.canvas import COLOURS, GREY, KEPT, MARKERS, Drawing, Rows, cut, figure
from selfspec_assets.reports.scores.score_table import AVERAGE

_BASE_COLOURS = (GREY, "#56B4E9", "#E69F00", "#000000", "#CC79A7")
_LOOP_COLOURS = (COLOURS[0], KEPT, "#D55E00", "#CC79A7", "#000000", "#E69F00")


class Point(NamedTuple):
    """One mean with its interval, 0 to 100."""

    k: int
    value: float
    low: float
    high: float


def averages(rows: Rows) -> dict[str, list[Point]]:
    """The stored macro averages of F1 by model, in reading order; oracles are left out.

    Args:
        rows: of ``scores``: iteration, model, variant, oracle, shots, benchmark, metric, value, low, high.
    """
    found: dict[str, list[Point]] = {}
    chosen = [row for row in rows if row["benchmark"] == AVERAGE and row["metric"] == "f1" and not row["oracle"]]
    for row in sorted(
        chosen,
        key=lambda row: (row["iteration"], row["model"] not in OWN_MODELS, row["model"], row["variant"], row["shots"]),
    ):
        name = f"iteration {row['iteration']}" if row["iteration"] else f"{row['model']}, {row['variant']}"
        found.setdefault(name, []).append(Point(row["shots"], row["value"], row["low"], row["high"]))
    return found


def scores(series: Mapping[str, Sequence[Point]]) -> Drawing | None:
    """A mark with its interval for each model and k; names that do not begin with ``iteration`` are drawn hollow.

    Args:
        series: model's name -> its points.
    """
    series = {name: points for name, points in series.items() if points}
    if not series:
        return None
    shots = sorted({point.k for points in series.values() for point in points})
    fig = _over_models(series, shots[0]) if len(shots) == 1 else _over_shots(series, shots)
    told = []
    for name, points in series.items():
        values = (f"k={p.k} {p.value:.1f} ({p.low:.1f} to {p.high:.1f})" for p in points)
        told.append(f"{name}: {', '.join(values)}")
    alt = f"Macro-averaged F1, 0 to 100, with 95 % intervals. {'; '.join(told)}."
    return Drawing("scores", "F1 of the base and each iteration, with 95 % intervals", alt, fig)


def _looks(names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Colour and mark of each model; the bases and further models apart from the iterations."""
    looks: dict[str, dict[str, Any]] = {}
    bases = [name for name in names if not name.startswith("iteration ")]
    for group, palette, hollow in (
        (bases, _BASE_COLOURS, True),
        ([n for n in names if n not in bases], _LOOP_COLOURS, False),
    ):
        for number, name in enumerate(group):
            colour = palette[number % len(palette)]
            looks[name] = {
                "color": colour,
                "marker": MARKERS[number % len(MARKERS)],
                "markerfacecolor": "white" if hollow else colour,
                "markersize": 7,
                "elinewidth": 2,
                "capsize": 4,
            }
    return looks


def _errors(points: Sequence[Point]) -> list[list[float]]:
    return [[max(p.value - p.low, 0) for p in points], [max(p.high - p.value, 0) for p in points]]


def _over_models(series: Mapping[str, Sequence[Point]], k: int) -> Any:
    """One k: a line for each model, the value beside its mark."""
    fig = figure(0.8 + 0.42 * len(series))
    axes = fig.add_subplot()
    looks = _looks(list(series))
    for place, (name, (point, *_)) in enumerate(series.items()):
        axes.errorbar([point.value], [place], xerr=_errors([point]), **looks[name])
        axes.annotate(
            f"{point.value:.1f}", (point.value, place), (0, 7), textcoords="offset points", ha="center", fontsize=9
        )
    axes.set_yticks(range(len(series)), [cut(name, 30) for name in series])
    axes.set(xlabel=f"F1, k={k}", xlim=(0, min(100, 1.08 * max(p.high for ps in series.values() for p in ps) + 1)))
    axes.set_ylim(len(series) - 0.5, -0.7)
    axes.grid(axis="x")
    axes.tick_params(axis="y", length=0)
    return fig


def _over_shots(series: Mapping[str, Sequence[Point]], shots: Sequence[int]) -> Any:
    """Several k at even distances, the models side by side at each."""
    fig = figure(3.6 + 0.22 * ((len(series) + 2) // 3))
    axes = fig.add_subplot()
    looks = _looks(list(series))
    room = 0.7 / max(len(series), 1)
    for number, (name, points) in enumerate(series.items()):
        at = [shots.index(point.k) + (number - (len(series) - 1) / 2) * room for point in points]
        values = [point.value for point in points]
        axes.errorbar(
            at, values, yerr=_errors(points), linestyle="-", linewidth=0.8, label=cut(name, 30), **looks[name]
        )
    axes.set_xticks(range(len(shots)), [f"k={k}" for k in shots])
    axes.set(ylabel="F1", xlim=(-0.5, len(shots) - 0.5))
    axes.set_ylim(bottom=0)
    axes.grid(axis="y")
    axes.tick_params(axis="x", length=0)
    fig.legend(loc="outside lower left", ncols=3, fontsize=9)
    return fig
