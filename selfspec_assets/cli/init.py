"""``selfspec init``."""

from pathlib import Path
from typing import Annotated

import typer

from selfspec_assets.cli.app import app, print_lines, speaks_plainly


@app.command(epilog="Example: selfspec init my-project")
@speaks_plainly
def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that is empty or is not there yet.")],
) -> None:
    """Lay out a project: recipes, packs and seeds of your own beside those that ship, and Dagster's files."""
    from selfspec_assets.packs.new_project import lay_out

    print_lines(lay_out(folder))
