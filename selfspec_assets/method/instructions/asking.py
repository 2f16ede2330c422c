"""What the loop asks of a model and where its texts end: said once, for the steps and for the samples of ``plan``."""

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from selfspec_assets.method.decoding import Generation, StopRules, sample
from selfspec_assets.method.instructions.grounding import Beginning, Shown, begin_task
from selfspec_assets.method.prompts import instruction_list_prompt
from selfspec_assets.models.language_model import LanguageModel, ModelSpec
from selfspec_assets.packs.corpora.documents import Document
from selfspec_assets.packs.templates import Template
from selfspec_assets.recipe.sections import InstructionsSection

# What base models go on with, whatever the template: the headings of Alpaca's form and the usual labels of a task.
USUAL_LABELS = ("Instruction", "Input", "Response", "Passage", "Context", "Output", "Question", "Answer", "Explanation")

_CIRCLES = StopRules(repeated_tokens=True, repeated_sentences=True)
_LINES = replace(_CIRCLES, blank_line=True, list_number=True)


def answer_stop(spec: ModelSpec, template: Template) -> StopRules:
    """Where an answer ends, apart from the end tokens: the same rules for training answers and for predictions.

    A base model goes on after its answer: with a blank line and something else, with the next entry of a list of
    tasks, with the labels of the prompt. In a chat template the model ends its turn itself, and its paragraphs, lists
    and labels are its answer. Either may repeat itself to the end.

    Args:
        template: the pack's response prompt, whose own labels count.
    """
    if spec.chat_template == "always":
        return _CIRCLES
    return replace(_LINES, labels=tuple(dict.fromkeys((*template.labels, *USUAL_LABELS))))


class ListRequest(NamedTuple):
    """One list that the model is asked to go on with.

    Attributes:
        shown: the seeds that the prompt shows.
        prompt: the header and these seeds.
        opening: how the model's text begins: the next number's cue, and of a task from the corpus what is given of it.
        given: the beginning of that task, without a passage that it asks about; "" where the model writes all of it.
        document: the id of the document that it is from; None where no text of the corpus is given.
        stop: where the list ends; None where the task is complete and nothing is asked.
    """

    shown: list[Any]
    prompt: str
    opening: str
    random_seed: int
    given: str = ""
    document: str | None = None
    stop: StopRules | None = StopRules(repeated_tokens=True)  # the list's reader says what counts


def list_requests(
    header: Template,
    seeds: Sequence[Shown],
    random_seeds: Sequence[int],
    section: InstructionsSection,
    corpus: Sequence[Document] = (),
) -> list[ListRequest]:
    """One request for each random seed, which draws the seeds that it shows and where its task begins in the corpus."""
    return [_list_request(header, seeds, number, section, corpus) for number in random_seeds]


def _list_request(
    header: Template,
    seeds: Sequence[Shown],
    random_seed: int,
    section: InstructionsSection,
    corpus: Sequence[Document],
) -> ListRequest:
    drawing, count, grounded = random.Random(random_seed), section.seeds_per_prompt, section.inputs == "corpus"
    if section.show == "mixed":
        shown = drawing.sample(seeds, count)
    else:
        # Every type of task as often as every other, however many seeds it has; one with too few is filled up. Types
        # where a text of the corpus has no place are left to their seeds if tasks are to begin with one.
        kinds = {seed.demonstrates for seed in seeds if seed.passage or not grounded}
        kind = drawing.choice(sorted(kinds))
        own = [seed for seed in seeds if seed.demonstrates == kind]
        others = [seed for seed in seeds if seed.demonstrates != kind]
        few = drawing.sample(own, min(count, len(own)))
        shown = drawing.sample(others, count - len(few)) + few  # the last ones count most
    prompt, opening = instruction_list_prompt(header, shown, section.tasks_per_prompt, answered=grounded)
    if not grounded:
        return ListRequest(shown, prompt, opening, random_seed)
    instruction = drawing.choice([seed for seed in own if seed not in few] or own).instruction
    return _grounded(shown, prompt, opening, random_seed, begin_task(instruction, few, corpus, drawing))


def _grounded(shown: list[Any], prompt: str, opening: str, random_seed: int, task: Beginning) -> ListRequest:
    """A request for what is missing of one task."""
    own = {label.lower() for label in task.labels}
    others = tuple(label for label in USUAL_LABELS if label.lower() not in own)
    stop = replace(_LINES, labels=others)
    return ListRequest(
        shown,
        prompt,
        f"{opening} {task.shown}",
        random_seed,
        task.task,
        task.document,
        None if task.is_complete else stop,
    )


def ask_for_lists(
    model: LanguageModel, requests: Sequence[ListRequest], section: InstructionsSection, adapter: str | None
) -> list[Generation]:
    """One list for each request; an empty one, without asking, where the request's task is complete.

    Raises:
        PromptTooLong: before any work.
    """
    outputs: dict[int, Generation] = {}
    for stop in {request.stop for request in requests}:
        places = [place for place, request in enumerate(requests) if request.stop == stop]
        if stop is None:
            outputs.update(dict.fromkeys(places, Generation("", "eos", 0, (), 0)))
            continue
        asked = [requests[place] for place in places]
        written = sample(
            model,
            [request.prompt for request in asked],
            [request.random_seed for request in asked],
            openings=[request.opening for request in asked],
            temperature=section.temperature,
            top_p=section.top_p,
            min_p=section.min_p,
            max_new_tokens=section.max_new_tokens,
            stop=stop,
            adapter=adapter,
            batch_size=section.batch_size,
        )
        outputs.update(zip(places, written, strict=True))
    return [outputs[place] for place in range(len(requests))]
