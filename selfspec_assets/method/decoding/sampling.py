"""Sampling whose outcome for a row depends on that row alone: its logits and its own seed."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

_LIKELY = 256


def filtered_log_probs(logits: Tensor, temperature: float, top_p: float, min_p: float = 0.0) -> Tensor:
    """Log-probabilities at a temperature, restricted to the nucleus and renormalised (Holtzman et al. 2020).

    Args:
        logits: [b, V].
        temperature: > 0; 1 leaves the distribution as it is.
        top_p: in (0, 1]; the fewest most likely tokens that reach this mass stay, 1 keeps all.
        min_p: in [0, 1); tokens below this share of the likeliest one's probability are out first (Nguyen et al. 2024).

    Returns:
        [b, V] nats; −inf for what is out.
    """
    log_probs = torch.log_softmax(logits / temperature, dim=-1)
    if min_p > 0:
        least = log_probs.amax(dim=-1, keepdim=True) + math.log(min_p)
        log_probs = torch.log_softmax(log_probs.masked_fill(log_probs < least, -math.inf), dim=-1)
    if top_p >= 1:
        return log_probs
    # The nucleus is nearly always small, and to order the few most likely takes a fraction of the time of all.
    few = min(_LIKELY, log_probs.shape[-1])
    out, mass = _outside(log_probs, top_p, few)
    wide = (mass < top_p).nonzero()[:, 0]
    if len(wide) and few < log_probs.shape[-1]:
        out[wide] = _outside(log_probs[wide], top_p, log_probs.shape[-1])[0]
    return torch.log_softmax(log_probs.masked_fill(out, -math.inf), dim=-1)


def _outside(log_probs: Tensor, top_p: float, count: int) -> tuple[Tensor, Tensor]:
    """[b, V], what is not in the nucleus, as far as the ``count`` likeliest tokens tell; [b], the mass of these."""
    ordered, order = log_probs.topk(count, dim=-1)
    cumulative = ordered.exp().cumsum(dim=-1)
    before = cumulative - ordered.exp()
    return torch.ones_like(log_probs, dtype=torch.bool).scatter(-1, order, before >= top_p), cumulative[:, -1]


class GumbelSampler:
    """argmax(log p + Gumbel noise) is a draw from p; each row's noise comes from its own generator.

    A row's noise does not depend on which rows share its batch, and two runs that differ by round-off agree unless
    the best two perturbed scores are that close. Draws of a row with one seed are the same on one kind of device.

    Args:
        seeds: one per row.
    """

    def __init__(
        self, seeds: Sequence[int], temperature: float, top_p: float, device: torch.device, min_p: float = 0.0
    ) -> None:
        if not (temperature > 0 and 0 < top_p <= 1 and 0 <= min_p < 1):
            raise ValueError(f"temperature {temperature}, top_p {top_p} or min_p {min_p} is out of range")
        self._generators = [torch.Generator(device=device).manual_seed(seed % 2**63) for seed in seeds]
        self._temperature = temperature
        self._top_p = top_p
        self._min_p = min_p

    def __call__(self, logits: Tensor, groups: Sequence[int]) -> Tensor:
        """Draw for each of these rows; only they use up noise.

        Args:
            logits: [b, V].
            groups: whose logits these are: places in ``seeds``.

        Returns:
            [b] token ids.
        """
        log_probs = filtered_log_probs(logits, self._temperature, self._top_p, self._min_p)
        noise = torch.empty_like(log_probs)
        for place, group in enumerate(groups):
            noise[place].exponential_(generator=self._generators[group])
        noise.clamp_min_(torch.finfo(noise.dtype).tiny)  # an exact 0 would make −inf − −inf
        # −log of an exponential draw is a Gumbel draw.
        return (log_probs - noise.log()).argmax(dim=-1)
