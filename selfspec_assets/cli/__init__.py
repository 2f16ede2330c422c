"""The command line, a file for each command; importing them registers them, in the order of ``selfspec --help``."""

from selfspec_assets.cli import (
    ask,
    benchmarks,
    check,
    data,
    gc,
    models,
    new_domain,
    plan,
    plugins,
    run,
    samples,
    scores,
    serve,
    sql,
    ui,
    verify,
    version,
)
from selfspec_assets.cli.app import main

__all__ = [
    "ask",
    "benchmarks",
    "check",
    "data",
    "gc",
    "main",
    "models",
    "new_domain",
    "plan",
    "plugins",
    "run",
    "samples",
    "scores",
    "serve",
    "sql",
    "ui",
    "verify",
    "version",
]
