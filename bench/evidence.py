"""Everything that is claimed, measured anew over several seeds: runs the recipes and writes ``docs/evidence.md``.

    python -m bench.evidence [--seeds 42 43 44] [--domains biomedicine] [--recipes quickstart 'ablation_*'] [--partial]

Copies of the recipes in which only ``seed`` and ``domains`` differ go into a project folder of their own
(``build/evidence``) and are run there as ``selfspec run`` runs them. It can be killed and run again at any time:
finished parts are reused. The page is replaced only when it lacks nothing of what is measured without arguments, or
with ``--partial``, which marks it.
"""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bench.evidence_measured import Measured, load
from bench.evidence_page import page
from bench.evidence_plan import DEFAULT_SEEDS, SOURCES, Planned, Remaining, check, plan, whole
from bench.evidence_samples import load_samples
from selfspec_assets.base import home
from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.base.progress import Report, clock
from selfspec_assets.orchestration.runner import run_recipe
from selfspec_assets.warehouse import Warehouse

ROOT = Path(__file__).resolve().parent.parent


def run_all(planned: Sequence[Planned], warehouse: Warehouse, report: Report) -> list[str]:
    """Makes what is missing; a recipe that fails does not keep the others from being made.

    Returns:
        What failed, and why.
    """
    failures: list[str] = []
    remaining = Remaining(planned, warehouse)
    for one in planned:
        for domain in one.named.recipe.domains:
            report(f"evidence: {remaining.line()}")
            try:
                run_recipe(one.named, [domain], one.iterations, _counting_down(remaining, report))
            except SelfspecError as error:
                failures.append(f"{one.named.name} × {domain}: {error}")
                report(f"FAILED {failures[-1]}")
    report(f"evidence: {remaining.line()}")
    return failures


def _counting_down(remaining: Remaining, report: Report) -> Report:
    """Puts the time left over the whole plan, as it was estimated when this recipe began, before each line."""
    seconds, started = remaining.seconds(), time.monotonic()

    def line(text: str) -> None:
        left = "" if seconds is None else f"[{clock(max(0.0, seconds - (time.monotonic() - started)))} left] "
        report(f"  {left}{text}")

    return line


def missing_of(planned: Sequence[Planned], measured: Measured) -> list[str]:
    """What keeps the page from being whole: not measured, whether it was planned this time or not."""
    asked = [(one.source, domain, one.seed) for one in planned for domain in one.named.recipe.domains]
    seeds: dict[tuple[str, str], list[int]] = {}
    for source, domain, seed in dict.fromkeys([*whole(), *asked]):
        if (source, domain, seed) not in measured.reports:
            seeds.setdefault((source, domain), []).append(seed)
    return [
        f"`{source}` in {domain}, seed{'s' if len(lacking) > 1 else ''} {', '.join(map(str, lacking))}"
        for (source, domain), lacking in seeds.items()
    ]


def say(line: str) -> None:
    print(line, flush=True)


def main(arguments: Sequence[str] | None = None, report: Report = say) -> int:
    """0 if the page was written, 1 if something failed or is missing."""
    options = _options(arguments)
    folder = options.home.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    os.environ["SELFSPEC_HOME"] = str(folder)
    os.environ.pop("SELFSPEC_WAREHOUSE", None)  # the evidence keeps its own
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    warehouse = Warehouse(home.warehouse_folder())
    planned = plan(options.recipes, options.seeds, options.domains, folder)
    check(planned)
    failures = run_all(planned, warehouse, report)
    measured = load(planned, warehouse)
    samples = {domain: load_samples(planned, warehouse, domain) for domain in measured.domains}
    measured = replace(measured, samples=samples)
    missing = missing_of(planned, measured)
    if missing and not options.partial:
        listed = "\n".join(f"  {line}" for line in missing)
        report(f"{options.page} is left as it is; missing:\n{listed}\n--partial writes it all the same, marked")
        return 1
    text = page(measured, _shown(folder), missing)
    options.page.parent.mkdir(parents=True, exist_ok=True)
    options.page.write_text(text, encoding="utf-8")
    report(f"wrote {options.page}")
    return 1 if failures else 0


def _shown(folder: Path) -> str:
    """The folder as the page names it: from the repository, and by its last part where it lies elsewhere."""
    return str(folder.relative_to(ROOT)) if folder.is_relative_to(ROOT) else folder.name


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=list(DEFAULT_SEEDS))
    parser.add_argument("--domains", nargs="+", help="default: those of the quickstart recipe")
    parser.add_argument("--recipes", nargs="+", default=list(SOURCES), help="names or quoted globs; default: all")
    parser.add_argument("--home", type=Path, default=ROOT / "build" / "evidence", help="the project folder of its own")
    parser.add_argument("--page", type=Path, default=ROOT / "docs" / "evidence.md")
    parser.add_argument("--partial", action="store_true", help="write the page all the same, marked")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    try:
        status = main()
    except SelfspecError as error:
        print(f"error {error}", file=sys.stderr)
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)  # as selfspec_assets.cli.app.main: DuckDB's binding prints a page when torn down after torch
