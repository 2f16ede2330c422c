"""The lab that the kill tests share, and the table that they end with."""

from collections import Counter
from pathlib import Path

import pytest

from tests.conftest import make_project
from tests.kill.lab import Counted, Lab, lines

_counted: list[Counted] = []


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


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    points = sum((counted.points for counted in _counted), Counter())
    if not points and not lines:
        return
    terminalreporter.section("kills")
    width = max(map(len, points), default=0)
    for point, kills in sorted(points.items()):
        terminalreporter.write_line(f"{point:<{width}}  {kills:>4}")
    totals = {"kill points": len(points), **{name: _sum(name) for name in ("killed", "recovered", "equal")}}
    names = {"killed": "kills", "recovered": "recoveries", "equal": "bytes equal"}
    terminalreporter.write_line(", ".join(f"{names.get(name, name)} {count}" for name, count in totals.items()))
    for line in lines:
        terminalreporter.write_line(line)


def _sum(name: str) -> int:
    return sum(getattr(counted, name) for counted in _counted)
