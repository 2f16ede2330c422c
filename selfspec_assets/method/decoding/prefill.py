"""Prompts through the model, up to the logits of their first new token; what they begin with alike goes through once.

A call's common header is computed once and copied to every batch; behind it the rows of a batch share what
``prefix.best_sharing`` finds.
"""

import inspect
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from transformers import DynamicCache

from selfspec_assets.method.decoding.cache import GrowingLayer, growing_cache, spread
from selfspec_assets.method.decoding.prefix import (
    begin_alike,
    best_sharing,
    gaps_refused,
    laid_out,
    left_padded,
    takes_positions,
    worth_sharing,
)
from selfspec_assets.models.language_model import LanguageModel

CPU_PASS_TOKENS = 4096  # a prompt's tokens, over all rows, in one forward pass on a CPU
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Query:
    """Rows that get the same next token.

    Attributes:
        rows: token ids of each prompt.
        adapters: each row's; None is the base.
    """

    rows: tuple[tuple[int, ...], ...]
    adapters: tuple[str | None, ...]


class Filled(NamedTuple):
    """Rows whose prompts have gone through the model.

    Attributes:
        cache: of the prompts' keys and values; growing layers only.
        mask: [rows, places] long; which places of the cache count.
        logits: [rows, V] of the first new token, in the model's precision.
    """

    cache: DynamicCache
    mask: Tensor
    logits: Tensor


class Prefill:
    """Fills caches for the queries of one call.

    Args:
        queries: all that the call will ask.
        max_new_tokens: of every answer.
    """

    def __init__(self, lm: LanguageModel, queries: Sequence[Query], max_new_tokens: int) -> None:
        self._lm = lm
        self._queries = queries
        self._new = max_new_tokens
        rows = [row for query in queries for row in query.rows]
        self._longest = max(map(len, rows)) + max_new_tokens
        self._adapters = list(dict.fromkeys(adapter for query in queries for adapter in query.adapters))
        length = begin_alike(rows)
        saved = length * (len(rows) - len(self._adapters))
        pays = worth_sharing(sum(map(len, rows)) - saved, sum(map(len, rows)))
        self._header = rows[0][:length] if pays and may_share(lm, self._longest) else ()
        self._header_cache: DynamicCache | None = None

    def __call__(self, places: Sequence[int]) -> Filled:
        """The rows of these queries, one query after another."""
        rows = [row[len(self._header) :] for place in places for row in self._queries[place].rows]
        adapters = [adapter for place in places for adapter in self._queries[place].adapters]
        groups, first = [], 0
        for place in places:
            groups.append(list(range(first, first + len(self._queries[place].rows))))
            first += len(groups[-1])
        sharing = best_sharing(rows, adapters, groups)
        span = len(self._header) + (sharing.width + sharing.own if sharing else 0) + self._new
        if sharing is None or not may_share(self._lm, span):
            ids, mask = self._behind_header(left_padded(rows, self._lm.pad_id, self._lm.device))
            cache = self._begun(adapters)
            return Filled(cache, mask, _forward(self._lm, adapters, cache, ids, mask))
        ids, mask = self._behind_header(laid_out(rows, sharing, self._lm.pad_id, self._lm.device))
        heads = [members[0] for members in sharing.clusters]
        shared = self._begun([adapters[row] for row in heads])
        end = len(self._header) + sharing.width
        _forward(self._lm, [adapters[row] for row in heads], shared, ids[heads, : sharing.width], mask[heads, :end])
        cluster_of = {row: number for number, members in enumerate(sharing.clusters) for row in members}
        cache = spread(shared, [cluster_of[row] for row in range(len(rows))], self._longest)
        return Filled(cache, mask, _forward(self._lm, adapters, cache, ids[:, sharing.width :], mask))

    def _behind_header(self, laid: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        ids, mask = laid
        return ids, torch.cat([mask.new_ones(len(mask), len(self._header)), mask], dim=1)

    def _begun(self, adapters: Sequence[str | None]) -> DynamicCache:
        """A cache with a row for each of these adapters, which holds the header."""
        if not self._header:
            return growing_cache(self._lm.model.config, self._longest)
        if self._header_cache is None:
            cache = growing_cache(self._lm.model.config, len(self._header))
            ids = torch.tensor([self._header] * len(self._adapters), device=self._lm.device)
            _forward(self._lm, self._adapters, cache, ids, torch.ones_like(ids))
            self._header_cache = cache
        return spread(self._header_cache, [self._adapters.index(adapter) for adapter in adapters], self._longest)


def _forward(
    lm: LanguageModel, adapters: Sequence[str | None], cache: DynamicCache, ids: Tensor, mask: Tensor
) -> Tensor:
    """[rows, V] logits behind the last of the new tokens, which are put into the cache in parts.

    Args:
        ids: [rows, new].
        mask: [rows, places in the cache + new].
    """
    past, end = mask.shape[1] - ids.shape[1], mask.shape[1]
    step = tokens_at_a_time(lm.device, cache, len(ids)) or ids.shape[1]
    with torch.no_grad(), lm.rows(adapters) as model:
        for begin in range(past, end, step):
            stop = min(begin + step, end)
            logits = next_logits(model, cache, ids[:, begin - past : stop - past], mask[:, :stop])
    return logits


def next_logits(model: object, cache: DynamicCache, ids: Tensor, mask: Tensor) -> Tensor:
    """[rows, V] logits behind the last of the new tokens, after one forward pass within ``LanguageModel.rows``.

    Args:
        ids: [rows, new].
        mask: [rows, places in the cache + new].
    """
    given: dict[str, object] = {}
    if takes_positions(model):
        given["position_ids"] = (mask.cumsum(-1) - 1).clamp(min=0)[:, -ids.shape[1] :]
    if "logits_to_keep" in inspect.signature(model.forward).parameters:  # type: ignore[attr-defined]
        given["logits_to_keep"] = 1
    out = model(input_ids=ids, attention_mask=mask, past_key_values=cache, use_cache=True, **given)  # type: ignore[operator]
    logits: Tensor = out.logits[:, -1]
    return logits


def tokens_at_a_time(device: torch.device, cache: DynamicCache, rows: int) -> int | None:
    """How many tokens of each prompt a forward pass takes; None: all of them.

    On a CPU, few at a time: their activations stay in its caches, and attention does not compute what the causal mask
    then hides. Only for plain attention: what other layers make of a prompt in parts is not for us to say.
    """
    if device.type != "cpu" or not all(isinstance(layer, GrowingLayer) for layer in cache.layers):
        return None
    return max(32, CPU_PASS_TOKENS // rows)


def may_share(lm: LanguageModel, longest: int) -> bool:
    """Says once per model why not."""
    refusal = gaps_refused(lm.model, longest)
    if refusal:
        say_once(lm, f"prompts that begin alike are computed whole: {refusal}")
    return refusal is None


def say_once(lm: LanguageModel, note: str) -> None:
    """Warn of a path that is not taken, once for a model."""
    if note not in lm.told:
        lm.told.add(note)
        _log.warning("%s: %s", lm.spec.path_or_id, note)
