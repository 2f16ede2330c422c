"""Texts that are told as they grow, each under its own adapter and its own way to choose.

What is told is never taken back: a piece is held until no stop rule can cut it off any more. So the pieces of a text
together are the text that ``greedy`` or ``sample`` gives whole.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from selfspec_assets.method.decoding.batching import in_batches
from selfspec_assets.method.decoding.generate import decode, to_text
from selfspec_assets.method.decoding.stop import StopRules, StopTracker
from selfspec_assets.method.decoding.types import Finish, Generation, PromptTooLong
from selfspec_assets.models.language_model import LanguageModel

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(eq=False)
class TextStream:
    """One text that is wanted, and how far it has been told.

    Attributes:
        prompt_ids: from ``encode_prompt``.
        adapter: a loaded adapter's name, or None for the base.
        rules: where it ends apart from the end tokens; ``stop_texts`` end it as well, and are no part of it.
        temperature: 0 takes the likeliest token; above, tokens are drawn within ``top_p`` by ``random_seed``.
        tell: given each new piece, in the decoding thread.
        is_wanted: asked at each token; where it says no, the text ends there.
        told: the pieces so far.
    """

    prompt_ids: list[int]
    adapter: str | None
    max_new_tokens: int
    rules: StopRules
    temperature: float = 0.0
    top_p: float = 1.0
    random_seed: int = 0
    stop_texts: tuple[str, ...] = ()
    tell: Callable[[str], None] = lambda piece: None
    is_wanted: Callable[[], bool] = lambda: True
    told: str = field(default="", init=False)

    def tell_up_to(self, text: str) -> None:
        """Tell what is new of a longer beginning; a batch that memory made begin anew repeats what was told."""
        if len(text) > len(self.told) and text.startswith(self.told):
            piece, self.told = text[len(self.told) :], text
            self.tell(piece)


class _Growing(StopTracker):
    """A tracker that tells what it is sure of, and ends at the text's own limit and stop texts."""

    def __init__(self, lm: LanguageModel, stream: TextStream) -> None:
        super().__init__(to_text(lm), lm.eos_ids, stream.rules)
        self._text_of, self._stream = to_text(lm), stream
        self._stop_at: int | None = None

    def add(self, token_id: int) -> None:
        super().add(token_id)
        stream = self._stream
        if stream.stop_texts:
            text = self._text_of(self.ids)
            places = [place for stop in stream.stop_texts if (place := text.find(stop)) >= 0]
            if places:
                self._stop_at, self.finish = min(places), self.finish or "eos"
        if self.finish is None and (len(self.ids) >= stream.max_new_tokens or not stream.is_wanted()):
            self.finish = "length"
        stream.tell_up_to(self.result()[0] if self.finish else self._sure())

    def _sure(self) -> str:
        text = self.settled()
        for stop in self._stream.stop_texts:
            for length in range(min(len(stop), len(text)), 0, -1):
                if text.endswith(stop[:length]):
                    text = text[:-length]
                    break
        return text.strip()

    def result(self) -> tuple[str, Finish, int]:
        text, finish, tokens = super().result()
        if self._stop_at is not None:
            text = min(text, self._text_of(self.ids)[: self._stop_at].strip(), key=len)
        return text, finish, tokens

    def generation(self) -> Generation:
        """``tokens`` are all that were written, those of a stop as well: what the text cost."""
        text, finish, _ = self.result()
        return Generation(text, finish, len(self.ids), tuple(self.ids), len(self._stream.prompt_ids))


class _ChooserOfEach:
    """The likeliest token of some texts, and drawn ones of others."""

    def __init__(self, lm: LanguageModel, streams: Sequence[TextStream]) -> None:
        from selfspec_assets.method.decoding.sampling import GumbelSampler

        self._samplers = {
            place: GumbelSampler([one.random_seed], one.temperature, one.top_p, lm.device)
            for place, one in enumerate(streams)
            if one.temperature > 0
        }

    def __call__(self, logits: "Tensor", groups: Sequence[int]) -> "Tensor":
        """[rows, V] -> [rows] token ids; see ``processor.Chooser``."""
        chosen = logits.argmax(dim=-1)
        for row, text in enumerate(groups):
            if text in self._samplers:
                chosen[row] = self._samplers[text](logits[row : row + 1], [0])[0]
        return chosen


def tell(lm: LanguageModel, streams: Sequence[TextStream], batch_size: int) -> list[Generation]:
    """Write all texts, telling each as it grows; rows of one batch may be under different adapters.

    Args:
        batch_size: texts at a time; speed and memory only.

    Raises:
        PromptTooLong: before any work, with the text's place.
        SelfspecError: logits that are not finite, or not even one text fits the memory.
    """
    for place, stream in enumerate(streams):
        if len(stream.prompt_ids) + stream.max_new_tokens > lm.context_length:
            raise PromptTooLong(place, len(stream.prompt_ids), stream.max_new_tokens, lm.context_length)
    written: dict[int, Generation] = {}
    for places in _side_by_side(streams, lm.context_length):
        group = [streams[place] for place in places]
        lengths = [len(stream.prompt_ids) for stream in group]
        made = in_batches(lengths, batch_size, partial(_run, lm, group), None, lm.room["streams"])
        written.update(zip(places, made, strict=True))
    return [written[place] for place in range(len(streams))]


def _side_by_side(streams: Sequence[TextStream], context: int) -> Iterator[list[int]]:
    """Places of texts that may share a batch: the longest prompt and the longest answer of it fit the context together.

    A row that has ended is fed padding until the last one ends, and no position may lie beyond the context.
    """
    rest = sorted(range(len(streams)), key=lambda place: -len(streams[place].prompt_ids))
    while rest:
        widest = len(streams[rest[0]].prompt_ids)
        group = [place for place in rest if widest + streams[place].max_new_tokens <= context]
        yield group
        rest = [place for place in rest if place not in group]


def _run(
    lm: LanguageModel, streams: Sequence[TextStream], places: list[int], at_a_time: int
) -> Iterator[list[tuple[int, Generation]]]:
    from selfspec_assets.method.decoding.prefill import Query

    trackers = [_Growing(lm, stream) for stream in streams]
    queries = [Query((tuple(stream.prompt_ids),), (stream.adapter,)) for stream in streams]
    longest = max(stream.max_new_tokens for stream in streams)
    for ended in decode(lm, queries, _ChooserOfEach(lm, streams), trackers, longest, places, at_a_time):
        yield [(place, trackers[place].generation()) for place in ended]
