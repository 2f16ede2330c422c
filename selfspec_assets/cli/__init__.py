"""The command line, a file for each command; importing them registers them, in the order of ``selfspec --help``."""

from selfspec_assets.cli import (
    benchmarks,
    check,
    data,
    export,
    gc,
    init,
    models,
    new_domain,
    plan,
    plugins,
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
    "data",
    "export",
    "gc",
    "init",
    "main",
    "models",
    "new_domain",
    "plan",
    "plugins",
    "run",
    "samples",
    "scores",
    "sql",
    "ui",
    "verify",
    "version",
]
