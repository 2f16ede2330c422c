"""``selfspec gc``."""

from typing import Annotated

import typer

from selfspec_assets.base import home, printing
from selfspec_assets.cli.app import app, speaks_plainly
from selfspec_assets.warehouse import Warehouse


@app.command(epilog="Example: selfspec gc")
@speaks_plainly
def gc(yes: Annotated[bool, typer.Option("--yes", help="Remove it; without this it is only shown.")] = False) -> None:
    """Show, or remove, what nothing needs any more: superseded revisions, leftovers of dead runs."""
    from selfspec_assets.planning import garbage, plan_print

    warehouse = Warehouse(home.warehouse_folder())
    leftovers = garbage.find(warehouse)
    plan_print.print_garbage(leftovers)
    if yes:
        freed = garbage.remove(warehouse, leftovers.items)
        printing.line(f"removed; {plan_print.size(freed)} freed")
