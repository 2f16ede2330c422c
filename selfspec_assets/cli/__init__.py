"""The command line, a file for each command; importing them registers them, in the order of ``selfspec --help``."""

from selfspec_assets.cli import (
    benchmarks,
    check,
    compare,
    data,
    gc,
    models,
    new_domain,
    plan,
    plugins,
    report,
    run,
    samples,
    scores,
    sql,
    ui,
    verify,
    version,
)
from selfspec_assets.cli.app import main

__all__ = [
    "benchmarks",
    "check",
    "compare",
    "data",
    "gc",
    "main",
    "models",
    "new_domain",
    "plan",
    "plugins",
    "report",
    "run",
    "samples",
    "scores",
    "sql",
    "ui",
    "verify",
    "version",
]
