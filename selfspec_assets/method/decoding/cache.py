"""Keys and values of past tokens, in buffers whose rows and places are used again.

``transformers``' own dynamic cache joins old and new tensors at every token: for small models on a CPU that is a
quarter of the time. Here a token is written into room that is there already, a row that has ended leaves its room to
another, and rows of a shorter cache are written beside those that are there.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer

_ROOM = 64  # tokens of room at least


class GrowingLayer(DynamicLayer):  # type: ignore[misc]
    """One layer's keys and values, [rows, heads, tokens, head size], as views of larger buffers.

    Places that no row has written hold zeros or what another row left: finite, and to be masked.

    Args:
        longest: tokens at the end, which no buffer exceeds before they are there.
    """

    def __init__(self, longest: int) -> None:
        super().__init__()
        self._longest = longest
        self._first = 0  # the buffers' place of the first token

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        """Append the new tokens' keys and values; returns all of them."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
            self._key_room, self._value_room = (
                states.new_empty(*states.shape[:2], 0, states.shape[3]) for states in (key_states, value_states)
            )
        rows, past, new = key_states.shape[0], self.get_seq_length(), key_states.shape[2]
        if self._first + past + new > self._key_room.shape[2]:
            needed = past + new + (_ROOM if self._first else 0)
            self._enlarge(rows, max(needed, min(self._longest, past + new + max(_ROOM, (past + new) // 2))))
        begin = self._first + past
        self._key_room[:rows, :, begin : begin + new] = key_states
        self._value_room[:rows, :, begin : begin + new] = value_states
        self._show(rows, past + new)
        return self.keys, self.values

    def _show(self, rows: int, length: int) -> None:
        """Of the buffers these are the keys and values now."""
        end = self._first + length
        self.keys = self._key_room[:rows, :, self._first : end]
        self.values = self._value_room[:rows, :, self._first : end]

    def _enlarge(self, rows: int, tokens: int, shift: int = 0) -> None:
        """Buffers for so many rows and tokens, those that are there moved ``shift`` places to the right."""
        past = self.get_seq_length()
        for name, states in (("_key_room", self.keys), ("_value_room", self.values)):
            room = getattr(self, name)
            larger = room.new_zeros(rows, room.shape[1], tokens, room.shape[3])
            if past:
                larger[: states.shape[0], :, shift : shift + past] = states
            setattr(self, name, larger)
        self._first = 0

    def batch_select_indices(self, indices: Tensor) -> None:
        """Rows anew from those that are there; each may be taken any number of times."""
        super().batch_select_indices(indices.to(self.keys.device) if self.is_initialized else indices)
        if self.get_seq_length():
            self._key_room, self._value_room, self._first = self.keys, self.values, 0

    def move_rows(self, sources: Tensor, targets: Tensor) -> None:
        """Write rows over others, which have ended."""
        for states in (self.keys, self.values):
            # A model that is spread over GPUs has each layer's keys and values where the layer is.
            to, of = targets.to(states.device), sources.to(states.device)
            states.index_copy_(0, to, states.index_select(0, of))

    def keep_rows(self, count: int) -> None:
        """Forget all but the first rows; their room stays."""
        self._show(count, self.get_seq_length())

    def drop_places(self, count: int) -> None:
        """Forget the first ``count`` tokens of every row."""
        rows, length = self.keys.shape[0], self.get_seq_length() - count
        self._first += count
        self._show(rows, length)

    def join(self, other: "GrowingLayer") -> None:
        """Append the other layer's rows; the last tokens of all rows stand at one place."""
        mine, theirs = self.get_seq_length(), other.get_seq_length()
        rows, all_rows = self.keys.shape[0], self.keys.shape[0] + other.keys.shape[0]
        length, shift = max(mine, theirs), max(0, theirs - mine)
        if shift > self._first or all_rows > self._key_room.shape[0]:
            tokens = max(length + _ROOM, self._key_room.shape[2] - self._first + shift)
            self._enlarge(max(all_rows, self._key_room.shape[0]), tokens, shift)
        else:
            self._first -= shift
        self._show(all_rows, length)
        self.keys[rows:, :, length - theirs :] = other.keys
        self.values[rows:, :, length - theirs :] = other.values


def growing_cache(config: Any, longest: int) -> DynamicCache:
    """An empty cache for a model and so many tokens of prompt and answer.

    A sliding window that all of them fit into hides nothing, so such a layer is held like any other. Layers of other
    kinds, and a window that texts are longer than, stay what they are.
    """
    cache = DynamicCache(config=config)
    cache.layers = [GrowingLayer(longest) if _sees_all(layer, longest) else layer for layer in cache.layers]
    return cache


def _sees_all(layer: Any, longest: int) -> bool:
    if type(layer) is DynamicLayer:
        return True
    window = getattr(layer, "sliding_window", None)
    return bool(type(layer) is DynamicSlidingWindowLayer and window is not None and longest <= window)


def special_layers(config: Any) -> list[Any]:
    """The cache layers of a model that are no plain attention."""
    return [layer for layer in DynamicCache(config=config).layers if type(layer) is not DynamicLayer]


def spread(cache: DynamicCache, rows: Sequence[int], longest: int) -> DynamicCache:
    """A new cache whose row i is a copy of row ``rows[i]``; of growing layers only."""
    copy = DynamicCache()
    index = torch.tensor(rows)
    for layer in cache.layers:
        own = GrowingLayer(longest)
        if layer.get_seq_length():
            own.update(layer.keys[index.to(layer.keys.device)], layer.values[index.to(layer.values.device)])
        copy.layers.append(own)
    return copy
