"""How many rows of a step were kept, and why the others were not."""

from collections import Counter
from collections.abc import Mapping, Sequence

from selfspec_assets.reports.pictures.canvas import (
    GREY,
    KEPT,
    Drawing,
    Rows,
    bare,
    colours_of,
    cut,
    figure,
    ink_on,
    whole_numbers,
)

_REASONS = 6  # with a colour of their own; the rest are one
_REST = "other reasons"
_HATCHES = ("", "//", "..", "xx", "\\\\", "--", "")


def outcomes(rows: Rows) -> Counter[str]:
    """Outcome -> rows: ``kept`` or the reason. Of ``instructions`` (kept), ``responses`` or ``verdicts`` (verdict)."""
    found: Counter[str] = Counter()
    for row in rows:
        kept = row["kept"] if "kept" in row else row["verdict"] == "kept"
        found["kept" if kept else (row["reason"] or "no reason given")] += 1
    return found


def rejections(counts: Mapping[str, Mapping[str, int]]) -> Drawing | None:
    """A stacked bar for each entry: kept, then the reasons; in rows, each with its number.

    Args:
        counts: entry (a step, or a step of an iteration) -> outcome -> rows.
    """
    counts = {entry: outcome for entry, outcome in counts.items() if sum(outcome.values())}
    if not counts:
        return None
    reasons = Counter[str]()
    for outcome in counts.values():
        reasons.update({reason: n for reason, n in outcome.items() if reason != "kept"})
    shown = [reason for reason, _ in reasons.most_common(_REASONS)]
    parts = ["kept", *shown, *([_REST] if len(reasons) > len(shown) else [])]
    colours = {"kept": KEPT, **colours_of(shown), _REST: GREY}
    rows_of_legend = (len(parts) + 1) // 2
    fig = figure(0.75 + 0.42 * len(counts) + 0.22 * rows_of_legend)
    axes = fig.add_subplot()
    longest = max(sum(outcome.values()) for outcome in counts.values())
    for part, hatch in zip(parts, _HATCHES if len(parts) <= len(_HATCHES) else _HATCHES * 2, strict=False):
        values = [_count(outcome, part, shown) for outcome in counts.values()]
        left = [
            sum(_count(outcome, other, shown) for other in parts[: parts.index(part)]) for outcome in counts.values()
        ]
        label = cut(part.replace("_", " "), 44) + (f" ({values[0]})" if len(counts) == 1 else "")
        bars = axes.barh(
            range(len(counts)), values, left=left, color=colours[part], hatch=hatch, edgecolor="white", label=label
        )
        texts = [str(value) if value >= (0.012 + 0.012 * len(str(value))) * longest else "" for value in values]
        for text in axes.bar_label(bars, texts, label_type="center", fontsize=9, color=ink_on(colours[part])):
            text.set_bbox(
                {"facecolor": colours[part], "edgecolor": "none", "pad": 1} if hatch and text.get_text() else None
            )
    axes.set_yticks(range(len(counts)), [cut(entry, 30) for entry in counts])
    axes.set(ylim=(len(counts) - 0.5, -0.5), xlabel="rows")
    whole_numbers(axes)
    bare(axes, "left")
    fig.legend(loc="outside lower left", ncols=2, fontsize=9, handlelength=1.5)
    return Drawing("rejections", "Kept rows, and why the others were not", _said(counts), fig)


def _count(outcome: Mapping[str, int], part: str, shown: Sequence[str]) -> int:
    if part == _REST:
        return sum(n for reason, n in outcome.items() if reason != "kept" and reason not in shown)
    return outcome.get(part, 0)


def _said(counts: Mapping[str, Mapping[str, int]]) -> str:
    told = []
    for entry, outcome in counts.items():
        reasons = sorted(((n, reason) for reason, n in outcome.items() if reason != "kept"), reverse=True)[:6]
        lost = ", ".join(f"{n} {reason.replace('_', ' ')}" for n, reason in reasons)
        told.append(f"{entry}: {outcome.get('kept', 0)} kept" + (f"; not kept: {lost}" if lost else ""))
    return f"Stacked bars of rows. {'. '.join(told)}."
