"""The paper's Figures 6 and 7: verbs and objects of the instructions as a sunburst, keywords of the inputs as bars."""

from collections import Counter
from math import cos, pi, sin

from selfspec_assets.reports.pictures import language
from selfspec_assets.reports.pictures.canvas import COLOURS, Drawing, Rows, bare, cut, figure, ink_on

_VERBS = 14  # in the inner ring; the rest are one piece
_OBJECTS = 4  # of each verb
_KEYWORDS = 24
_LABEL = 18  # letters
_MORE = "…"
_PALE = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442")  # next to each other, not alike
_REST = "#BBBBBB"

Pairs = Counter[tuple[str, str]]


def verbs_and_objects(rows: Rows) -> Drawing | None:
    """Sunburst: root verbs inside, their objects outside; of the instructions that were kept.

    Args:
        rows: of ``instructions``: instruction, kept.
    """
    pairs = language.verbs_and_objects(row["instruction"] for row in rows if row["kept"])
    if not pairs:
        return None
    verbs = Counter[str]()
    for (verb, _), count in pairs.items():
        verbs[verb] += count
    total = verbs.total()
    rings = _rings(pairs, verbs)
    fig = figure(5.2)
    axes = fig.add_subplot()
    inner, outer = (
        [(verb, sum(n for _, n in ring)) for verb, ring in rings],
        [part for _, ring in rings for part in ring],
    )
    colours = [_REST if verb.startswith(_MORE) else _PALE[n % len(_PALE)] for n, (verb, _) in enumerate(inner)]
    if len(inner) % len(_PALE) == 1 and len(inner) > 1 and colours[-1] == colours[0]:
        colours[-1] = _PALE[3]
    _ring(axes, inner, colours, 0.35, 0.72, total)
    _ring(axes, outer, [_paler(c) for c, (_, ring) in zip(colours, rings, strict=True) for _ in ring], 0.72, 1.0, total)
    axes.text(0, 0, f"{total}\ntask{'' if total == 1 else 's'}", ha="center", va="center")
    axes.set(xlim=(-1.6, 1.6), ylim=(-1.12, 1.12), aspect="equal")
    axes.axis("off")
    return Drawing("verbs_and_objects", "Root verbs of the instructions, and their objects", _said(pairs, verbs), fig)


def _rings(pairs: Pairs, verbs: Counter[str]) -> list[tuple[str, list[tuple[str, int]]]]:
    """The verbs that get a piece, most frequent first, each with its objects; then the rest together."""
    rings = []
    for verb, count in verbs.most_common(_VERBS):
        objects = Counter({thing: n for (other, thing), n in pairs.items() if other == verb}).most_common(_OBJECTS)
        rest = count - sum(n for _, n in objects)
        rings.append((verb, [*objects, *([(_MORE, rest)] if rest else [])]))
    others = verbs.most_common()[_VERBS:]
    if others:
        rings.append((f"{_MORE} {len(others)} more", [("", sum(count for _, count in others))]))
    return rings


def _ring(axes, parts, colours, inside, outside, total) -> None:  # type: ignore[no-untyped-def]
    """A ring of pieces, clockwise from the top; labels within the inner one, beside the outer one."""
    from matplotlib.patches import Wedge

    is_outer, at = outside == 1.0, 0.0
    room = 0.011 if is_outer else 0.026
    labelled = [count / total for label, count in parts if label not in ("", _MORE) and count / total >= room]
    is_level = min(labelled, default=1) >= 0.03  # else labels beside each other at the top would meet
    for (label, count), colour in zip(parts, colours, strict=True):
        share = count / total
        begin, end = 90 - 360 * (at + share), 90 - 360 * at
        axes.add_patch(Wedge((0, 0), outside, begin, end, width=outside - inside, facecolor=colour, edgecolor="white"))
        middle = pi / 180 * (begin + end) / 2
        at += share
        if share < room or label in ("", _MORE):
            continue
        x, y = cos(middle), sin(middle)
        turn = middle * 180 / pi + (180 if x < 0 else 0)
        if is_outer:
            place = {"ha": "left" if x >= 0 else "right", "va": "center", "rotation_mode": "anchor"}
            axes.text(1.04 * x, 1.04 * y, cut(label, _LABEL), rotation=0 if is_level else turn, fontsize=9, **place)
            continue
        radius = (inside + outside) / 2
        ink = ink_on(colour)
        axes.text(radius * x, radius * y, cut(label, 9), ha="center", va="center", rotation=turn, fontsize=8, color=ink)


def _paler(colour: str) -> tuple[float, ...]:
    from matplotlib.colors import to_rgb

    return tuple(0.5 + 0.5 * part for part in to_rgb(colour))


def _said(pairs: Pairs, verbs: Counter[str]) -> str:
    told = []
    for verb, count in verbs.most_common(6):
        objects = [thing for (other, thing), _ in pairs.most_common() if other == verb and thing][:3]
        told.append(f"{verb} {count}" + (f" ({', '.join(objects)})" if objects else ""))
    return f"Sunburst of {verbs.total()} instructions by root verb and object: {'; '.join(told)}."


def keywords(rows: Rows) -> Drawing | None:
    """Bars: the keywords that stand in most inputs of the instructions that were kept.

    Args:
        rows: of ``instructions``: input, kept.
    """
    inputs = [row["input"] for row in rows if row["kept"] and row["input"].strip()]
    every = sorted(language.keywords(inputs).items(), key=lambda pair: (-pair[1], pair[0]))
    repeated = [(word, count) for word, count in every if count > 1]
    counts = (repeated if len(repeated) >= _KEYWORDS // 4 else every)[:_KEYWORDS]
    if not counts:
        return None
    half = (len(counts) + 1) // 2
    fig = figure(0.6 + 0.24 * half)
    for number, part in enumerate((counts[:half], counts[half:])):
        if not part:
            continue
        axes = fig.add_subplot(1, 2 if len(counts) > half else 1, number + 1)
        bars = axes.barh(range(len(part)), [count for _, count in part], color=COLOURS[0], height=0.7)
        axes.bar_label(bars, padding=3, fontsize=9)
        axes.set_yticks(range(len(part)), [cut(word, 18) for word, _ in part])
        axes.set(xlim=(0, counts[0][1] * 1.15), ylim=(half - 0.4, -0.6), xticks=[])
        bare(axes, "bottom", "left")
    fig.supxlabel(f"inputs that it stands in, of {len(inputs)}", fontsize=10)
    told = ", ".join(f"{word} {count}" for word, count in counts[:12])
    alt = f"Bars: the keywords that stand in most of {len(inputs)} inputs: {told}."
    return Drawing("keywords", "Keywords of the inputs", alt, fig)
