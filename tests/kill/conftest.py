"""The lab that the kill tests share, and the table that they end with."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import make_project
from tests.kill.lab import Counted, Lab, lines

TOTALS = {"killed": "kills", "recovered": "recoveries", "equal": "bytes equal"}
_counted: list[Counted] = []
_elsewhere: list[dict[str, Any]] = []  # of the other processes


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Lab:
    """A project of one domain and two iterations, as small as all of its steps allow."""
    return _lab(tmp_path_factory.mktemp("kill"), tiny_model)


def _lab(folder: Path, model: Path) -> Lab:
    with pytest.MonkeyPatch.context() as patch:
        project = make_project(folder / "fresh" / "project", model, patch)
        project.recipe["instructions"].update(target=6, max_requests=60, batch_size=8)
        project.recipe["responses"]["batch_size"] = 4
        project.recipe["scores"].update(shots=[0], resamples=100, batch_size=2, base_variants=["plain"])
        project.save()
    made = Lab(folder, project)
    _counted.append(made.counted)
    return made


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A process of several sends what it counted to the one that prints the table."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["kills"] = _here()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    _elsewhere.append(getattr(node, "workeroutput", {}).get("kills", {}))


def _here() -> dict[str, Any]:
    totals = {name: sum(getattr(counted, name) for counted in _counted) for name in TOTALS}
    points = sum((counted.points for counted in _counted), Counter[str]())
    return {"points": dict(points), "totals": totals, "lines": list(lines)}


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    points, totals, more = Counter[str](), Counter[str](), list[str]()
    for counted in (_here(), *_elsewhere):
        points.update(counted.get("points", {}))
        totals.update(counted.get("totals", {}))
        more += counted.get("lines", [])
    if not points and not more:
        return
    terminalreporter.section("kills")
    width = max(map(len, points), default=0)
    for point, kills in sorted(points.items()):
        terminalreporter.write_line(f"{point:<{width}}  {kills:>4}")
    shown = {"kill points": len(points), **{TOTALS[name]: totals[name] for name in TOTALS}}
    terminalreporter.write_line(", ".join(f"{name} {count}" for name, count in shown.items()))
    for line in more:
        terminalreporter.write_line(line)
