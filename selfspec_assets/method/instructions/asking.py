"""What the loop asks of a model and where its texts end: said once, for the steps and for the samples of ``plan``."""

import random
from collections.abc import Sequence
from typing import TypeVar

from selfspec_assets.method.decoding import Generation, StopRules, sample
from selfspec_assets.method.prompts import Example, instruction_list_prompt
from selfspec_assets.models.language_model import LanguageModel, ModelSpec
from selfspec_assets.packs.templates import Template
from selfspec_assets.recipe.sections import InstructionsSection

S = TypeVar("S", bound=Example)


def response_stop(spec: ModelSpec) -> StopRules:
    """Where a response ends, apart from the end token.

    A base model goes on after its answer, so a blank line or the number of a next list entry ends it. In a chat
    template the model ends its turn itself, and its paragraphs and lists are its answer.
    """
    return _stop(spec, StopRules(blank_line=True, list_number=True))


def prediction_stop(spec: ModelSpec) -> StopRules:
    """Where an answer to a benchmark ends: as ``response_stop``, but it may itself be a list."""
    return _stop(spec, StopRules(blank_line=True))


def _stop(spec: ModelSpec, plain: StopRules) -> StopRules:
    return StopRules() if spec.chat_template == "always" else plain


def list_prompts(
    header: Template, seeds: Sequence[S], random_seeds: Sequence[int], section: InstructionsSection
) -> tuple[list[list[S]], list[str]]:
    """(the seeds shown, the prompt) of one list request for each random seed, which draws its own."""
    shown = [random.Random(number).sample(seeds, section.seeds_per_prompt) for number in random_seeds]
    return shown, [instruction_list_prompt(header, some, section.tasks_per_prompt) for some in shown]


def ask_for_lists(
    model: LanguageModel,
    prompts: Sequence[str],
    random_seeds: Sequence[int],
    section: InstructionsSection,
    adapter: str | None,
) -> list[Generation]:
    """One list for each prompt. Nothing but the end token or the length ends it: its reader says what counts.

    Raises:
        PromptTooLong: before any work.
    """
    return sample(
        model,
        prompts,
        random_seeds,
        temperature=section.temperature,
        top_p=section.top_p,
        max_new_tokens=section.max_new_tokens,
        stop=StopRules(),
        adapter=adapter,
        batch_size=section.batch_size,
    )
