"""Pictures of steps: each has an image and its words, labels that do not meet, and text that is data."""

import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from itertools import combinations
from typing import Any

import pytest
from lxml import etree
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.text import Text

from selfspec_assets.reports import pictures
from selfspec_assets.reports.pictures.canvas import Drawing, drawing
from selfspec_assets.reports.pictures.rejections import outcomes, rejections
from selfspec_assets.reports.pictures.scores_picture import Point, scores
from selfspec_assets.reports.pictures.token_sources import token_sources
from tests.conftest import Project

LONG = "pneumonoultramicroscopicsilicovolcanoconiosis"
NASTY = "</text><script>alert(1)</script> $x_1$ \\frac & \x1b[31m"
OF_LOOP = {
    "instructions": {"verbs_and_objects", "keywords", "rejections"},
    "passages": {"scores_by_rank"},
    "responses": {"token_sources", "rejections"},
    "adapter": {"loss"},
    "scores": {"scores"},
}


def tables(name: str = "Moss") -> dict[str, list[dict[str, Any]]]:
    tokens = [
        {"instruction_id": 0, "position": n, "token": f" {name}", "posterior": [0.9 - 0.1 * n, 0.1 + 0.1 * n]}
        for n in range(4)
    ]
    return {
        "instructions": [
            {"instruction": f"Name the {name}.", "input": f"Input: {name} and oak", "kept": n < 3, "reason": None}
            for n in range(4)
        ],
        "passages": [{"instruction_id": 0, "rank": n, "title": name, "score": 9.0 / n} for n in (1, 2)],
        "responses": [{"instruction_id": 0, "instruction": name, "verdict": "kept", "reason": None}],
        "response_tokens": tokens,
    }


@pytest.mark.parametrize("step", OF_LOOP)
def test_each_step_of_a_run_has_its_pictures_with_words(finished: Project, step: str) -> None:
    for form in ("png", "svg"):
        drawn = pictures.of_partition(finished.database, "tiny", "botany", 2, step, form)  # type: ignore[arg-type]
        names = {picture.name for picture in drawn}
        assert OF_LOOP[step] - {"keywords"} <= names <= OF_LOOP[step]  # the tiny model writes few words
        for picture in drawn:
            assert picture.title
            assert any(letter.isdigit() for letter in picture.alt), picture.alt
            if form == "png":
                assert picture.image.startswith(b"\x89PNG")
                assert picture.markdown.startswith("![")
                assert len(picture.image) < 150_000
            else:
                root = etree.fromstring(picture.image.replace(b"xlink:href", b"href"))
                assert root.get("role") == "img"
                assert root.get("aria-label") == picture.alt


def test_all_rejections_of_a_domain_add_up(finished: Project) -> None:
    (picture,) = pictures.of_domain(finished.database, "tiny", "botany")
    for iteration in (1, 2, 3):
        assert f"iteration {iteration}, responses: " in picture.alt
    assert pictures.of_domain(finished.database, "tiny", "nowhere") == []


def test_a_step_without_rows_or_pictures_has_none() -> None:
    assert pictures.of_step("seeds", {}) == []
    for step in pictures.STEPS:
        assert pictures.of_step(step, {}) == []


def test_a_judge_is_a_step_of_its_own() -> None:
    rows = [{"step": "judge", "verdict": "rejected", "reason": "too_long"}, {"step": "other", "verdict": "kept"}]
    (picture,) = pictures.of_step("judge", {"verdicts": rows})
    assert picture.alt == "Stacked bars of rows. judge: 0 kept; not kept: 1 too long."


@pytest.mark.parametrize("step", ["instructions", "responses"])
def test_text_is_no_markup_and_no_mathematics(step: str) -> None:
    drawn = pictures.of_step(step, tables(NASTY), "svg")
    assert drawn
    for picture in drawn:
        svg = picture.image.decode()
        assert "<script" not in svg
        assert "\x1b" not in svg
    texts = "".join(picture.image.decode() for picture in pictures.of_step("responses", tables(NASTY), "svg"))
    assert "$x_1$" in texts


def test_markdown_is_one_image_whatever_the_words_hold() -> None:
    picture = pictures.Picture("a", "b", "x](http://a) <b>\n![", b"data", "png")
    assert picture.markdown.count("](") == 1
    assert "<" not in picture.markdown


def test_ids_of_two_pictures_on_a_page_are_no_ones_twice() -> None:
    ids: Counter[str] = Counter()
    for name in ("moss", "oak"):
        for picture in pictures.of_step("instructions", tables(name), "svg")[:2]:  # the same picture twice has the same
            root = etree.fromstring(picture.image.replace(b"xlink:href", b"href"))
            ids.update(element.get("id") for element in root.iter() if element.get("id"))
    assert ids
    assert max(ids.values()) == 1


def test_matplotlib_is_not_imported_before_a_picture_is_drawn() -> None:
    code = "import sys, selfspec_assets.reports.pictures; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def crowded_rejections() -> Drawing | None:
    reasons: Mapping[str, int] = {"kept": 900, **{f"reason {LONG} {n}": 10 + n for n in range(12)}}
    return rejections({f"iteration {n}, {LONG}": reasons for n in range(1, 10)})


def crowded_scores() -> Drawing | None:
    names = [*(f"base, {LONG} {n}" for n in range(4)), *(f"iteration {n}" for n in range(1, 10))]
    return scores({name: [Point(k, 20 + k, 15, 30) for k in (0, 1, 5)] for name in names})


def one_k() -> Drawing | None:
    return scores({f"iteration {n}": [Point(0, 30, 20, 40)] for n in range(1, 10)})


def crowded_tokens() -> Drawing | None:
    answers = [{"instruction_id": n, "instruction": LONG * 3, "verdict": "kept"} for n in range(5)]
    share = [0.55] + [0.05] * 9
    tokens = [
        {"instruction_id": n, "position": t, "token": LONG, "posterior": share} for n in range(5) for t in range(60)
    ]
    passages = [{"instruction_id": n, "rank": r, "title": LONG * 2} for n in range(5) for r in range(1, 11)]
    return token_sources(answers, tokens, passages)


@pytest.mark.parametrize("crowded", [crowded_rejections, crowded_scores, one_k, crowded_tokens])
def test_labels_neither_meet_nor_leave_the_picture(crowded: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    written: set[str] = set()  # ticks beyond the axis have a label that is not drawn
    draw_text = RendererAgg.draw_text

    def noted(self: RendererAgg, gc: Any, x: float, y: float, s: str, *args: Any, **kwargs: Any) -> None:
        written.add(s)
        draw_text(self, gc, x, y, s, *args, **kwargs)

    monkeypatch.setattr(RendererAgg, "draw_text", noted)
    with drawing():
        drawn = crowded()
        canvas = FigureCanvasAgg(drawn.figure)
        canvas.draw()
        frame = drawn.figure.bbox
        texts = [t for t in drawn.figure.findobj(Text) if t.get_text() in written and not t.get_rotation()]
        boxes = [(text.get_text(), text.get_window_extent()) for text in texts]
    assert len(boxes) > 5
    for text, box in boxes:
        assert box.x0 >= frame.x0 - 1, text
        assert box.x1 <= frame.x1 + 1, text
    for (text, box), (other, second) in combinations(boxes, 2):
        apart = box.x1 <= second.x0 + 2 or second.x1 <= box.x0 + 2 or box.y1 <= second.y0 + 2 or second.y1 <= box.y0 + 2
        assert apart, (text, other)


def test_outcomes_are_counted_by_reason() -> None:
    rows = [{"kept": True, "reason": None}, {"kept": False, "reason": "a"}, {"verdict": "failed", "reason": None}]
    assert outcomes(rows) == {"kept": 1, "a": 1, "no reason given": 1}
