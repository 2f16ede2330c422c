"""Eq. 3: the aligned model against a weaker one."""

import math

import torch
from torch import Tensor

from selfspec_assets.method.decoding.types import Form


def contrast(log_p_aligned: Tensor, log_p_weaker: Tensor, form: Form, alpha: float) -> Tensor:
    """Score every token; the choice is the highest (``choose``).

    Args:
        log_p_aligned: [..., V] log-probabilities of the aligned model (after Eq. 2's mixture).
        log_p_weaker: [..., V] those of the weaker one.
        form: ``difference`` is Eq. 3 as printed, p_aligned − p_weaker; ``log_ratio`` is Li et al. (2023),
            log p_aligned − log p_weaker; ``none`` is log p_aligned.
        alpha: tokens with p_aligned < alpha · max p_aligned are out (Li et al.'s plausibility); 0 keeps all.

    Returns:
        [..., V]; −inf for tokens that are out. A token that the aligned model holds impossible is out of
        ``log_ratio``; one that only the weaker model holds impossible scores +inf there.
    """
    if form == "none":
        scores = log_p_aligned
    elif form == "difference":
        scores = log_p_aligned.exp() - log_p_weaker.exp()
    elif form == "log_ratio":
        impossible = log_p_aligned == -math.inf  # else −inf − −inf = nan
        scores = torch.where(impossible, -math.inf, log_p_aligned - log_p_weaker)
    else:
        raise ValueError(f"no such contrast: {form}")
    if alpha > 0:
        least = log_p_aligned.amax(dim=-1, keepdim=True) + math.log(alpha)
        scores = scores.masked_fill(log_p_aligned < least, -math.inf)
    return scores


def choose(scores: Tensor, log_p_aligned: Tensor) -> Tensor:
    """The best token; equal scores go to the one that the aligned model likes best.

    Where both models agree on every token, all differences are 0, and a plain argmax would return token 0.

    Args:
        scores: [..., V] from ``contrast``.
        log_p_aligned: [..., V].

    Returns:
        [...] token ids.
    """
    best = scores == scores.amax(dim=-1, keepdim=True)
    return log_p_aligned.masked_fill(~best, -math.inf).argmax(dim=-1)
