"""``selfspec work``."""

from typing import Annotated

import typer

from selfspec_assets.base import printing
from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.cli.app import RecipeName, app, domains_of, speaks_plainly
from selfspec_assets.recipe.recipe import NamedRecipe, load_recipe


@app.command(epilog="Example: selfspec work quickstart responses 'sports|1' --chunks 0:4")
@speaks_plainly
def work(
    recipe: RecipeName,
    step: Annotated[str, typer.Argument(metavar="STEP", help="A step that works in chunks, e.g. responses.")],
    partition: Annotated[
        str, typer.Argument(metavar="PARTITION", help="A domain, or 'domain|iteration' for a step of an iteration.")
    ],
    chunks: Annotated[str, typer.Option("--chunks", metavar="A:B", help="Chunks A to B - 1; the first is 0.")],
) -> None:
    """Make some chunks of a long step and leave them for the run that commits the step. Any number may work at once."""
    from selfspec_assets.steps.workers.by_hand import make_chunks

    named = load_recipe(recipe)
    domain, iteration = _place(named, step, partition)
    made = make_chunks(named, step, domain, iteration, chunks, printing.line)
    printing.line(f"{made} chunks are there; selfspec run {named.name} goes on from them")


def _place(named: NamedRecipe, step: str, partition: str) -> tuple[str, int]:
    """The partition's domain and iteration.

    Raises:
        SelfspecError: the recipe has no such step or partition.
    """
    from selfspec_assets.steps.lineage import Lineage

    lineage = Lineage(named)
    by_name = {one.name: one for one in lineage.flow}
    if step not in by_name:
        raise SelfspecError(f"step '{step}'", f"recipe '{named.name}' has none", f"choose one of: {', '.join(by_name)}")
    name, _, number = partition.partition("|")
    domain = domains_of(named, name)[0]
    if not by_name[step].per_iteration:
        if number:
            raise SelfspecError(f"partition '{partition}'", f"{step} is of a domain alone", f"give '{domain}'")
        return domain, 0
    last = named.recipe.iterations
    if not number.isdecimal() or not 1 <= int(number) <= last:
        remedy = f"give '{domain}|1'" + (f" to '{domain}|{last}'" if last > 1 else "") + ", in quotes"
        raise SelfspecError(f"partition '{partition}'", f"{step} is made for each iteration", remedy)
    return domain, int(number)
