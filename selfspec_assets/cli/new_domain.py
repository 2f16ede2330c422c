"""``selfspec new-domain``."""

from typing import Annotated

import typer

from selfspec_assets.cli.app import app, print_lines, speaks_plainly


@app.command(epilog="Example: selfspec new-domain law")
@speaks_plainly
def new_domain(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Lower-case letters, digits and _; such as 'law'.")],
) -> None:
    """Write a small domain pack and its recipe, which run as they are and are yours to fill."""
    from selfspec_assets.packs.new_domain import scaffold

    print_lines(scaffold(name))
