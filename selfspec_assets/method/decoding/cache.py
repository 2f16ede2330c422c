"""Keys and values of past tokens, in buffers that grow by half.

``transformers``' own dynamic cache joins old and new tensors at every token: for small models on a CPU that is a
quarter of the time. Here a token is written into room that is there already.
"""

from typing import Any

from torch import Tensor
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

_ROOM = 64  # tokens of room at least


class GrowingLayer(DynamicLayer):  # type: ignore[misc]
    """One layer's keys and values, [rows, heads, tokens, head size], as views of larger buffers.

    Args:
        longest: tokens at the end, which no buffer exceeds before they are there.
    """

    def __init__(self, longest: int) -> None:
        super().__init__()
        self._longest = longest

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        """Append the new tokens' keys and values; returns all of them."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
            self._key_room = key_states.new_empty(0)
            self._value_room = value_states.new_empty(0)
        past = self.get_seq_length()
        self._key_room = _with_room(self._key_room, key_states, past, self._longest)
        self._value_room = _with_room(self._value_room, value_states, past, self._longest)
        self.keys = _written(self._key_room, key_states, past)
        self.values = _written(self._value_room, value_states, past)
        return self.keys, self.values

    def batch_select_indices(self, indices: Tensor) -> None:
        """Rows anew from those that are there; each may be taken any number of times."""
        super().batch_select_indices(indices)
        if self.get_seq_length():
            self._key_room, self._value_room = self.keys, self.values


def _with_room(room: Tensor, states: Tensor, past: int, longest: int) -> Tensor:
    rows, heads, new, size = states.shape
    needed = past + new
    if room.numel() and needed <= room.shape[2]:
        return room
    larger = states.new_empty(rows, heads, max(needed, min(longest, needed + max(_ROOM, needed // 2))), size)
    if past:
        larger[:, :, :past] = room[:, :, :past]
    return larger


def _written(room: Tensor, states: Tensor, past: int) -> Tensor:
    end = past + states.shape[2]
    room[:, :, past:end] = states
    return room[:, :, :end]


def growing_cache(config: Any, longest: int) -> DynamicCache:
    """An empty cache for a model and so many tokens of prompt and answer.

    Layers that are not plain attention (a sliding window) keep their own kind.
    """
    cache = DynamicCache(config=config)
    cache.layers = [GrowingLayer(longest) if type(layer) is DynamicLayer else layer for layer in cache.layers]
    return cache


def special_layers(config: Any) -> list[Any]:
    """The cache layers of a model that are no plain attention."""
    return [layer for layer in DynamicCache(config=config).layers if type(layer) is not DynamicLayer]
