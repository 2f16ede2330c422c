"""``selfspec ask``."""

import secrets
import sys
from typing import Annotated

import typer

from selfspec_assets.base import printing
from selfspec_assets.cli.app import DomainOption, RecipeName, app, domains_of, print_json, speaks_plainly
from selfspec_assets.recipe.recipe import load_recipe


@app.command()
@speaks_plainly
def ask(
    recipe: RecipeName,
    instruction: Annotated[str, typer.Argument(metavar="INSTRUCTION", help="What is to be done, in quotes.")],
    given: Annotated[str, typer.Option("--input", help="What it is to be done with: a text, a question.")] = "",
    domain: DomainOption = None,
    max_tokens: Annotated[
        int | None, typer.Option("--max-tokens", min=1, help="Of each answer; default: scores.max_new_tokens.")
    ] = None,
    temperature: Annotated[
        float, typer.Option(min=0, max=5, help="0 takes the likeliest token each time, as evaluation does.")
    ] = 0.0,
    top_p: Annotated[float, typer.Option("--top-p", min=0.001, max=1, help="Of the tokens that are drawn from.")] = 1.0,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Of what is drawn; default: another one each time, and told.")
    ] = None,
    base_prompt: Annotated[
        str | None,
        typer.Option("--base-prompt", metavar="NAME", help="What the base is asked in; default: the first of scores."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Ask base and every adapter of a recipe the same, in the prompts of its evaluation; answers side by side.

    selfspec ask quickstart "What is a marathon?" --domain sports
    """
    from selfspec_assets.reports.serving import ask as asking
    from selfspec_assets.reports.serving.served import Sampling, load_served

    def say(line: str) -> None:
        printing.line(line, error=True)

    named = load_recipe(recipe)
    domains = domains_of(named, domain)
    asking.check_question(instruction)
    if temperature and seed is None:
        seed = secrets.randbits(31)
        say(f"drawn with --seed {seed}")
    served = load_served(named, domains, base_prompt, say)
    sampling = Sampling(max_tokens or served.max_new_tokens, temperature, top_p, seed or 0)
    live = sys.stdout.isatty() and not as_json
    answers = asking.answer_all(served, instruction, given, sampling, live)
    if as_json:
        print_json(asking.as_json(served.models, answers, instruction, given))
    elif not live:
        for line in asking.lines(served.models, answers):
            printing.line(line)
