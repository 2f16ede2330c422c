"""``selfspec export``."""

from pathlib import Path
from typing import Annotated, Literal, get_args

import typer

from selfspec_assets.base import printing
from selfspec_assets.cli.app import DomainOption, app, print_lines, speaks_plainly
from selfspec_assets.recipe.recipe import load_recipe
from selfspec_assets.reports.exports.formats import Dtype, OutType
from selfspec_assets.reports.exports.push import Push, check_push

Format = Literal["alpaca", "sharegpt", "parquet", "duckdb", "adapter", "merged", "gguf", "ollama", "lm-eval"]


@app.command(epilog="Example: selfspec export merged quickstart --domain sports --output ./sports-model")
@speaks_plainly
def export(
    format_: Annotated[Format, typer.Argument(metavar="FORMAT", help=f"One of: {', '.join(get_args(Format))}.")],
    recipe: Annotated[str, typer.Argument(metavar="RECIPE", help="A recipe's name, or its file's path.")],
    output: Annotated[Path, typer.Option("--output", help="The folder to make.")],
    domain: DomainOption = None,
    iteration: Annotated[int | None, typer.Option("--iteration", help="Default: the last that is there.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an export that is there.")] = False,
    dtype: Annotated[Dtype, typer.Option("--dtype", help="merged: what the weights are stored in.")] = "bfloat16",
    score: Annotated[bool, typer.Option("--score/--no-score", help="merged: ask the recipe's questions again.")] = True,
    bound: Annotated[
        float, typer.Option("--bound", min=0, max=100, help="merged: points that an average may differ by.")
    ] = 1.0,
    out_type: Annotated[OutType, typer.Option("--outtype", help="gguf, ollama: how weights are stored.")] = "f16",
    prompt: Annotated[str, typer.Option("--prompt", help="lm-eval: alpaca, or a prompt of the base.")] = "alpaca",
    push: Annotated[str | None, typer.Option("--push", help="Also to this repository of the hub: owner/name.")] = None,
    public: Annotated[bool, typer.Option("--public", help="Make the repository public; it is private else.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Send the files that --push lists.")] = False,
) -> None:
    """Write data, an adapter or a model of a recipe for other tools, as a folder with its card."""
    from selfspec_assets.reports.exports.merged import Merging
    from selfspec_assets.reports.exports.writing import Choices
    from selfspec_assets.reports.exports.writing import export as write

    target = None if push is None else Push(push, public)
    if target is not None:
        check_push(target)
    choices = Choices(Merging(dtype, score, bound), out_type, prompt)
    done = write(
        format_, load_recipe(recipe), domain, iteration, output, force=force, choices=choices, report=printing.line
    )
    printing.line(f"wrote {output}")
    print_lines(done.lines)
    if not done.equal:
        raise typer.Exit(1)
    if target is not None:
        _push(output, target, format_, yes)


def _push(folder: Path, target: Push, format_: str, yes: bool) -> None:
    """Lists what would be sent, and sends it only where that was wanted."""
    from selfspec_assets.reports.exports.push import file_list, send

    seen = "for everybody to see" if target.public else "private"
    printing.line(f"to {target.repository} ({seen}):")
    print_lines([f"{size:>14,} bytes  {name}" for name, size in file_list(folder)])
    if not yes:
        printing.line("nothing was sent; add --yes to send these files")
        return
    printing.line(f"sent to {send(folder, target, format_)}")
