"""The report in a real browser: no console error, no request to anywhere, nothing that runs over the edge."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page
from typer.testing import CliRunner

from selfspec_assets.cli.app import app
from tests.browser import MARKS, blank_page
from tests.conftest import Project

pytestmark = MARKS
# Texts of pictures that reach over the picture's edge, and whether the page is wider than the window.
LAYOUT = """() => {
  const out = [];
  for (const svg of document.querySelectorAll("svg")) {
    const frame = svg.getBoundingClientRect();
    for (const text of svg.querySelectorAll("text")) {
      const box = text.getBoundingClientRect();
      if (box.left < frame.left - 2 || box.right > frame.right + 2 || box.bottom > frame.bottom + 2)
        out.push(text.textContent);
    }
  }
  return [document.documentElement.scrollWidth - window.innerWidth, out];
}"""


class Watched:
    """A tab, and what it said and asked for."""

    def __init__(self, page: Page) -> None:
        self.page, self.trouble, self.asked = page, list[str](), set[str]()
        page.on("console", lambda message: self.trouble.append(message.text))
        page.on("pageerror", lambda error: self.trouble.append(str(error)))
        page.on("request", lambda request: self.asked.add(request.url))

    def open(self, file: Path, width: int) -> list[Any]:
        """Opens a file in a window of that width; what ``LAYOUT`` finds there."""
        self.page.set_viewport_size({"width": width, "height": 900})
        self.page.goto(file.as_uri())
        return list(self.page.evaluate(LAYOUT))


@pytest.fixture
def tab() -> Iterator[Watched]:
    with blank_page() as page:
        yield Watched(page)


def test_the_report_opens_without_an_error_or_a_request(finished: Project, tab: Watched, tmp_path: Path) -> None:
    file = tmp_path / "tiny.html"
    assert CliRunner().invoke(app, ["report", "tiny", "-o", str(file)]).exit_code == 0
    for width in (1200, 380):
        wider, cut_off = tab.open(file, width)
        assert wider <= 0
        assert cut_off == []
        assert tab.trouble == []
        assert {url for url in tab.asked if not url.startswith("data:")} == {file.as_uri()}
    assert len(tab.page.pdf()) > 10_000


def test_an_error_and_a_request_would_be_seen(tab: Watched, tmp_path: Path) -> None:
    file = tmp_path / "bad.html"
    file.write_text("<body style='width:3000px'><img src='http://127.0.0.1:9/x.png'><script>nowhere()</script>")
    wider, _ = tab.open(file, 1200)
    assert wider > 0
    assert any("nowhere" in text for text in tab.trouble)
    assert "http://127.0.0.1:9/x.png" in tab.asked
