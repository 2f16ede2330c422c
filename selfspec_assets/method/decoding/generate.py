"""Text from a language model: sampled, greedy, or under Eq. 2 and Eq. 3.

Results come in the order of the input, and an item's result does not depend on the others in its call beyond
round-off (fp32: about 1e-6 in a log-probability; in bfloat16 another batch shape can flip a near-tie).
"""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from selfspec_assets.method.decoding.batching import Progress, in_batches
from selfspec_assets.method.decoding.encoding import encode_prompt
from selfspec_assets.method.decoding.stop import StopRules, StopTracker
from selfspec_assets.method.decoding.types import Answer, ContrastSettings, Generation, Group, check_lengths
from selfspec_assets.models.language_model import LanguageModel

if TYPE_CHECKING:
    from selfspec_assets.method.decoding.prefill import Query
    from selfspec_assets.method.decoding.processor import Chooser, MixtureChooser


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

    def chooser() -> "Chooser":
        return GumbelSampler(random_seeds, temperature, top_p, lm.device, min_p)

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
        lm, "texts", encoded, lambda: greedy_choice, max_new_tokens, stop, adapter, batch_size, progress
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
    from selfspec_assets.method.decoding.prefill import Query
    from selfspec_assets.method.decoding.processor import MixtureChooser

    settings = None if contrast is None or contrast.form == "none" else contrast
    if settings and aligned == weaker:
        raise ValueError(f"a contrast of {aligned or 'the base'} with itself chooses nothing")
    sides = (aligned, weaker) if settings else (aligned,)
    encoded = [tuple(tuple(encode_prompt(lm.tokenizer, prompt)) for prompt in group.prompts) for group in groups]
    queries = [Query(rows * len(sides), tuple(side for side in sides for _ in rows)) for rows in encoded]
    lengths = [max(map(len, rows)) for rows in encoded]
    check_lengths(lengths, max_new_tokens, lm.context_length)

    def run(places: list[int], at_a_time: int) -> Iterator[list[tuple[int, Answer]]]:
        chooser = MixtureChooser([group.weights for group in groups], settings, lm.device)
        for ended in _decode(lm, queries, chooser, max_new_tokens, stop, places, at_a_time):
            yield [
                (place, _answer(lm, tracker, chooser, place, sum(map(len, encoded[place])))) for place, tracker in ended
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
    chooser: "Callable[[], Chooser]",
    max_new_tokens: int,
    stop: StopRules,
    adapter: str | None,
    batch_size: int,
    progress: Progress | None,
) -> list[Generation]:
    from selfspec_assets.method.decoding.prefill import Query

    lengths = [len(ids) for ids in encoded]
    check_lengths(lengths, max_new_tokens, lm.context_length)
    queries = [Query((tuple(ids),), (adapter,)) for ids in encoded]

    def run(places: list[int], at_a_time: int) -> Iterator[list[tuple[int, Generation]]]:
        for ended in _decode(lm, queries, chooser(), max_new_tokens, stop, places, at_a_time):
            yield [(place, _generation(tracker, lengths[place])) for place, tracker in ended]

    return in_batches(lengths, batch_size, run, progress, lm.room[kind])


def _generation(tracker: StopTracker, prompt_tokens: int) -> Generation:
    text, finish, tokens = tracker.result()
    return Generation(text, finish, tokens, tuple(tracker.ids[:tokens]), prompt_tokens)


def to_text(lm: LanguageModel) -> Callable[[Sequence[int]], str]:
    """Token ids to text, as answers are written: without special tokens."""

    def decode(ids: Sequence[int]) -> str:
        return str(lm.tokenizer.decode(list(ids), skip_special_tokens=True, clean_up_tokenization_spaces=False))

    return decode


def decode(
    lm: LanguageModel,
    queries: "Sequence[Query]",
    chooser: "Chooser",
    trackers: Sequence[StopTracker],
    max_new_tokens: int,
    places: list[int],
    at_a_time: int,
) -> Iterator[list[int]]:
    """Places of those of the queries that have ended, as they end; ``trackers`` hold what each has written."""
    from selfspec_assets.method.decoding.engine import Engine, rows_may_leave
    from selfspec_assets.method.decoding.reference import decode_in_batches

    if rows_may_leave(lm, max(len(row) for query in queries for row in query.rows) + max_new_tokens):
        return Engine(lm, queries, chooser, trackers, max_new_tokens).run(places, at_a_time)
    return decode_in_batches(lm, queries, chooser, trackers, max_new_tokens, places, at_a_time)


def _decode(
    lm: LanguageModel,
    queries: "Sequence[Query]",
    chooser: "Chooser",
    max_new_tokens: int,
    stop: StopRules,
    places: list[int],
    at_a_time: int,
) -> Iterator[list[tuple[int, StopTracker]]]:
    """Those of the queries at ``places``, with their trackers, as they end."""
    trackers = [StopTracker(to_text(lm), lm.eos_ids, stop) for _ in queries]
    for ended in decode(lm, queries, chooser, trackers, max_new_tokens, places, at_a_time):
        yield [(place, trackers[place]) for place in ended]
