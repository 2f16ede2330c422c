"""Eq. 2, one step: the next-token distributions of k passages, mixed by p_ret.

As RAG-token (Lewis et al. 2020): log-sum-exp over the passages of log p_lm + log p_ret, p_ret fixed throughout.
"""

import torch
from torch import Tensor


def marginalise(log_probs: Tensor, log_p_ret: Tensor) -> Tensor:
    """Log of Eq. 2's inner sum.

    Args:
        log_probs: [b, k, V] log p_lm(y_i | x, d_j, y_<i), nats.
        log_p_ret: [b, k] log p_ret(d_j | x); −inf fills up groups with fewer than k passages.

    Returns:
        [b, V] log p(y_i | x, y_<i).
    """
    return torch.logsumexp(log_probs + log_p_ret[..., None], dim=1)


def posterior(log_probs: Tensor, log_p_ret: Tensor, chosen: Tensor) -> Tensor:
    """Each passage's share in the chosen token: p_ret(d_j) p_lm(y_i | d_j) over its sum; Bayes' rule on Eq. 2.

    Args:
        log_probs: [b, k, V] as in ``marginalise``.
        log_p_ret: [b, k] as in ``marginalise``.
        chosen: [b] token ids.

    Returns:
        [b, k]; rows sum to 1, places of weight −inf are 0.
    """
    index = chosen[:, None, None].expand(-1, log_probs.shape[1], 1)
    return torch.softmax(log_probs.gather(2, index)[..., 0] + log_p_ret, dim=1)
