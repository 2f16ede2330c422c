"""What all pictures share: size, colours, the way from a figure to bytes, and labels that fit.

Figures are made without pyplot, so that there is no global state and no window. Colours are those of Okabe & Ito
(2008), which people with any of the common colour deficiencies tell apart, or viridis where they stand for a number.
"""

import base64
import html
import io
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from itertools import cycle, islice
from typing import TYPE_CHECKING, Any, Literal

from selfspec_assets.base.signature import text_digest

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Form = Literal["png", "svg"]
Row = Mapping[str, Any]
Rows = Sequence[Row]

WIDTH = 7.5  # inches; at DPI 900 pixels, as wide as Dagster's UI shows an image
_DPI = 120
KEPT = "#009E73"  # Okabe & Ito's bluish green
GREY = "#8C8C8C"
# Okabe & Ito without green, which says "kept", and without yellow, which is too pale for lines and small areas.
COLOURS = ("#0072B2", "#E69F00", "#CC79A7", "#56B4E9", "#D55E00", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
_STYLE: Any = {
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 11,
    "axes.axisbelow": True,
    "grid.color": "#DDDDDD",
    "legend.frameon": False,
    "svg.fonttype": "none",  # text stays text: it can be searched, read aloud, and shown in any script
    "svg.hashsalt": "selfspec",  # the same rows give the same bytes
}
_OTHER_FONTS = frozenset(
    (
        *("Noto Sans CJK SC", "Noto Sans CJK JP", "WenQuanYi Zen Hei", "Droid Sans Fallback", "Microsoft YaHei"),
        *("PingFang SC", "Hiragino Sans", "Noto Sans Devanagari", "Noto Sans Bengali", "Noto Sans Thai", "FreeSans"),
    )
)
_FONTS = re.compile(r"'DejaVu Sans'")
_IDS = re.compile(r"""(\bid="|href="\#|url\(\#)""")
_MARKDOWN = re.compile(r"[\\\[\]()<>`*_!\n]")


@dataclass(frozen=True)
class Picture:
    """One picture.

    Attributes:
        name: of a file or a metadata key, ``[a-z_]+``; unique among the pictures of a step.
        title: a few words for a caption.
        alt: what it shows, in words and numbers, for whoever does not see it.
        image: a PNG file, or an ``<svg>`` element in UTF-8 that may stand in HTML as it is.
    """

    name: str
    title: str
    alt: str
    image: bytes
    form: Form

    @property
    def markdown(self) -> str:
        """A PNG as Markdown with the image in it, as Dagster's UI shows it."""
        data = base64.b64encode(self.image).decode("ascii")
        return f"![{_MARKDOWN.sub(' ', self.alt)}](data:image/png;base64,{data})"


@dataclass(frozen=True)
class Drawing:
    """A figure with its words, before it is rendered."""

    name: str
    title: str
    alt: str
    figure: "Figure"

    def rendered(self, form: Form) -> Picture:
        """As PNG or SVG bytes."""
        words = "".join(letter if letter.isprintable() else " " for letter in self.alt)
        return Picture(self.name, self.title, words, _bytes(replace(self, alt=words), form), form)


@contextmanager
def drawing() -> Iterator[None]:
    """The style, for as long as figures are made and rendered."""
    import matplotlib as mpl

    # Rendering without a window needs no backend: a Figure brings Agg or SVG by the form that is asked for.
    with mpl.rc_context({**_STYLE, "font.family": _fonts()}):
        yield


@cache
def _fonts() -> list[str]:
    """matplotlib's own font, then whichever of these is installed, for letters that it lacks."""
    from matplotlib.font_manager import get_font_names

    return ["DejaVu Sans", *sorted(set(get_font_names()) & _OTHER_FONTS)]


def figure(height: float) -> "Figure":
    """An empty figure, as wide as all are; ``height`` in inches."""
    from matplotlib.figure import Figure

    return Figure(figsize=(WIDTH, height), layout="constrained")


def _bytes(drawn: Drawing, form: Form) -> bytes:
    from matplotlib.text import Text

    # A "$" in an answer is a dollar, not the beginning of a formula.
    for text in drawn.figure.findobj(Text):
        text.set_parse_math(False)
    stream = io.BytesIO()
    with warnings.catch_warnings():
        # Scripts that the font lacks are drawn as boxes in a PNG; an SVG leaves the letters to the browser.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        if form == "png":
            drawn.figure.savefig(stream, format="png", dpi=_DPI)
            return _few_colours(stream)
        drawn.figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    return _element(drawn, stream.getvalue().decode("utf-8")).encode()


def _few_colours(stream: io.BytesIO) -> bytes:
    """The same PNG with a palette: about a third of the bytes, and every one of them lands in Dagster's database.

    By maximum coverage, which keeps rare colours: a share of 1.0 in a heat map must not become one of 0.8.
    """
    from PIL import Image

    smaller = io.BytesIO()
    image = Image.open(stream).convert("RGB")
    image.quantize(256, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(
        smaller, format="png", optimize=True
    )
    return smaller.getvalue()


def _element(drawn: Drawing, document: str) -> str:
    """The <svg> element of a document, named by its alternative; ids unique to it, as a page holds several."""
    element = document[document.index("<svg") :].strip()
    own = f"{drawn.name}-{text_digest(element)[:8]}"
    element = re.sub(r"<metadata>.*?</metadata>", "", element, flags=re.DOTALL)
    element = element.replace('<style type="text/css">*{', f'<style type="text/css">#{own} *{{')  # not of the page
    element = _IDS.sub(lambda found: f"{found[1]}{own}-", element)
    element = _FONTS.sub("'DejaVu Sans', Verdana, sans-serif", element)
    width, height = (f"{72 * side:g}" for side in drawn.figure.get_size_inches())
    head = f'<svg id="{own}" role="img" aria-label="{html.escape(drawn.alt)}" viewBox="0 0 {width} {height}"'
    return re.sub(r"^<svg[^>]*", head + ' xmlns="http://www.w3.org/2000/svg" version="1.1"', element)


def colours_of(names: Sequence[str]) -> dict[str, str]:
    """A colour for each name, in their order."""
    return dict(zip(names, islice(cycle(COLOURS), len(names)), strict=True))


def cut(text: str, most: int) -> str:
    """One line of at most ``most`` letters."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= most else line[: max(most - 1, 1)].rstrip() + "…"


def ink_on(colour: str) -> str:
    """Black or white, whichever is read better on a colour (WCAG's relative luminance)."""
    from matplotlib.colors import to_rgb

    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "black" if luminance > 0.18 else "white"


def whole_numbers(axes: "Axes") -> None:
    """Ticks of the x axis at whole numbers alone."""
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def bare(axes: "Axes", *sides: str) -> None:
    """Takes the ticks' marks and the named spines away."""
    axes.tick_params(length=0)
    for side in sides:
        axes.spines[side].set_visible(False)
