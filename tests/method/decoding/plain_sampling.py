"""Sampling as plainly as can be: every token has its noise, and all are sorted. What the fast way must draw."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor


def filtered_log_probs(logits: Tensor, temperature: float, top_p: float, min_p: float = 0.0) -> Tensor:
    """[b, V] -> [b, V] log-probabilities at a temperature, within the nucleus, renormalised; −inf for what is out."""
    log_probs = torch.log_softmax(logits / temperature, dim=-1)
    if min_p > 0:
        least = log_probs.amax(dim=-1, keepdim=True) + math.log(min_p)
        log_probs = torch.log_softmax(log_probs.masked_fill(log_probs < least, -math.inf), dim=-1)
    if top_p >= 1:
        return log_probs
    ordered, order = torch.sort(log_probs, dim=-1, descending=True, stable=True)
    before = ordered.exp().cumsum(dim=-1) - ordered.exp()
    out = torch.ones_like(log_probs, dtype=torch.bool).scatter(-1, order, before >= top_p)
    return torch.log_softmax(log_probs.masked_fill(out, -math.inf), dim=-1)


class PlainSampler:
    """argmax over the whole vocabulary of log p plus Gumbel noise, drawn row by row as torch draws it."""

    def __init__(self, seeds: Sequence[int], temperature: float, top_p: float, min_p: float = 0.0) -> None:
        self._generators = [torch.Generator().manual_seed(seed % 2**63) for seed in seeds]
        self._settings = temperature, top_p, min_p

    def __call__(self, logits: Tensor) -> Tensor:
        log_probs = filtered_log_probs(logits, *self._settings)
        noise = torch.empty_like(log_probs)
        for row, generator in enumerate(self._generators):
            noise[row].exponential_(generator=generator)
        return (log_probs - noise.log()).argmax(dim=-1)
