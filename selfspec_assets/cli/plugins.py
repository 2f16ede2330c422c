"""``selfspec plugins``."""

from typing import Annotated

import typer
from rich.table import Table

from selfspec_assets import plugins as registry
from selfspec_assets.base import printing
from selfspec_assets.cli.app import app, print_json, speaks_plainly


@app.command(epilog="Example: selfspec plugins")
@speaks_plainly
def plugins(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List what recipes and packs can name: kind, name, version, and from where. Ends with 1 if one is broken."""
    listed = sorted(registry.REGISTRY.all(), key=lambda plugin: (registry.KINDS.index(plugin.kind), plugin.name))
    broken = list(registry.each_broken())
    if as_json:
        rows = [{"kind": p.kind, "name": p.name, "version": p.version, "origin": p.origin} for p in listed]
        print_json({"plugins": rows, "broken": [str(error) for error in broken]})
    else:
        table = Table()
        for column in ("kind", "name", "version", "from"):
            table.add_column(column)
        for plugin in listed:
            table.add_row(plugin.kind, plugin.name, plugin.version, plugin.origin)
        printing.table(table)
        for error in broken:
            printing.failure(error)
    if broken:
        raise typer.Exit(1)
