"""Sampling whose outcome for a row depends on that row alone: its logits and its own seed.

Of a large vocabulary nearly all tokens cannot be drawn. Those that can are found in one pass over the probabilities;
only theirs of the random numbers become noise, and nothing is sorted. What is drawn is, to round-off, what noise for
every token and a full sort would draw (``tests/method/decoding/plain_sampling.py``).
"""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

_LIKELY = 1e-4  # the first look for a nucleus takes tokens of this probability on: never more than 10,000 of a row
_BITS = 53  # of a random integer, as many as a double holds


def drawable(logits: Tensor, temperature: float, top_p: float, min_p: float = 0.0) -> tuple[Tensor, Tensor, Tensor]:
    """The tokens that may be within the nucleus (Holtzman et al. 2020): all that are, and as few others as is cheap.

    Args:
        logits: [b, V] of any floating type; probabilities are computed in float32 at least.
        temperature: > 0; 1 leaves the distribution as it is.
        top_p: in (0, 1]; the fewest most likely tokens that reach this mass stay, 1 keeps all.
        min_p: in [0, 1); tokens below this share of the likeliest one's probability are out first (Nguyen et al. 2024).

    Returns:
        [b, w] ids, ascending; [b, w] probabilities, 0 where a row has fewer than w tokens; [b, 1] the nucleus' mass.
    """
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))  # bfloat16 has no room for a quotient
    probs = torch.softmax(logits if temperature == 1 else logits / temperature, dim=-1)
    if min_p > 0:
        ids, kept = _at_least(probs, min_p * probs.amax(dim=-1, keepdim=True))
        return ids, kept, (top_p if top_p < 1 else math.inf) * kept.sum(dim=-1, keepdim=True)
    mass = torch.full_like(probs[:, :1], top_p if top_p < 1 else math.inf)
    if top_p >= 1:
        return torch.arange(probs.shape[1], device=probs.device).expand_as(probs), probs, mass
    least = torch.full_like(mass, _LIKELY)
    ids, kept = _at_least(probs, least)
    wide = kept.sum(dim=-1) < top_p
    if bool(wide.any()):
        # What is less likely than this has less than 1 - top_p in all, so whatever is more likely reaches top_p.
        least[wide] = (1 - top_p) / probs.shape[1]
        ids, kept = _at_least(probs, least)
    return ids, kept, mass


def _at_least(probs: Tensor, least: Tensor) -> tuple[Tensor, Tensor]:
    """[b, V], [b, 1] -> [b, w] ids and probabilities of the tokens that are so likely; 0 fills up."""
    places = _true_places(probs >= least)
    rows = places // probs.shape[1]
    counts = torch.bincount(rows, minlength=len(probs))
    column = torch.arange(len(places), device=probs.device) - (counts.cumsum(0) - counts)[rows]
    kept = probs.new_zeros(len(probs), int(counts.max()))
    ids = torch.zeros_like(kept, dtype=torch.long)
    kept[rows, column] = probs.flatten()[places]
    ids[rows, column] = places % probs.shape[1]
    return ids, kept


def _true_places(mask: Tensor) -> Tensor:
    """Places in the flattened mask; on a CPU NumPy's way takes a tenth of the time of torch's."""
    if mask.device.type == "cpu":
        return torch.from_numpy(np.flatnonzero(mask.numpy()))
    return mask.flatten().nonzero()[:, 0]


def best_within(probs: Tensor, noise: Tensor, mass: Tensor) -> Tensor:
    """The largest p / E among the tokens of the nucleus, without an order of all.

    A token is out if those before it (likelier ones, and of equals the lower ids) have reached the mass. Most often the
    best token of all is in; where it is out, so is whatever comes after it, and the best of what is left is tried.

    Args:
        probs: [b, w], the lower ids first.
        noise: [b, w] draws from an exponential distribution.
        mass: [b, 1].

    Returns:
        [b, 1] columns.
    """
    scores, column = probs / noise, torch.arange(probs.shape[1], device=probs.device)
    while True:
        best = scores.argmax(dim=-1, keepdim=True)
        likely = probs.gather(1, best)
        before = (probs > likely) | ((probs == likely) & (column < best))
        out = (probs * before).sum(dim=-1, keepdim=True) >= mass
        if not bool(out.any()):
            return best
        scores = scores.masked_fill(out & ~before, -1.0)


class GumbelSampler:
    """argmax(log p + Gumbel noise) is a draw from p, and so is argmax(p / E) with E exponential: -log E is Gumbel.

    A row's noise comes from its own generator, one number for each token of the vocabulary at every step. So it does
    not depend on which rows share its batch, and two runs that differ by round-off agree unless the best two perturbed
    scores are that close. Draws of a row with one seed are the same on one kind of device.

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
        ids, probs, mass = drawable(logits, self._temperature, self._top_p, self._min_p)
        noise = exponential([self._generators[group] for group in groups], ids, logits.shape[1])
        return ids.gather(1, best_within(probs, noise, mass))[:, 0]


def exponential(generators: Sequence[torch.Generator], ids: Tensor, vocabulary: int) -> Tensor:
    """What ``exponential_`` over the whole vocabulary draws from each row's generator, for some tokens alone.

    Args:
        ids: [b, w] token ids, row i's from ``generators[i]``.
        vocabulary: how many numbers each generator gives.

    Returns:
        [b, w] float64, > 0.
    """
    if ids.device.type != "cpu":
        drawn = torch.empty(ids.shape, dtype=torch.float64, device=ids.device)
        every = torch.empty(vocabulary, device=ids.device)
        for row, generator in enumerate(generators):
            drawn[row] = every.exponential_(generator=generator)[ids[row]]
    else:
        # On a CPU each number is -log(1 - u), u the low bits of one integer: most of the time goes into logarithms.
        bits, integers = torch.empty(ids.shape, dtype=torch.long), torch.empty(vocabulary, dtype=torch.long)
        for row, generator in enumerate(generators):
            torch.index_select(integers.random_(generator=generator), 0, ids[row], out=bits[row])
        drawn = -torch.log1p(-(bits & (2**_BITS - 1)).double() / 2**_BITS)
    return drawn.clamp_min_(torch.finfo(torch.float32).tiny)  # 0 / 0 would choose a token that is out
