"""Prompts that begin alike: what they share goes through the model once, and its cache is copied to the rows.

The k passages of a question share its demonstrations; all requests for a list share the header. A row is then laid out
as [padding, shared, padding, own]: the gap is masked, and positions count the real tokens. Results are those of whole
prompts up to round-off.
"""

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from selfspec_assets.method.decoding.cache import special_layers

_WORTH = 0.9  # of the whole prompts' tokens: below this share the copies pay


@dataclass(frozen=True, slots=True)
class Sharing:
    """Which rows share how much.

    Attributes:
        clusters: rows of one adapter whose prompts begin alike; every row is in one of them.
        lengths: for each cluster how many tokens go through the model once: at least one less than its shortest row
            has.
        width: tokens of the longest shared part, padding included.
        own: tokens of the longest rest, padding included.
    """

    clusters: tuple[tuple[int, ...], ...]
    lengths: tuple[int, ...]
    width: int
    own: int

    @property
    def tokens(self) -> int:
        """What goes through the model, padding included."""
        return len(self.clusters) * self.width + sum(map(len, self.clusters)) * self.own


def best_sharing(
    rows: Sequence[Sequence[int]], adapters: Sequence[str | None], groups: Sequence[Sequence[int]]
) -> Sharing | None:
    """The cheaper of two: the rows of each group share what they can, or all rows do; None where neither pays.

    Args:
        rows: token ids of each row.
        adapters: each row's; rows of different ones share nothing.
        groups: for each group its rows.
    """
    group_of = {row: number for number, members in enumerate(groups) for row in members}
    by_group = _sharing(rows, [(group_of[row], adapter) for row, adapter in enumerate(adapters)])
    by_adapter = _sharing(rows, list(adapters))
    best = min(by_group, by_adapter, key=lambda sharing: sharing.tokens)
    return best if worth_sharing(best.tokens, len(rows) * max(map(len, rows))) else None


def worth_sharing(tokens: int, whole: int) -> bool:
    """Whether so many tokens through the model, in place of so many of whole prompts, repay the copies."""
    return tokens < _WORTH * whole


def _sharing(rows: Sequence[Sequence[int]], keys: Sequence[object]) -> Sharing:
    clusters: dict[object, list[int]] = {}
    for row, key in enumerate(keys):
        clusters.setdefault(key, []).append(row)
    lengths = [begin_alike([rows[row] for row in members]) for members in clusters.values()]
    width = max(lengths)
    for number, members in enumerate(clusters.values()):
        if len(members) == 1:  # it shares with nobody: as much of it as has room goes with the shared parts
            lengths[number] = min(width, len(rows[members[0]]) - 1)
    own = max(
        len(rows[row]) - length for members, length in zip(clusters.values(), lengths, strict=True) for row in members
    )
    return Sharing(tuple(map(tuple, clusters.values())), tuple(lengths), width, own)


def begin_alike(rows: Sequence[Sequence[int]]) -> int:
    """How many first tokens all rows have in common, short of the shortest row's last one.

    >>> begin_alike([[1, 2, 3], [1, 2, 4, 5]]), begin_alike([[1, 2], [1, 2]]), begin_alike([[7]])
    (2, 1, 0)
    """
    if len(rows) == 1:
        return 0  # nothing to share with: all of it is the row's own
    first, last = (
        min(rows, key=list),
        max(rows, key=list),
    )  # what these two share, all do
    most = min(map(len, rows)) - 1
    return next((place for place in range(most) if first[place] != last[place]), most)


def takes_positions(model: Any) -> bool:
    """Whether attention goes by the positions that it is given, and not by the places of tokens in a row."""
    return "position_ids" in inspect.signature(model.forward).parameters and not getattr(model.config, "alibi", False)


def gaps_refused(model: Any, longest: int) -> str | None:
    """Why rows of this model must not have masked places within; None where they may.

    Args:
        longest: tokens of prompt and answer, padding included.
    """
    if not takes_positions(model):
        return "its attention counts places, masked ones included"
    for layer in special_layers(model.config):
        window = getattr(layer, "sliding_window", None)
        if not getattr(layer, "is_sliding", False) or window is None:
            return f"it has layers that are no plain attention ({type(layer).__name__})"
        if longest > window:
            return f"its attention slides over {window} places, masked ones included, and there are longer texts"
    return None


def left_padded(rows: Sequence[Sequence[int]], pad_id: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """[rows, longest] ids and attention mask; the last place of every row is its last token."""
    longest = max(map(len, rows))
    ids = [[pad_id] * (longest - len(row)) + list(row) for row in rows]
    mask = [[0] * (longest - len(row)) + [1] * len(row) for row in rows]
    return torch.tensor(ids, device=device), torch.tensor(mask, device=device)


def laid_out(
    rows: Sequence[Sequence[int]], sharing: Sharing, pad_id: int, device: torch.device
) -> tuple[Tensor, Tensor]:
    """[rows, width + own] ids and attention mask: [padding, shared, padding, own]."""
    members = zip(sharing.clusters, sharing.lengths, strict=True)
    length_of = {row: length for cluster, length in members for row in cluster}
    shared = left_padded([row[: length_of[place]] for place, row in enumerate(rows)], pad_id, device)
    own = left_padded([row[length_of[place] :] for place, row in enumerate(rows)], pad_id, device)
    return torch.cat([shared[0], own[0]], dim=1), torch.cat([shared[1], own[1]], dim=1)
