"""``selfspec benchmarks show``."""

from typing import Annotated

import typer

from selfspec_assets.base import printing
from selfspec_assets.cli.app import benchmarks, speaks_plainly


@benchmarks.command(epilog="Example: selfspec benchmarks show yes_no")
@speaks_plainly
def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A benchmark of a pack.")],
    domain: Annotated[str | None, typer.Option("--domain", help="Only this pack.")] = None,
) -> None:
    """Show how many items a benchmark has, and its first one."""
    from selfspec_assets.reports.items import benchmark_show

    for line in benchmark_show.show(name, domain):
        printing.line(line)
