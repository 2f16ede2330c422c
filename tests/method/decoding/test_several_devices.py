"""A model whose layers are on several devices: what decoding does between its forward passes mixes none of them.

There is one device here. The second is torch's `meta`, which computes shapes alone, and a mode that refuses, as CUDA
does, an operation on tensors of two devices.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from transformers import DynamicCache

from selfspec_assets.method.decoding.cache import GrowingLayer, spread
from selfspec_assets.method.decoding.engine import Flight
from selfspec_assets.method.decoding.prefill import Filled

_MOVES = (torch.ops.aten._to_copy.default, torch.ops.aten.copy_.default)


class OneDeviceAtATime(TorchDispatchMode):
    """Refuses an operation on tensors of two devices, moves and single numbers aside."""

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        given = [leaf for leaf in tree_leaves((args, kwargs or {})) if isinstance(leaf, torch.Tensor) and leaf.ndim]
        if func not in _MOVES and len({tensor.device for tensor in given}) > 1:
            raise RuntimeError(f"{func}: tensors on {sorted({str(tensor.device) for tensor in given})}")
        return func(*args, **(kwargs or {}))


@pytest.fixture(autouse=True)
def _strict() -> Iterator[None]:
    with OneDeviceAtATime():
        yield


def cache(rows: int, tokens: int) -> DynamicCache:
    """Two layers that hold so many tokens, the first here and the second elsewhere."""
    held = DynamicCache()
    for device in ("cpu", "meta"):
        layer = GrowingLayer(40)
        layer.update(torch.ones(rows, 2, tokens, 4, device=device), torch.ones(rows, 2, tokens, 4, device=device))
        held.layers.append(layer)
    return held


def flight(groups: list[int], tokens: int) -> Flight:
    filled = Filled(cache(len(groups), tokens), torch.ones(len(groups), tokens, dtype=torch.long), torch.zeros(1))
    return Flight(filled, [None] * len(groups), {group: [row] for row, group in enumerate(groups)})


def test_the_mode_refuses_what_a_gpu_would() -> None:
    with pytest.raises(RuntimeError, match=r"tensors on \['cpu', 'meta'\]"):
        torch.ones(3, device="meta").index_select(0, torch.tensor([1]))


def test_rows_leave_and_join_where_each_layer_is() -> None:
    one = flight([0, 1, 2], tokens=5)
    one.take([7, 8, 9])
    one.leave([0])
    other = flight([3], tokens=6)
    other.take([7])
    one.join(other)
    places = [layer.keys.device.type for layer in one._layers()]
    assert places == ["cpu", "meta"]
    assert [tuple(layer.keys.shape) for layer in one._layers()] == [(3, 2, 6, 4)] * 2


def test_a_shared_beginning_is_copied_where_each_layer_is() -> None:
    copy = spread(cache(2, 5), [0, 0, 1], 40)
    assert [(layer.keys.device.type, len(layer.keys)) for layer in copy.layers] == [("cpu", 3), ("meta", 3)]
    for layer in copy.layers:
        layer.batch_select_indices(torch.tensor([2, 0]))
    assert [len(layer.keys) for layer in copy.layers] == [2, 2]
