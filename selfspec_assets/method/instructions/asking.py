"""What the loop asks of a model and where its texts end: said once, for the steps and for the samples of ``plan``."""

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple, Protocol

from selfspec_assets.method.decoding import Generation, StopRules, sample
from selfspec_assets.method.prompts import Example, instruction_list_prompt
from selfspec_assets.models.language_model import LanguageModel, ModelSpec
from selfspec_assets.packs.templates import Template
from selfspec_assets.recipe.sections import InstructionsSection


class Shown(Example, Protocol):
    """A seed that a list of tasks shows."""

    @property
    def demonstrates(self) -> str: ...


# What base models go on with, whatever the template: the headings of Alpaca's form and the usual labels of a task.
USUAL_LABELS = ("Instruction", "Input", "Response", "Passage", "Context", "Output", "Question", "Answer", "Explanation")


def answer_stop(spec: ModelSpec, template: Template) -> StopRules:
    """Where an answer ends, apart from the end tokens: the same rules for training answers and for predictions.

    A base model goes on after its answer: with a blank line and something else, with the next entry of a list of
    tasks, with the labels of the prompt. In a chat template the model ends its turn itself, and its paragraphs, lists
    and labels are its answer. Either may repeat itself to the end.

    Args:
        template: the pack's response prompt, whose own labels count.
    """
    circles = StopRules(repeated_tokens=True, repeated_sentences=True)
    if spec.chat_template == "always":
        return circles
    labels = tuple(dict.fromkeys((*template.labels, *USUAL_LABELS)))
    return replace(circles, blank_line=True, list_number=True, labels=labels)


class ListRequest(NamedTuple):
    """One list that the model is asked to go on with: the seeds shown, the prompt, and how the model's text begins."""

    shown: list[Any]
    prompt: str
    opening: str
    random_seed: int


def list_requests(
    header: Template, seeds: Sequence[Shown], random_seeds: Sequence[int], section: InstructionsSection
) -> list[ListRequest]:
    """One request for each random seed, which draws the seeds that it shows."""
    return [_list_request(header, seeds, number, section) for number in random_seeds]


def _list_request(
    header: Template, seeds: Sequence[Shown], random_seed: int, section: InstructionsSection
) -> ListRequest:
    drawing, count = random.Random(random_seed), section.seeds_per_prompt
    if section.show == "mixed":
        shown = drawing.sample(seeds, count)
    else:
        # Every type of task as often as every other, however many seeds it has; one with too few is filled up.
        kind = drawing.choice(sorted({seed.demonstrates for seed in seeds}))
        own = [seed for seed in seeds if seed.demonstrates == kind]
        others = [seed for seed in seeds if seed.demonstrates != kind]
        few = drawing.sample(own, min(count, len(own)))
        shown = drawing.sample(others, count - len(few)) + few  # the last ones count most
    return ListRequest(shown, *instruction_list_prompt(header, shown, section.tasks_per_prompt), random_seed)


def ask_for_lists(
    model: LanguageModel, requests: Sequence[ListRequest], section: InstructionsSection, adapter: str | None
) -> list[Generation]:
    """One list for each request. Its reader says what counts; a list that only repeats itself ends there.

    Raises:
        PromptTooLong: before any work.
    """
    return sample(
        model,
        [request.prompt for request in requests],
        [request.random_seed for request in requests],
        openings=[request.opening for request in requests],
        temperature=section.temperature,
        top_p=section.top_p,
        min_p=section.min_p,
        max_new_tokens=section.max_new_tokens,
        stop=StopRules(repeated_tokens=True),
        adapter=adapter,
        batch_size=section.batch_size,
    )
