"""Text from a language model: sampled, greedy, or under Eq. 2 and Eq. 3.

Results come in the order of the input, and an item's result does not depend on the others in its call beyond
round-off (fp32: about 1e-6 in a log-probability; in bfloat16 another batch shape can flip a near-tie).
"""

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from selfspec_assets.method.decoding.batching import Progress, in_batches
from selfspec_assets.method.decoding.encoding import encode_prompt
from selfspec_assets.method.decoding.stop import StopRules, StopTracker
from selfspec_assets.method.decoding.types import Answer, ContrastSettings, Generation, Group, check_lengths
from selfspec_assets.models.language_model import LanguageModel

if TYPE_CHECKING:
    import torch
    from torch import Tensor
    from transformers import DynamicCache

    from selfspec_assets.method.decoding.processor import Chooser, MixtureChooser


_log = logging.getLogger(__name__)
CPU_PASS_TOKENS = 4096  # a prompt's tokens, over all rows, in one forward pass on a CPU


def fits(lm: LanguageModel, prompt: str, max_new_tokens: int) -> bool:
    """Whether a prompt and that many new tokens fit the model's context."""
    return len(encode_prompt(lm.tokenizer, prompt)) + max_new_tokens <= lm.context_length


def sample(
    lm: LanguageModel,
    prompts: Sequence[str],
    random_seeds: Sequence[int],
    *,
    temperature: float,
    top_p: float,
    max_new_tokens: int,
    stop: StopRules,
    adapter: str | None,
    batch_size: int,
    min_p: float = 0.0,
    openings: Sequence[str] | None = None,
    progress: Progress | None = None,
) -> list[Generation]:
    """Sample one text per prompt (section 3.2: top-p 0.98, temperature 1).

    Args:
        random_seeds: one per prompt; with it a prompt's sample is fixed, whatever else is in the call.
        min_p: tokens whose probability is below this share of the likeliest one's are out.
        openings: one per prompt, how its text begins (``encode_prompt``); it is no part of the result.
        adapter: a loaded adapter's name, or None for the base.
        batch_size: prompts at a time; speed and memory only.
        progress: told (done, all) after each batch.

    Raises:
        PromptTooLong: before any work.
        ValueError: numbers out of range, or not one seed per prompt.
    """
    from selfspec_assets.method.decoding.sampling import GumbelSampler

    if len(random_seeds) != len(prompts):
        raise ValueError(f"{len(prompts)} prompts and {len(random_seeds)} seeds")

    def chooser(batch: list[int]) -> "Chooser":
        return GumbelSampler([random_seeds[place] for place in batch], temperature, top_p, lm.device, min_p)

    encoded = [
        encode_prompt(lm.tokenizer, *pair) for pair in zip(prompts, openings or [""] * len(prompts), strict=True)
    ]
    return _one_per_prompt(lm, "samples", encoded, chooser, max_new_tokens, stop, adapter, batch_size, progress)


def greedy(
    lm: LanguageModel,
    prompts: Sequence[str],
    *,
    max_new_tokens: int,
    stop: StopRules,
    adapter: str | None,
    batch_size: int,
    progress: Progress | None = None,
) -> list[Generation]:
    """The likeliest next token, again and again; arguments and errors as in ``sample``."""
    from selfspec_assets.method.decoding.processor import greedy_choice

    encoded = [encode_prompt(lm.tokenizer, prompt) for prompt in prompts]
    return _one_per_prompt(
        lm, "texts", encoded, lambda batch: greedy_choice, max_new_tokens, stop, adapter, batch_size, progress
    )


def answer(
    lm: LanguageModel,
    groups: Sequence[Group],
    *,
    max_new_tokens: int,
    stop: StopRules,
    aligned: str | None,
    weaker: str | None,
    contrast: ContrastSettings | None,
    batch_size: int,
    progress: Progress | None = None,
) -> list[Answer]:
    """Answer each query greedily from the mixture over its passages (Eq. 2), against a weaker model (Eq. 3).

    Iteration 1: ``aligned=None, weaker=None, contrast=None``. Iteration 2: adapter 1 against the base (None).
    Iteration 3: adapter 2 against adapter 1. Each side is mixed first, then contrasted, in one mixed forward.

    Args:
        groups: the queries; they may differ in their number of passages.
        aligned: adapter of the answering side, None for the base.
        weaker: adapter of the side that is taken away; not used where contrast is None or of form ``none``.
        contrast: None for Eq. 2 alone.
        batch_size: groups at a time (k rows each, 2k with contrast); speed and memory only.
        progress: told (done, all) after each batch.

    Raises:
        PromptTooLong: before any work.
        ValueError: a contrast of a model with itself, or numbers out of range.
    """
    from selfspec_assets.method.decoding.processor import MixtureChooser

    settings = None if contrast is None or contrast.form == "none" else contrast
    if settings and aligned == weaker:
        raise ValueError(f"a contrast of {aligned or 'the base'} with itself chooses nothing")
    encoded = [[encode_prompt(lm.tokenizer, prompt) for prompt in group.prompts] for group in groups]
    lengths = [max(map(len, prompts)) for prompts in encoded]
    check_lengths(lengths, max_new_tokens, lm.context_length)

    def run(batch: list[int]) -> list[Answer]:
        chooser = MixtureChooser([groups[place].weights for place in batch], settings, lm.device)
        side = [ids for place in batch for ids in encoded[place]]
        adapters = [aligned] * len(side) + ([weaker] * len(side) if settings else [])
        trackers = _decode(
            lm, side * (2 if settings else 1), adapters, chooser.group_rows(), chooser, max_new_tokens, stop
        )
        return [
            _answer(lm, tracker, chooser, place, sum(map(len, encoded[batch[place]])))
            for place, tracker in enumerate(trackers)
        ]

    return in_batches(lengths, batch_size, run, progress, lm.room["answers"])


def _answer(
    lm: LanguageModel, tracker: StopTracker, chooser: "MixtureChooser", group: int, prompt_tokens: int
) -> Answer:
    text, finish, tokens = tracker.result()
    steps = chooser.steps[group][:tokens]
    return Answer(
        text=text,
        finish=finish,
        tokens=tokens,
        token_ids=tuple(step.token_id for step in steps),
        prompt_tokens=prompt_tokens,
        pieces=tuple(to_text(lm)([step.token_id]) for step in steps),
        posterior=tuple(step.posterior for step in steps),
        top_passage_ids=tuple(step.top_passage_id for step in steps),
        marginal_ids=tuple(step.marginal_id for step in steps),
        log_prob=sum(step.log_prob for step in steps),
        marginal_changed=sum(step.marginal_id != step.top_passage_id for step in steps),
        contrast_changed=sum(step.token_id != step.marginal_id for step in steps),
    )


def _one_per_prompt(
    lm: LanguageModel,
    kind: str,
    encoded: Sequence[list[int]],
    chooser: "Callable[[list[int]], Chooser]",
    max_new_tokens: int,
    stop: StopRules,
    adapter: str | None,
    batch_size: int,
    progress: Progress | None,
) -> list[Generation]:
    lengths = [len(ids) for ids in encoded]
    check_lengths(lengths, max_new_tokens, lm.context_length)

    def run(batch: list[int]) -> list[Generation]:
        rows = [encoded[place] for place in batch]
        groups = [[row] for row in range(len(rows))]
        trackers = _decode(lm, rows, [adapter] * len(rows), groups, chooser(batch), max_new_tokens, stop)
        return [_generation(tracker, len(ids)) for tracker, ids in zip(trackers, rows, strict=True)]

    return in_batches(lengths, batch_size, run, progress, lm.room[kind])


def _generation(tracker: StopTracker, prompt_tokens: int) -> Generation:
    text, finish, tokens = tracker.result()
    return Generation(text, finish, tokens, tuple(tracker.ids[:tokens]), prompt_tokens)


def to_text(lm: LanguageModel) -> Callable[[Sequence[int]], str]:
    """Token ids to text, as answers are written: without special tokens."""

    def decode(ids: Sequence[int]) -> str:
        return str(lm.tokenizer.decode(list(ids), skip_special_tokens=True, clean_up_tokenization_spaces=False))

    return decode


def _decode(
    lm: LanguageModel,
    rows: list[list[int]],
    adapters: list[str | None],
    groups: list[list[int]],
    chooser: "Chooser",
    max_new_tokens: int,
    stop: StopRules,
) -> list[StopTracker]:
    """One batch through ``generate``; one tracker per group."""
    from selfspec_assets.method.decoding.processor import GroupProcessor

    trackers = [StopTracker(to_text(lm), lm.eos_ids, stop) for _ in groups]
    processor = GroupProcessor(groups, chooser, trackers, lm.pad_id, lm.vocabulary_size)
    run_generate(lm, rows, adapters, processor, processor.finished, max_new_tokens, groups)
    return trackers


def run_generate(
    lm: LanguageModel,
    rows: Sequence[Sequence[int]],
    adapters: Sequence[str | None],
    processor: "Callable[[Tensor, Tensor], Tensor]",
    finished: Callable[..., "Tensor"] | None,
    max_new_tokens: int,
    groups: Sequence[Sequence[int]] | None = None,
) -> None:
    """Stock ``generate`` over left-padded rows, row i under adapter i; everything is seen through ``processor``.

    Args:
        groups: rows that belong together; what they share, or all rows, goes through the model once where that pays.
            None: every row goes through whole.

    Raises:
        SelfspecError: a row's logits are not finite.
    """
    from transformers import GenerationConfig, LogitsProcessorList, StoppingCriteriaList

    from selfspec_assets.method.decoding.cache import growing_cache
    from selfspec_assets.method.decoding.prefix import best_sharing, fill_cache, laid_out, left_padded

    def checked(input_ids: "Tensor", scores: "Tensor") -> "Tensor":
        lm.check_logits(scores, adapters)
        return processor(input_ids, scores)

    sharing = best_sharing(rows, adapters, groups) if groups else None
    if sharing and not _may_share(lm, sharing.width + sharing.own + max_new_tokens):
        sharing = None
    if sharing:
        input_ids, mask = laid_out(rows, sharing, lm.pad_id, lm.device)
    else:
        input_ids, mask = left_padded(rows, lm.pad_id, lm.device)
    cache = growing_cache(lm.model.config, input_ids.shape[1] + max_new_tokens)
    if sharing:
        at_a_time = _prompt_tokens_at_a_time(lm.device, cache, len(sharing.clusters))
        fill_cache(lm, adapters, sharing, input_ids, mask, cache, at_a_time)
    with lm.rows(adapters) as model:
        config = GenerationConfig(
            max_new_tokens=max_new_tokens,
            do_sample=False,
            pad_token_id=lm.pad_id,
            prefill_chunk_size=_prompt_tokens_at_a_time(lm.device, cache, len(rows)),
        )
        model.generate(
            input_ids,
            attention_mask=mask,
            generation_config=config,
            past_key_values=cache,
            logits_processor=LogitsProcessorList([checked]),
            stopping_criteria=StoppingCriteriaList([finished] if finished else []),
        )


def _may_share(lm: LanguageModel, longest: int) -> bool:
    """Says once per model why not."""
    from selfspec_assets.method.decoding.prefix import gaps_refused

    refusal = gaps_refused(lm.model, longest)
    if refusal and refusal not in lm.told:
        lm.told.add(refusal)
        _log.warning("%s: prompts that begin alike are computed whole: %s", lm.spec.path_or_id, refusal)
    return refusal is None


def _prompt_tokens_at_a_time(device: "torch.device", cache: "DynamicCache", rows: int) -> int | None:
    """How many tokens of each prompt a forward pass takes; None: all of them.

    On a CPU, few at a time: their activations stay in its caches, and attention does not compute what the causal mask
    then hides. Only for plain attention: what other layers make of a prompt in parts is not for us to say.
    """
    from selfspec_assets.method.decoding.cache import GrowingLayer

    if device.type != "cpu" or not all(isinstance(layer, GrowingLayer) for layer in cache.layers):
        return None
    return max(32, CPU_PASS_TOKENS // rows)
