"""The UI as a person meets it, in Debian's Chromium: a partition is made by clicking, and its page is looked at.

Screenshots go to `build/ui/`.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from playwright.sync_api import Page

from selfspec_assets.orchestration.runner import run_recipe
from selfspec_assets.recipe.recipe import load_recipe
from tests.browser import MARKS, blank_page
from tests.checkout import ROOT
from tests.conftest import Project
from tests.ui_server import Server, serving

PICTURES = ROOT / "build" / "ui"
pytestmark = MARKS


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """The embedded model's recipe, cut small, in a folder of its own; what its domain rests on is made."""
    recipe = yaml.safe_load((ROOT / "recipes" / "embedded.yaml").read_text())
    recipe.update(domains=["biomedicine"], iterations=1)
    recipe["instructions"].update(target=8, min_kept=1, max_requests=16)
    recipe["adapter"]["min_steps"] = 1
    recipe["scores"].update(shots=[0], items_per_benchmark=2, resamples=100)
    project = Project(tmp_path)
    project.enter(monkeypatch)
    monkeypatch.setenv("SELFSPEC_PICTURES", "on")
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes" / "small.yaml").write_text(yaml.safe_dump(recipe))
    run_recipe(load_recipe("small"), ["biomedicine"], 0, lambda line: None)
    return project


@pytest.fixture
def page() -> Iterator[Page]:
    with blank_page() as page:
        yield page


def test_a_partition_is_made_by_clicking_and_its_page_shows_picture_and_rows(small: Project, page: Page) -> None:
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    with serving(small) as server:
        address = f"http://127.0.0.1:{server.port}"
        page.goto(f"{address}/locations/selfspec_assets.definitions/asset-groups/2_small/lineage")
        page.get_by_text("instructions", exact=True).first.wait_for()
        picture(page, "lineage")

        page.goto(f"{address}/assets/small/instructions")
        page.get_by_role("button", name="Materialize").first.click()
        for dimension in (0, 1):  # one domain, one iteration: all is one partition
            page.get_by_role("button", name="All", exact=True).nth(dimension).click()
        page.get_by_role("button", name=re.compile("^Launch")).click()
        run = server.wait_for("the run", lambda: last_run(server), 240)
        assert server.wait_for("its end", lambda: server.finished(run), 600) == "SUCCESS"

        page.goto(f"{address}/assets/small/instructions")
        page.get_by_text("Row count", exact=True).wait_for()
        page.get_by_text("Self-Instruct").or_(page.get_by_text("Section 3.2")).first.wait_for()
        page.get_by_text("string").first.wait_for()
        picture(page, "asset")

        page.goto(f"{address}/assets/small/instructions?view=events")
        page.get_by_text("picture/rejections").wait_for()
        page.get_by_text("[Show Markdown]").last.click()
        image = page.locator('img[src^="data:image/png"]')
        image.wait_for()
        assert image.evaluate("image => image.naturalWidth") > 400
        assert image.get_attribute("alt")
        picture(page, "picture")
    assert complaints == []


def last_run(server: Server) -> str | None:
    runs = server.ask("{ runsOrError(limit: 1) { ... on Runs { results { runId assetSelection { path } } } } }")
    made = [
        run["runId"]
        for run in runs["runsOrError"]["results"]
        if [key["path"] for key in run["assetSelection"] or []] == [["small", "instructions"]]
    ]
    return str(made[0]) if made else None


def picture(page: Page, name: str) -> None:
    page.wait_for_timeout(3000)  # the graph moves to its place
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURES / f"{name}.png")
