"""The reference of decoding: stock ``generate`` over batches of whole prompts that stay together until all have ended.

The engine gives the same texts in less time. What has caches that rows cannot leave is decoded here: layers that are
no plain attention, and a sliding window shorter than the texts.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from selfspec_assets.method.decoding.cache import growing_cache
from selfspec_assets.method.decoding.prefill import Query, tokens_at_a_time
from selfspec_assets.method.decoding.prefix import left_padded
from selfspec_assets.method.decoding.processor import Chooser, GroupProcessor
from selfspec_assets.method.decoding.stop import StopTracker
from selfspec_assets.models.language_model import LanguageModel

if TYPE_CHECKING:
    from torch import Tensor


def decode_in_batches(
    lm: LanguageModel,
    queries: Sequence[Query],
    choose: Chooser,
    trackers: Sequence[StopTracker],
    max_new_tokens: int,
    order: Sequence[int],
    at_a_time: int,
) -> Iterator[list[int]]:
    """Groups as their batches end; arguments as of ``engine.Engine``."""
    for begin in range(0, len(order), at_a_time):
        numbers = list(order[begin : begin + at_a_time])
        rows = [row for number in numbers for row in queries[number].rows]
        adapters = [adapter for number in numbers for adapter in queries[number].adapters]
        members, first = [], 0
        for number in numbers:
            members.append(list(range(first, first + len(queries[number].rows))))
            first += len(queries[number].rows)
        own = [trackers[number] for number in numbers]
        processor = GroupProcessor(numbers, members, choose, own, lm.pad_id, lm.vocabulary_size)
        run_generate(lm, rows, adapters, processor, processor.finished, max_new_tokens)
        yield numbers


def run_generate(
    lm: LanguageModel,
    rows: Sequence[Sequence[int]],
    adapters: Sequence[str | None],
    processor: "Callable[[Tensor, Tensor], Tensor]",
    finished: "Callable[..., Tensor] | None",
    max_new_tokens: int,
) -> None:
    """Stock ``generate`` over left-padded rows, row i under adapter i; everything is seen through ``processor``.

    Raises:
        SelfspecError: a row's logits are not finite.
    """
    from transformers import GenerationConfig, LogitsProcessorList, StoppingCriteriaList

    def checked(input_ids: "Tensor", scores: "Tensor") -> "Tensor":
        lm.check_logits(scores, adapters)
        return processor(input_ids, scores)

    input_ids, mask = left_padded(rows, lm.pad_id, lm.device)
    cache = growing_cache(lm.model.config, input_ids.shape[1] + max_new_tokens)
    with lm.rows(adapters) as model:
        config = GenerationConfig(
            max_new_tokens=max_new_tokens,
            do_sample=False,
            pad_token_id=lm.pad_id,
            prefill_chunk_size=tokens_at_a_time(lm.device, cache, len(rows)),
        )
        model.generate(
            input_ids,
            attention_mask=mask,
            generation_config=config,
            past_key_values=cache,
            logits_processor=LogitsProcessorList([checked]),
            stopping_criteria=StoppingCriteriaList([finished] if finished else []),
        )
