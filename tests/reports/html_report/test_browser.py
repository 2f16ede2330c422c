"""The report in a real browser: no console error, no request to anywhere, nothing that runs over the edge."""

import json
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner
from websockets.sync.client import ClientConnection, connect

from selfspec_assets.cli.app import app
from tests.conftest import Project

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
]
TROUBLE = {"Runtime.exceptionThrown", "Log.entryAdded", "Runtime.consoleAPICalled"}
# Texts of pictures that reach over the picture's edge, and whether the page is wider than the window.
LAYOUT = """(() => {
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
})()"""


class Tab:
    """One tab, through Chromium's DevTools protocol."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket, self.ids, self.events = socket, count(1), list[dict[str, Any]]()

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        own = next(self.ids)
        self.socket.send(json.dumps({"id": own, "method": method, "params": parameters}))
        while (message := json.loads(self.socket.recv(timeout=60))).get("id") != own:
            self.events.append(message)
        assert "error" not in message, message
        return dict(message["result"])

    def wait(self, method: str) -> None:
        while not any(event.get("method") == method for event in self.events):
            self.events.append(json.loads(self.socket.recv(timeout=60)))

    def told(self, *methods: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event.get("method") in methods]


@pytest.fixture
def tab(tmp_path: Path) -> Iterator[Tab]:
    assert CHROMIUM
    profile = tmp_path / "profile"
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0", f"--user-data-dir={profile}"]
    browser = subprocess.Popen([CHROMIUM, *options, "about:blank"], stderr=subprocess.DEVNULL)
    try:
        port = profile / "DevToolsActivePort"
        deadline = time.monotonic() + 60
        while not (port.is_file() and port.read_text().count("\n")) and time.monotonic() < deadline:
            time.sleep(0.2)
        address = f"http://127.0.0.1:{port.read_text().splitlines()[0]}/json"
        with urllib.request.urlopen(address) as answer:
            pages = [target for target in json.load(answer) if target["type"] == "page"]
        with connect(pages[0]["webSocketDebuggerUrl"], max_size=None) as socket:
            yield Tab(socket)
    finally:
        browser.kill()
        browser.wait()


def opened(tab: Tab, page: Path, width: int) -> list[Any]:
    """Opens a file in a window of that width; what ``LAYOUT`` finds there."""
    for domain in ("Page", "Runtime", "Log", "Network"):
        tab.ask(f"{domain}.enable")
    tab.ask("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
    tab.events.clear()
    tab.ask("Page.navigate", url=page.as_uri())
    tab.wait("Page.loadEventFired")
    found = tab.ask("Runtime.evaluate", expression=LAYOUT, returnByValue=True)
    return list(found["result"]["value"])


def test_the_report_opens_without_an_error_or_a_request(finished: Project, tab: Tab, tmp_path: Path) -> None:
    page = tmp_path / "tiny.html"
    assert CliRunner().invoke(app, ["report", "tiny", "-o", str(page)]).exit_code == 0
    for width in (1200, 380):
        wider, cut_off = opened(tab, page, width)
        assert wider <= 0
        assert cut_off == []
        assert tab.told(*TROUBLE) == []
        asked = {event["params"]["request"]["url"] for event in tab.told("Network.requestWillBeSent")}
        assert {url for url in asked if not url.startswith("data:")} == {page.as_uri()}
    assert len(tab.ask("Page.printToPDF")["data"]) > 10_000


def test_an_error_and_a_request_would_be_seen(tab: Tab, tmp_path: Path) -> None:
    page = tmp_path / "bad.html"
    page.write_text("<body style='width:3000px'><img src='http://127.0.0.1:9/x.png'><script>nowhere()</script>")
    wider, _ = opened(tab, page, 1200)
    assert wider > 0
    assert tab.told("Runtime.exceptionThrown")
    assert "http://127.0.0.1:9/x.png" in {
        event["params"]["request"]["url"] for event in tab.told("Network.requestWillBeSent")
    }
