"""What of a whole ``selfspec run`` is not model calls: start-up, orchestration, storage, the steps' own work.

    python -m bench.overhead [--quick] [--recipe quickstart] [--domain sports] [--iterations 2]

The command runs as users run it, in a process and a project folder of its own with an empty warehouse. Within it the
functions that a step asks the model through are timed: sampling, greedy answers, answers over passages, the looks at
logits, tuning. Reading the weights is none of them, not even where tuning does it. All else, from the start of the
process to its end, is overhead: at most 3 % of the whole and 10 s.

``--quick`` is the first iteration of a smaller `embedded`: its model calls are so short that 3 % of them is nothing.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from bench.timing import ratio_line
from selfspec_assets.base import home

SHARE, SECONDS = 0.03, 10.0  # of the whole, and beside it
MODEL = "model calls"
QUICK = "smaller_embedded"
_TIMES = "BENCH_OVERHEAD_TIMES"  # the file that the command's process leaves its times in


class Clock:
    """Seconds by kind; what runs within another kind counts for the inner one alone.

    >>> clock = Clock(iter([0.0, 1.0, 3.0, 6.0, 10.0, 10.0]).__next__)
    >>> outer = clock.timing("tuning", lambda: clock.timing("loading", lambda: None)())
    >>> outer(); clock.ended()
    {'start-up': 1.0, 'tuning': 6.0, 'loading': 3.0}
    """

    def __init__(self, now: Callable[[], float] = time.perf_counter) -> None:
        self._now = now
        self._since = now()
        self._kinds = ["start-up"]
        self._seconds: dict[str, float] = defaultdict(float)

    def _turn(self) -> None:
        now = self._now()
        self._seconds[self._kinds[-1]] += now - self._since
        self._since = now

    def timing(self, kind: str, action: Callable[..., Any]) -> Callable[..., Any]:
        """The action, whose time counts for a kind."""

        def run(*arguments: Any, **named: Any) -> Any:
            self._turn()
            self._kinds.append(kind)
            try:
                return action(*arguments, **named)
            finally:
                self._turn()
                self._kinds.pop()

        return run

    def ended(self) -> dict[str, float]:
        """Seconds by kind until now."""
        self._turn()
        return dict(self._seconds)


def inside(arguments: list[str]) -> None:
    """The command, with its clock; leaves the seconds by kind where the environment says."""
    clock = Clock()
    from selfspec_assets.method import decoding
    from selfspec_assets.method.tuning import tune as tuning
    from selfspec_assets.models.language_model import LanguageModel

    # Before the steps are imported, which take these by name.
    for name in ("sample", "greedy", "answer", "next_token_logits", "verify_contrast_pair"):
        setattr(decoding, name, clock.timing(MODEL, getattr(decoding, name)))
    for name in ("tune", "logit_change"):
        setattr(tuning, name, clock.timing(MODEL, getattr(tuning, name)))
    load = LanguageModel.load
    setattr(LanguageModel, "load", clock.timing("reading weights", load))  # noqa: B010  mypy: a method is assigned

    from selfspec_assets.orchestration import materialise, runner
    from selfspec_assets.warehouse import ChunkStore, Warehouse

    for owner, name, kind in (
        (Warehouse, "commit", "storage"),
        (Warehouse, "publish", "storage"),
        (ChunkStore, "put", "storage"),
        (materialise, "_made", "the steps' own work"),
        (runner, "run_recipe", "Dagster"),
    ):
        setattr(owner, name, clock.timing(kind, getattr(owner, name)))
    from selfspec_assets.cli import app as command_line

    run = command_line.app

    def timed() -> None:
        try:
            run()
        finally:  # the command's process ends without a teardown right after this
            Path(os.environ[_TIMES]).write_text(json.dumps(clock.ended()))

    setattr(command_line, "app", timed)  # noqa: B010  mypy: another type
    sys.argv[1:] = arguments
    command_line.main()


def smaller_embedded() -> dict[str, Any]:
    """The recipe `embedded` with a quarter of the instructions and a tenth of the questions."""
    shipped = home.BUNDLED / "recipes" / "embedded.yaml"
    recipe: dict[str, Any] = yaml.safe_load(shipped.read_text(encoding="utf-8"))
    recipe["instructions"] |= {"target": 40, "min_kept": 16}
    recipe["adapter"] |= {"min_steps": 1}
    recipe["scores"] |= {"shots": [0], "items_per_benchmark": 6}
    return recipe


def measured(arguments: list[str]) -> tuple[float, dict[str, float]]:
    """Seconds of the whole command, and by kind within it; the models and data of this project are there.

    Raises:
        SystemExit: the command fails; what it said is shown.
    """
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        project, times = Path(name) / "project", Path(name) / "times.json"
        project.mkdir()
        (project / "recipes").mkdir()
        (project / "recipes" / f"{QUICK}.yaml").write_text(yaml.safe_dump(smaller_embedded()), encoding="utf-8")
        for folder in (home.models_folder(), home.project_folder() / "data"):
            if folder.is_dir():
                (project / folder.name).symlink_to(folder)
        environment = {key: value for key, value in os.environ.items() if key != "SELFSPEC_WAREHOUSE"}
        environment |= {"SELFSPEC_HOME": str(project), _TIMES: str(times)}
        command = [sys.executable, "-m", "bench.overhead", "--inside", *arguments]
        start = time.perf_counter()
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        whole = time.perf_counter() - start
        if done.returncode:
            raise SystemExit(f"selfspec {' '.join(arguments)} failed:\n{done.stdout}{done.stderr}")
        return whole, json.loads(times.read_text())


def main() -> None:
    if sys.argv[1:2] == ["--inside"]:
        inside(sys.argv[2:])
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="the first iteration of a smaller embedded")
    parser.add_argument("--recipe", default="quickstart")
    parser.add_argument("--domain", default="sports")
    parser.add_argument("--iterations", type=int, default=2)
    options = parser.parse_args()
    recipe, iterations = (QUICK, 1) if options.quick else (options.recipe, options.iterations)
    arguments = ["run", recipe, "--domain", options.domain, "--iterations", str(iterations)]
    whole, kinds = measured(arguments)
    # What comes before and after the clock: the interpreter, and what it does at its end.
    kinds["start-up"] += whole - sum(kinds.values())
    overhead = whole - kinds[MODEL]
    print(
        f"selfspec {' '.join(arguments)}: {whole:.1f} s, model calls {kinds[MODEL]:.1f} s, all else {overhead:.1f} s:"
    )
    for kind, seconds in sorted(kinds.items(), key=lambda pair: -pair[1]):
        if kind != MODEL:
            print(f"{kind:>22}: {seconds:6.1f} s")
    print(f"of that, {SECONDS:g} s are allowed beside {SHARE:.0%} of the whole ({SHARE * whole:.1f} s)")
    print(ratio_line("overhead", overhead / (SHARE * whole + SECONDS), 1, at_least=False))


if __name__ == "__main__":
    main()
