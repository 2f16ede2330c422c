"""``selfspec compare``."""

from typing import Annotated

import typer

from selfspec_assets.base import printing
from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.cli.app import DomainOption, app, database, print_json, speaks_plainly
from selfspec_assets.warehouse import check_published

_Model = Annotated[str, typer.Argument(help="RECIPE:ITERATION, RECIPE:base, or RECIPE for its last iteration.")]


@app.command(epilog="Example: selfspec compare quickstart:1 quickstart:2 --domain sports")
@speaks_plainly
def compare(
    first: _Model,
    second: _Model,
    domain: DomainOption = None,
    shots: Annotated[int | None, typer.Option(min=0, help="Default: the fewest that both were scored with.")] = None,
    examples: Annotated[int, typer.Option(min=0, help="Answers shown of those that differ most.")] = 3,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, with every item.")] = False,
) -> None:
    """Compare two models item by item: won, lost, tied, the paired test, both answers where they differ most.

    Example: selfspec compare quickstart:base quickstart:2 --domain sports
    """
    from selfspec_assets.reports.scores import compare as comparing
    from selfspec_assets.reports.scores.compare_print import print_comparison

    sides = comparing.side(first), comparing.side(second)
    check_published(database(), sides[0].named.name)
    domains = comparing.shared_domains(*sides, domain)
    found = [c for name in domains if (c := comparing.compare(database(), *sides, name, shots)) is not None]
    if not found:
        names = dict.fromkeys(one.named.name for one in sides)
        remedy = "; ".join(f"selfspec run {name}" for name in names)
        raise SelfspecError(f"{first}, {second}", f"no scores of both in {', '.join(domains)}", remedy)
    if as_json:
        print_json({"comparisons": [comparing.as_json(comparison) for comparison in found]})
        return
    for comparison in found:
        print_comparison(comparison, examples)
    left_out = [name for name in domains if name not in {comparison.domain for comparison in found}]
    if left_out:
        printing.line(f"not compared, no scores of both yet: {', '.join(left_out)}")
