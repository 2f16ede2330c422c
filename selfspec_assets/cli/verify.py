"""``selfspec verify``."""

from typing import Annotated

import typer

from selfspec_assets.base import home, printing
from selfspec_assets.cli.app import app, print_lines, speaks_plainly
from selfspec_assets.warehouse import Warehouse


@app.command(epilog="Example: selfspec verify")
@speaks_plainly
def verify(
    drop: Annotated[
        bool, typer.Option("--drop", help="Remove damaged revisions, so that the next run makes them anew, alone.")
    ] = False,
) -> None:
    """Read every stored file and compare it with its digest. Ends with 1 if something is damaged and stays."""
    from selfspec_assets.planning import verification

    warehouse = Warehouse(home.warehouse_folder())
    verified = verification.verify(warehouse)
    print_lines(
        [f"{verified.files} files of {verified.revisions} revisions read, {len(verified.damages)} revisions damaged"]
    )
    for damage in verified.damages:
        for error in damage.errors:
            printing.failure(error, word="damaged", indent="  ")
    done = verification.drop(warehouse, verified.damages if drop else [])
    if done.gone:
        print_lines([f"{len(done.gone)} damaged revisions removed; made anew by:", *verification.commands(done.gone)])
    if done.sound:
        print_lines([f"{len(done.sound)} revisions were made anew meanwhile, are sound now, and stay"])
    if len(done.gone) + len(done.sound) < len(verified.damages):
        raise typer.Exit(1)
