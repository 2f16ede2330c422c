"""A recipe's lengths against its model's context, known before hours of work end in a prompt that is too long."""

import math
from collections.abc import Sequence
from typing import Any

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.base.words import count_words
from selfspec_assets.method.decoding.encoding import encode_prompt
from selfspec_assets.method.instructions.grounding import MOST_WORDS, Shown
from selfspec_assets.method.prompts import alpaca_prompt, instruction_list_prompt
from selfspec_assets.models.check import check_tokenizer, context_length, load_config
from selfspec_assets.models.folder import ModelSpec
from selfspec_assets.models.language_model import load_tokenizer
from selfspec_assets.models.source import conversion_note, local_folder, model_obstacle, template_note
from selfspec_assets.packs.templates import Template
from selfspec_assets.recipe.recipe import NamedRecipe
from selfspec_assets.recipe.sections import InstructionsSection


def check_recipe_fits(named: NamedRecipe, context: int) -> None:
    """Check a recipe's lengths against the model's context (tokens), before hours of work end in one that is too long.

    Raises:
        SelfspecError: naming the key; a prompt needs at least one token beside its answer.
    """
    recipe = named.recipe
    most: dict[str, tuple[int, int]] = {}
    if not recipe.is_reference:
        most["instructions.max_new_tokens"] = (recipe.loop.instructions.max_new_tokens, context - 1)
        most["responses.max_new_tokens"] = (recipe.loop.responses.max_new_tokens, context - 1)
    most["adapter.max_length"] = (recipe.adapter.max_length, context)
    check_answers_fit(named, context)
    for key, (tokens, room) in most.items():
        _check_room(named, key, tokens, room, context)


def check_answers_fit(named: NamedRecipe, context: int) -> None:
    """Check that an answer to a benchmark's question, and a token of the question, fit a model's context (tokens).

    Raises:
        SelfspecError: naming the key.
    """
    _check_room(named, "scores.max_new_tokens", named.recipe.scores.max_new_tokens, context - 1, context)


def _check_room(named: NamedRecipe, key: str, tokens: int, room: int, context: int) -> None:
    if tokens > room:
        raise SelfspecError(
            f"{named.path}: {key}",
            f"{tokens} tokens do not fit the model's context of {context}",
            f"set it to {room} or less",
        )


def check_lengths(named: NamedRecipe, tokenizer: Any, context: int, header: Template, seeds: Sequence[Shown]) -> None:
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
    named: NamedRecipe, tokenizer: Any, context: int, header: Template, seeds: Sequence[Shown]
) -> None:
    settings = named.recipe.loop.instructions
    grounded = settings.inputs == "corpus"

    def tokens_of(shown: Sequence[Shown]) -> int:
        prompt = instruction_list_prompt(header, shown, settings.tasks_per_prompt, answered=grounded)
        return len(encode_prompt(tokenizer, *prompt))

    longest = max(_longest_shown(tokenizer, seeds, settings), key=tokens_of)
    tokens = tokens_of(longest) + (_tokens_of_beginning(tokenizer, seeds) if grounded else 0)
    if tokens + settings.max_new_tokens > context:
        shown = ", ".join(repr(seed.instruction[:40]) for seed in longest)
        raise SelfspecError(
            f"{named.path}: instructions.max_new_tokens",
            f"a list prompt with the longest seeds ({shown}) has {tokens} tokens; with {settings.max_new_tokens} new "
            f"ones it does not fit the model's context of {context}",
            "shorten these seeds, or lower max_new_tokens or instructions.seeds_per_prompt",
        )


def _longest_shown(tokenizer: Any, seeds: Sequence[Shown], section: InstructionsSection) -> list[list[Shown]]:
    """The longest seeds that one prompt can show: of all, or of each type with others where it has too few."""
    by_length = sorted(seeds, key=lambda seed: -len(tokenizer(f"{seed.instruction}\n{seed.input}")["input_ids"]))
    if section.show == "mixed":
        return [by_length[: section.seeds_per_prompt]]
    kinds = {seed.demonstrates for seed in seeds}
    own_first = [sorted(by_length, key=lambda seed: seed.demonstrates != kind) for kind in sorted(kinds)]
    return [own[: section.seeds_per_prompt] for own in own_first]


def _tokens_of_beginning(tokenizer: Any, seeds: Sequence[Shown]) -> int:
    """How many tokens the beginning of a task from the corpus takes: the longest instruction and stretch of text.

    A corpus is read long after this; its words are taken to have as many tokens as those of the seeds.
    """
    inputs = [seed.input for seed in seeds]
    words = sum(map(count_words, inputs))
    per_word = sum(len(tokenizer(text)["input_ids"]) for text in inputs) / max(words, 1)
    return math.ceil(MOST_WORDS * per_word) + max(len(tokenizer(seed.instruction)["input_ids"]) for seed in seeds)


def check_model(named: NamedRecipe, spec: ModelSpec, header: Template, seeds: Sequence[Shown]) -> list[str]:
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
