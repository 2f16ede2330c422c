"""`python -m bench`: what it says of benches that meet, miss, fail, or are not there."""

import subprocess
import sys
from pathlib import Path

import pytest

from bench import __main__ as all_benches
from bench.__main__ import Ran, machine, page, run


def test_ratio_lines_of_all_come_together() -> None:
    met = Ran("novelty", "kept\nRATIO novelty 5000 1.2e+03 >= 1000\n", 0)
    failed = Ran("sampling", "RATIO sampling x 1 >= 2 missed\nTraceback\n", 1)
    ran = [met, failed, Ran("tuning", "", None), Ran("scoring", "all equal\n", 0)]
    assert [line for one in ran for line in one.ratios] == [
        "RATIO novelty 5000 1.2e+03 >= 1000",
        "RATIO sampling x 1 >= 2 missed",
        "sampling: failed with exit code 1",
        "tuning: there is no such bench yet, skipped",
        "scoring: no goal was measured",
    ]
    text = page(ran, machine(), quick=True)
    assert text.index("RATIO novelty 5000") < text.index("## novelty") < text.index("Traceback")
    assert "torch " in text
    assert "## tuning" not in text


def test_each_bench_is_a_process_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that ends in an error is told, with all that it printed."""
    (tmp_path / "bench").mkdir()
    (tmp_path / "bench" / "__init__.py").touch()
    (tmp_path / "bench" / "broken.py").write_text(
        "import sys\nprint('RATIO broken 3 >= 2', sys.argv[1])\nsys.exit('decisions differ')\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "bench.absent" else name)
    ran = run("broken", quick=True)
    assert (ran.code, ran.text) == (1, "RATIO broken 3 >= 2 --quick\ndecisions differ\n")
    assert run("absent", quick=True) == Ran("absent", "", None)


def test_an_unknown_bench_is_refused() -> None:
    done = subprocess.run([sys.executable, "-m", "bench", "novelti"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "there is no bench novelti: " in done.stderr
    assert all_benches.NAMES[0] in done.stderr
