"""A recipe's lengths against its model's context, known before hours of work end in a prompt that is too long."""

from collections.abc import Sequence
from typing import Any

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.method.decoding.encoding import encode_prompt
from selfspec_assets.method.prompts import Example, alpaca_prompt, instruction_list_prompt
from selfspec_assets.models.check import check_tokenizer, context_length, load_config
from selfspec_assets.models.folder import ModelSpec
from selfspec_assets.models.language_model import load_tokenizer
from selfspec_assets.models.source import conversion_note, local_folder, model_obstacle, template_note
from selfspec_assets.packs.templates import Template
from selfspec_assets.recipe.recipe import NamedRecipe


def check_recipe_fits(named: NamedRecipe, context: int) -> None:
    """Check a recipe's lengths against the model's context (tokens), before hours of work end in one that is too long.

    Raises:
        SelfspecError: naming the key; a prompt needs at least one token beside its answer.
    """
    recipe = named.recipe
    most = {"scores.max_new_tokens": (recipe.scores.max_new_tokens, context - 1)}
    if not recipe.is_reference:
        most["instructions.max_new_tokens"] = (recipe.loop.instructions.max_new_tokens, context - 1)
        most["responses.max_new_tokens"] = (recipe.loop.responses.max_new_tokens, context - 1)
    most["adapter.max_length"] = (recipe.adapter.max_length, context)
    for key, (tokens, room) in most.items():
        if tokens > room:
            raise SelfspecError(
                f"{named.path}: {key}",
                f"{tokens} tokens do not fit the model's context of {context}",
                f"set it to {room} or less",
            )


def check_lengths(named: NamedRecipe, tokenizer: Any, context: int, header: Template, seeds: Sequence[Example]) -> None:
    """``check_recipe_fits``, and that some example can be tuned on and every list prompt fits the context (tokens).

    Raises:
        SelfspecError: a length of the recipe does not fit, nor does the prompt with the longest seeds; no example can
            be as short as ``adapter.max_length``.
    """
    check_recipe_fits(named, context)
    longest, template = named.recipe.adapter.max_length, len(encode_prompt(tokenizer, alpaca_prompt("", "")))
    if template >= longest:
        raise SelfspecError(
            f"{named.path}: adapter.max_length",
            f"{longest} tokens: the template of an example without any text has {template}",
            "raise it to what the longest examples take",
        )
    if not named.recipe.is_reference:
        _check_list_prompt(named, tokenizer, context, header, seeds)


def _check_list_prompt(
    named: NamedRecipe, tokenizer: Any, context: int, header: Template, seeds: Sequence[Example]
) -> None:
    settings = named.recipe.loop.instructions
    by_length = sorted(seeds, key=lambda seed: -len(tokenizer(f"{seed.instruction}\n{seed.input}")["input_ids"]))
    longest = by_length[: settings.seeds_per_prompt]
    tokens = len(encode_prompt(tokenizer, *instruction_list_prompt(header, longest, settings.tasks_per_prompt)))
    if tokens + settings.max_new_tokens > context:
        shown = ", ".join(repr(seed.instruction[:40]) for seed in longest)
        raise SelfspecError(
            f"{named.path}: instructions.max_new_tokens",
            f"a list prompt with the longest seeds ({shown}) has {tokens} tokens; with {settings.max_new_tokens} new "
            f"ones it does not fit the model's context of {context}",
            "shorten these seeds, or lower max_new_tokens or instructions.seeds_per_prompt",
        )


def check_model(named: NamedRecipe, spec: ModelSpec, header: Template, seeds: Sequence[Example]) -> list[str]:
    """Lines for ``selfspec check`` about a model's folder.

    A hub's model is looked at once it has been downloaded, a GGUF file's tokenizer once it has been converted.

    Raises:
        SelfspecError: see the functions above and ``model_obstacle``; what they find here, a run would find before its
            first step.
    """
    if (obstacle := model_obstacle(spec)) is not None:
        raise obstacle
    folder = local_folder(spec)
    if folder is None:
        note = conversion_note(spec)
        return [f"the first run begins by {note}"] if note else []
    tokenizer, config = load_tokenizer(spec), load_config(folder)
    check_tokenizer(tokenizer, config, folder)
    context = context_length(config, tokenizer, folder)
    check_lengths(named, tokenizer, context, header, seeds)
    note = template_note(spec, folder)
    return [f"context: {context} tokens", *([f"warning: {note}"] if note else [])]
