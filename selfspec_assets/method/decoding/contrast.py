"""Eq. 3: the aligned model against a weaker one."""

import math

from torch import Tensor

from selfspec_assets import plugins
from selfspec_assets.base.errors import SelfspecError


def contrast(log_p_aligned: Tensor, log_p_weaker: Tensor, form: str, alpha: float) -> Tensor:
    """Score every token; the choice is the highest (``choose``).

    Args:
        log_p_aligned: [..., V] log-probabilities of the aligned model (after Eq. 2's mixture).
        log_p_weaker: [..., V] those of the weaker one.
        form: a registered one (``forms``: ``difference`` is Eq. 3 as printed), or ``none`` for log p_aligned.
        alpha: tokens with p_aligned < alpha · max p_aligned are out (Li et al.'s plausibility); 0 keeps all.

    Returns:
        [..., V]; −inf for tokens that are out. A token that the aligned model holds impossible is out of
        ``log_ratio``; one that only the weaker model holds impossible scores +inf there.

    Raises:
        SelfspecError: no such form, or one from elsewhere gives something that is no score of every token.
    """
    scores = log_p_aligned if form == "none" else _scores(log_p_aligned, log_p_weaker, form)
    if alpha > 0:
        least = log_p_aligned.amax(dim=-1, keepdim=True) + math.log(alpha)
        scores = scores.masked_fill(log_p_aligned < least, -math.inf)
    return scores


def _scores(log_p_aligned: Tensor, log_p_weaker: Tensor, form: str) -> Tensor:
    plugin = plugins.REGISTRY.get("contrast", form, "contrast.form")
    scores: Tensor = plugin.target(log_p_aligned, log_p_weaker)
    if not plugin.is_own:
        same = isinstance(scores, Tensor) and scores.shape == log_p_aligned.shape
        if not same or bool(scores.isnan().any()):
            found = "a score that is no number" if same else f"{getattr(scores, 'shape', scores)!s:.80}"
            reason = f"it gave {found}, not a score for each token: the shape {tuple(log_p_aligned.shape)}, without nan"
            raise SelfspecError(str(plugin), reason, "correct the plug-in")
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
