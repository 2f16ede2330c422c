"""The decoding engine: a group's rows leave when its text has ended, and the next group takes their room.

Its reference is stock ``generate`` in batches that stay whole (``reference``), which also decodes what has caches
that rows cannot leave.
"""

import math
from collections import deque
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from selfspec_assets.method.decoding.cache import GrowingLayer, growing_cache
from selfspec_assets.method.decoding.prefill import Filled, Prefill, Query, next_logits, say_once
from selfspec_assets.method.decoding.processor import Chooser
from selfspec_assets.method.decoding.stop import StopTracker
from selfspec_assets.models.language_model import LanguageModel

REFILL = 0.25  # of the groups at a time must have left before others are asked for


def rows_may_leave(lm: LanguageModel, longest: int) -> bool:
    """Whether the engine can decode texts of so many tokens, prompt included; says once per model why not."""
    layers = growing_cache(lm.model.config, longest).layers
    other = next((layer for layer in layers if not isinstance(layer, GrowingLayer)), None)
    if other is None:
        return True
    window = getattr(other, "sliding_window", None)
    reason = (
        f"its attention slides over {window} places, and there are longer texts"
        if window is not None
        else f"it has layers that are no plain attention ({type(other).__name__})"
    )
    say_once(lm, f"prompts go through whole, and batches stay together until all their texts have ended: {reason}")
    return False


class Flight:
    """The rows that are being continued, each with a token that is chosen and has not gone through the model yet.

    Args:
        filled: the rows' past.
        adapters: each row's.
        seats: for each group its rows.
    """

    def __init__(self, filled: Filled, adapters: list[str | None], seats: dict[int, list[int]]) -> None:
        self._cache, self._mask = filled.cache, filled.mask
        self._last = torch.zeros(len(adapters), dtype=torch.long, device=filled.mask.device)
        self.adapters = adapters
        self.seats = seats

    def _layers(self) -> list[GrowingLayer]:
        return [layer for layer in self._cache.layers if layer.is_initialized]

    def logits(self, model: object) -> Tensor:
        """[rows, V] behind the chosen tokens, within ``LanguageModel.rows`` of the rows' adapters."""
        self._mask = torch.cat([self._mask, self._mask.new_ones(len(self._mask), 1)], dim=1)
        return next_logits(model, self._cache, self._last[:, None], self._mask)

    def take(self, tokens: Sequence[int]) -> None:
        """Every row goes on with its group's token; the groups in the order of the seats."""
        token_of = {row: token for token, rows in zip(tokens, self.seats.values(), strict=True) for row in rows}
        self._last = torch.tensor([token_of[row] for row in range(len(token_of))], device=self._mask.device)

    def leave(self, groups: Sequence[int]) -> None:
        """Rows from the end move into the places of those whose groups leave."""
        gone = {row for group in groups for row in self.seats.pop(group)}
        count = len(self.adapters) - len(gone)
        targets = sorted(row for row in gone if row < count)
        sources = [row for row in range(count, len(self.adapters)) if row not in gone]
        place_of = dict(zip(sources, targets, strict=True))
        if sources:
            moved, freed = (torch.tensor(rows, device=self._mask.device) for rows in (sources, targets))
            for layer in self._layers():
                layer.move_rows(moved, freed)
            self._mask[freed], self._last[freed] = self._mask[moved], self._last[moved]
        for source, target in place_of.items():
            self.adapters[target] = self.adapters[source]
        for layer in self._layers():
            layer.keep_rows(count)
        self._mask, self._last = self._mask[:count], self._last[:count]
        del self.adapters[count:]
        self.seats = {group: [place_of.get(row, row) for row in rows] for group, rows in self.seats.items()}
        if count:
            self._drop_places(int(self._mask.argmax(dim=1).min()))

    def _drop_places(self, count: int) -> None:
        """The first places, which are padding in every row that is left."""
        if count:
            self._mask = self._mask[:, count:]
            for layer in self._layers():
                layer.drop_places(count)

    def join(self, other: "Flight") -> None:
        """The other's rows behind these; the last tokens of all stand at one place."""
        first = len(self.adapters)
        for layer, others in zip(self._layers(), other._layers(), strict=True):
            layer.join(others)
        length = max(self._mask.shape[1], other._mask.shape[1])
        masks = [torch.nn.functional.pad(mask, (length - mask.shape[1], 0)) for mask in (self._mask, other._mask)]
        self._mask, self._last = torch.cat(masks), torch.cat([self._last, other._last])
        self.adapters += other.adapters
        self.seats.update({group: [first + row for row in rows] for group, rows in other.seats.items()})


class Engine:
    """Decodes one call's queries.

    Args:
        queries: all that is asked; numbers of groups are places in it.
        choose: sees the logits of the groups that it is told, group after group.
        trackers: for each group where its text ends.
        max_new_tokens: at most, for each group.
    """

    def __init__(
        self,
        lm: LanguageModel,
        queries: Sequence[Query],
        choose: Chooser,
        trackers: Sequence[StopTracker],
        max_new_tokens: int,
    ) -> None:
        self._lm = lm
        self._queries = queries
        self._choose = choose
        self._trackers = trackers
        self._max_new_tokens = max_new_tokens
        self._prefill = Prefill(lm, queries, max_new_tokens)

    def run(self, order: Sequence[int], at_a_time: int) -> Iterator[list[int]]:
        """Groups as their texts end.

        Args:
            order: which groups, and in which order.
            at_a_time: groups in flight at most.
        """
        waiting, flight = deque(order), None
        least = max(1, round(at_a_time * REFILL))
        while waiting or flight:
            free = at_a_time - (len(flight.seats) if flight else 0)
            if waiting and (free >= least or flight is None):
                flight, ended = self._board(flight, [waiting.popleft() for _ in range(min(free, len(waiting)))])
            else:
                assert flight is not None
                ended = self._until_some_end(flight)
            if flight is not None and not flight.seats:
                flight = None
            if ended:
                yield ended

    def _board(self, flight: Flight | None, groups: list[int]) -> tuple[Flight, list[int]]:
        """The rows with those of new groups, and which of these have ended at once."""
        seats, adapters = dict[int, list[int]](), list[str | None]()
        for group in groups:
            seats[group] = list(range(len(adapters), len(adapters) + len(self._queries[group].rows)))
            adapters += self._queries[group].adapters
        filled = self._prefill(groups)
        boarding = Flight(filled, adapters, seats)
        ended = self._advance(boarding, filled.logits)
        if flight is not None and boarding.seats:
            flight.join(boarding)
        return flight or boarding, ended

    def _until_some_end(self, flight: Flight) -> list[int]:
        with torch.no_grad(), self._lm.rows(flight.adapters) as model:
            while True:
                logits = flight.logits(model)
                if ended := self._advance(flight, logits):
                    return ended

    def _advance(self, flight: Flight, logits: Tensor) -> list[int]:
        """Choose every group's next token; those that have ended with it leave, and are told."""
        self._lm.check_logits(logits, flight.adapters)
        rows = [row for seats in flight.seats.values() for row in seats]
        scores = (logits if rows == list(range(len(rows))) else logits[rows]).float()
        scores[:, self._lm.vocabulary_size :] = -math.inf
        groups = list(flight.seats)
        tokens: list[int] = self._choose(scores, groups).tolist()
        for group, token in zip(groups, tokens, strict=True):
            self._trackers[group].add(token)
        flight.take(tokens)
        ended = [group for group in groups if self._has_ended(self._trackers[group])]
        if ended:
            flight.leave(ended)
        return ended

    def _has_ended(self, tracker: StopTracker) -> bool:
        return tracker.finish is not None or len(tracker.ids) >= self._max_new_tokens
