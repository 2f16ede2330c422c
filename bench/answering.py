"""What the benches of answering share: questions as the packs write them, ragged answers, the peer."""

import argparse
import math
import random
from collections.abc import Callable, Sequence
from typing import Any

import torch
from transformers import GenerationConfig, LogitsProcessorList, StoppingCriteriaList

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.method.decoding.encoding import encode_prompt
from selfspec_assets.method.decoding.engine import Engine
from selfspec_assets.method.decoding.prefill import Query
from selfspec_assets.method.decoding.prefix import left_padded
from selfspec_assets.method.decoding.processor import Chooser, GroupProcessor
from selfspec_assets.method.decoding.stop import StopRules, StopTracker
from selfspec_assets.models.language_model import LanguageModel, ModelSpec
from selfspec_assets.packs.corpora.documents import read_corpus
from selfspec_assets.packs.pack import load_pack
from selfspec_assets.packs.records import load_seeds

FLIPS = 0.05  # of the answers may differ: round-off turns near-ties


class Limited(StopTracker):
    """An answer that ends after so many tokens, if the model does not end it before."""

    def __init__(self, decode: Callable[[Sequence[int]], str], eos_ids: frozenset[int], most: int) -> None:
        super().__init__(decode, eos_ids, StopRules())
        self._most = most

    def add(self, token_id: int) -> None:
        super().add(token_id)
        if self.finish is None and len(self.ids) == self._most:
            self.finish = "length"


def options_of(description: str | None) -> argparse.Namespace:
    """``--quick``, ``--model`` and the sizes."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a few short answers, once")
    parser.add_argument("--model", default="smollm2-135m-instruct", help="a known model's name, or a folder")
    parser.add_argument("--questions", type=int, default=64)
    parser.add_argument("--batch", type=int, default=8, help="questions at a time")
    parser.add_argument("--longest", type=int, default=200, help="tokens of an answer")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    if options.quick:
        options.questions, options.batch, options.longest, options.repeats = 4, 2, 24, 1
    torch.set_grad_enabled(False)
    return options


def loaded(name: str) -> LanguageModel:
    """The model, in float32; a known one that is not here ends the bench with the command that gets it."""
    try:
        return LanguageModel.load(ModelSpec(name, dtype="float32"))
    except SelfspecError as error:
        raise SystemExit(str(error)) from None


def questions(count: int, k: int) -> list[tuple[str, ...]]:
    """Prompts of seeds of the pack `biomedicine`, each with k passages of its corpus, in the pack's template."""
    pack, drawing = load_pack("biomedicine"), random.Random(11)
    texts = [document.text for document in read_corpus(pack.corpus_path("bundled"))]
    return [
        tuple(
            pack.response_prompt.render(instruction=seed.instruction, input=seed.input, passage=text)
            for text in drawing.sample(texts, k)
        )
        for seed in drawing.choices(load_seeds(pack.seeds_path("bundled")), k=count)
    ]


def query(lm: LanguageModel, prompts: Sequence[str], sides: Sequence[str | None]) -> Query:
    """The prompts under each side's adapter."""
    rows = tuple(tuple(encode_prompt(lm.tokenizer, prompt)) for prompt in prompts)
    return Query(rows * len(sides), tuple(side for side in sides for _ in rows))


def trackers(lm: LanguageModel, count: int, longest: int) -> list[StopTracker]:
    """Ragged answers: the most tokens of each are drawn between 10 and ``longest``, evenly in the logarithm."""
    drawing = random.Random(5)
    least = math.log(min(10, longest))
    most = [round(math.exp(drawing.uniform(least, math.log(longest)))) for _ in range(count)]
    return [Limited(lambda ids: str(lm.tokenizer.decode(list(ids))), lm.eos_ids, number) for number in most]


def longest_first(queries: Sequence[Query]) -> list[int]:
    """Both sides take the questions in this order, as users who sort by length do."""
    return sorted(range(len(queries)), key=lambda place: (-max(map(len, queries[place].rows)), place))


def engine_answers(
    lm: LanguageModel, queries: Sequence[Query], choose: Chooser, longest: int, batch: int
) -> list[list[int]]:
    """Our side: the engine, ``batch`` questions at a time."""
    ends = trackers(lm, len(queries), longest)
    for _ in Engine(lm, queries, choose, ends, longest).run(longest_first(queries), batch):
        pass
    return [tracker.ids for tracker in ends]


def static_batches(
    lm: LanguageModel,
    queries: Sequence[Query],
    choose: Chooser,
    ends: Sequence[StopTracker],
    batch: int,
    more_scores: Callable[[], Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]] | None = None,
) -> list[list[int]]:
    """The peer: transformers' ``generate``, its own cache, the reference processor, batches that stay together.

    Args:
        more_scores: for each batch makes what turns (ids, mask of the prompts, scores) into the scores that are chosen
            from.
    """
    order = longest_first(queries)
    for begin in range(0, len(order), batch):
        numbers = order[begin : begin + batch]
        rows = [row for number in numbers for row in queries[number].rows]
        groups, first = list[list[int]](), 0
        for number in numbers:
            groups.append(list(range(first, first + len(queries[number].rows))))
            first += len(groups[-1])
        ids, mask = left_padded(rows, lm.pad_id, lm.device)
        extend = more_scores() if more_scores else None
        shown = [[row + side * first for side in (0, 1) for row in group] for group in groups] if extend else groups
        processor = GroupProcessor(
            numbers, shown, choose, [ends[number] for number in numbers], lm.pad_id, lm.vocabulary_size
        )

        def process(
            ids: torch.Tensor,
            scores: torch.Tensor,
            mask: torch.Tensor = mask,
            extend: Any = extend,
            processor: GroupProcessor = processor,
        ) -> torch.Tensor:
            return processor(ids, extend(ids, mask, scores) if extend else scores)[: len(ids)]

        def finished(ids: torch.Tensor, scores: Any, processor: GroupProcessor = processor, **_: Any) -> torch.Tensor:
            return processor.finished(ids, scores)[: len(ids)]

        lm.model.generate(
            ids,
            attention_mask=mask,
            generation_config=GenerationConfig(max_new_tokens=1000, do_sample=False, pad_token_id=lm.pad_id),
            logits_processor=LogitsProcessorList([process]),
            stopping_criteria=StoppingCriteriaList([finished]),
        )
    return [tracker.ids for tracker in ends]


def check_equal(made: dict[str, list[list[int]]]) -> str:
    """What is said of how far the sides agree.

    Raises:
        SystemExit: more answers differ than near-ties explain.
    """
    (name, mine), *others = made.items()
    said = []
    for other, theirs in others:
        equal = sum(one == two for one, two in zip(mine, theirs, strict=True))
        if len(mine) - equal > max(1, FLIPS * len(mine)):
            raise SystemExit(f"{name} and {other}: only {equal} of {len(mine)} answers are the same")
        said.append(f"{equal} of {len(mine)} answers are those of: {other}")
    return "; ".join(said) + f" (up to {FLIPS:.0%}, or one, may differ: near-ties turned by round-off)"
