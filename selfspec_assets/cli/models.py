"""``selfspec models`` and ``selfspec models get``."""

from enum import StrEnum
from typing import Annotated

import typer
from rich.table import Table

from selfspec_assets.base import printing
from selfspec_assets.base.known_models import known_model
from selfspec_assets.cli.app import models, print_json, speaks_plainly


class Dtype(StrEnum):
    """Of ``selfspec models get``; as a recipe's ``base_model.dtype``."""

    auto = "auto"
    float32 = "float32"
    bfloat16 = "bfloat16"


@models.callback(invoke_without_command=True, epilog="Example: selfspec models --json")
@speaks_plainly
def listed(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the known small models, or get one of them."""
    from selfspec_assets.models import shelf

    if context.invoked_subcommand is not None:
        return
    rows = shelf.rows()
    if as_json:
        print_json({"models": [row.as_json() for row in rows]})
        return
    table = Table()
    table.add_column("name", no_wrap=True)
    for column in ("parameters", "kind", "licence", "download", "SHA-256 or commit", "here"):
        table.add_column(column)
    for row in rows:
        model = row.model
        size = "" if model.bytes is None else f"{model.bytes / 1e6:,.0f} MB"
        digest = row.digest[:12] or "none known"
        table.add_row(
            model.name, f"{model.parameters / 1e6:,.0f}M", model.kind, model.licence, size, digest, row.state or "no"
        )
    printing.table(table, 120)
    printing.line("selfspec models get NAME brings one here; a recipe names it: base_model: {model: NAME}. By hand:")
    for row in rows:
        printing.line((f"  {row.model.name}", "bold"), f": {row.obtained}")
        if row.model.terms is not None:
            printing.line(
                f"    under the {row.model.terms.title}, {row.model.terms.address}; asks for "
                f"--accept-terms {row.model.terms.name}"
            )


@models.command(epilog="Example: selfspec models get smollm2-135m-instruct")
@speaks_plainly
def get(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A known model.")],
    accept_terms: Annotated[
        str | None,
        typer.Option("--accept-terms", metavar="TERMS", help="Accept the terms of that name, once for this project."),
    ] = None,
    dtype: Annotated[Dtype, typer.Option(help="Precision of the folder that a GGUF file becomes.")] = Dtype.auto,
) -> None:
    """Download a known model, verify it, and convert it to a folder that recipes, transformers and peft load."""
    from selfspec_assets.models import shelf

    shelf.get(known_model(name), accept_terms, dtype.value, printing.line)
