"""How the weaker model is taken away in Eq. 3: the registered forms of the contrast.

A form takes log-probabilities of both models, ``[..., V]`` each, and gives scores of that shape; the highest is chosen.
−inf takes a token out. torch is not imported here: a recipe that names a form is checked without it.
"""

import math
from typing import TYPE_CHECKING

from selfspec_assets import plugins

if TYPE_CHECKING:
    from torch import Tensor


@plugins.contrast("difference", version="1")
def difference(log_p_aligned: "Tensor", log_p_weaker: "Tensor") -> "Tensor":
    """Eq. 3 as printed: p_aligned − p_weaker."""
    return log_p_aligned.exp() - log_p_weaker.exp()


@plugins.contrast("log_ratio", version="1")
def log_ratio(log_p_aligned: "Tensor", log_p_weaker: "Tensor") -> "Tensor":
    """Li et al. (2023): log p_aligned − log p_weaker.

    A token that the aligned model holds impossible is out; one that only the weaker holds impossible scores +inf.
    """
    impossible = log_p_aligned == -math.inf  # else −inf − −inf = nan
    return (log_p_aligned - log_p_weaker).masked_fill(impossible, -math.inf)
