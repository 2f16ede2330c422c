"""``selfspec serve``."""

from typing import Annotated

import typer

from selfspec_assets.base import printing
from selfspec_assets.cli.app import DomainOption, RecipeName, app, domains_of, speaks_plainly
from selfspec_assets.recipe.recipe import load_recipe


@app.command()
@speaks_plainly
def serve(
    recipe: RecipeName,
    domain: DomainOption = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8000,
    host: Annotated[str, typer.Option(help="Another address than this machine's own opens it to the network.")] = (
        "127.0.0.1"
    ),
    base_prompt: Annotated[
        str | None,
        typer.Option("--base-prompt", metavar="NAME", help="What the base is asked in; default: the first of scores."),
    ] = None,
) -> None:
    """Serve base and adapters behind OpenAI's protocol, on 127.0.0.1. Ctrl-C ends it.

    Models are called base, and by domain and iteration: sports-1. See docs/serving.md.

    selfspec serve quickstart --domain sports --port 8000
    """
    from selfspec_assets.reports.serving import server
    from selfspec_assets.reports.serving.served import load_served

    def say(line: str) -> None:
        printing.line(line, error=True)

    named = load_recipe(recipe)
    domains = domains_of(named, domain)
    if not server.is_loopback(host):
        say(f"WARNING: --host {host}: whoever reaches this machine can ask, without a password or encryption")
    listener = server.bind(host, port)  # that it is taken shows before weights are read
    server.serve(load_served(named, domains, base_prompt, say), listener, host, say)
