"""What goes into decoding and what comes out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from selfspec_assets import plugins
from selfspec_assets.base.errors import SelfspecError

Finish = Literal["eos", "blank_line", "list_number", "label", "repetition", "length"]


class PromptTooLong(SelfspecError):
    """A prompt and its answer do not fit the context; ``index`` is the prompt's (or group's) place in the call."""

    def __init__(self, index: int, prompt_tokens: int, max_new_tokens: int, context_length: int) -> None:
        self.index = index
        self._numbers = (index, prompt_tokens, max_new_tokens, context_length)
        super().__init__(
            f"prompt {index}",
            f"{prompt_tokens} tokens and {max_new_tokens} new ones do not fit the context of {context_length}",
            "shorten the prompt or its passages, or lower max_new_tokens",
        )

    def __reduce__(self) -> tuple[type["PromptTooLong"], tuple[int, int, int, int]]:  # type: ignore[override]
        return type(self), self._numbers


@dataclass(frozen=True, slots=True)
class Group:
    """One query of Eq. 2: k prompts, each with another passage, and p_ret of each passage.

    A query without passages is one prompt of weight 1.

    Raises:
        ValueError: no prompt, unequal lengths, a weight that is negative or not finite, or a sum other than 1.
    """

    prompts: tuple[str, ...]
    weights: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.prompts or len(self.prompts) != len(self.weights):
            raise ValueError(f"{len(self.prompts)} prompts and {len(self.weights)} weights")
        if not all(0 <= weight < float("inf") for weight in self.weights) or abs(sum(self.weights) - 1) > 1e-4:
            raise ValueError(f"weights {self.weights} are not a distribution")


@dataclass(frozen=True, slots=True)
class ContrastSettings:
    """Eq. 3: how the weaker model is taken away, and which tokens stay in play (``contrast.contrast``)."""

    form: str = "difference"  # a registered one, or none
    alpha: float = 0.1

    def __post_init__(self) -> None:
        known = self.form == "none" or plugins.REGISTRY.find("contrast", self.form) is not None
        if not known or not 0 <= self.alpha <= 1:
            raise ValueError(f"no such contrast: {self.form}, alpha {self.alpha}")


@dataclass(frozen=True, slots=True)
class Generation:
    """A generated text.

    Attributes:
        text: stripped, cut at the stop.
        finish: what ended it.
        tokens: number of tokens up to the stop, which itself (an end token, the next list item) does not count.
        token_ids: those tokens.
        prompt_tokens: tokens of the prompt (of all k prompts of a group).
    """

    text: str
    finish: Finish
    tokens: int
    token_ids: tuple[int, ...]
    prompt_tokens: int


@dataclass(frozen=True, slots=True)
class Answer(Generation):
    """An answer written under Eq. 2, with or without Eq. 3; every tuple has one entry per token.

    Attributes:
        pieces: the tokens as text.
        posterior: p(d_j | x, y_1..i), Eq. 2's share of each passage in the chosen token; rows sum to 1.
        top_passage_ids: what the best-weighted passage alone would have chosen (aligned side).
        marginal_ids: what the mixture would have chosen before contrast.
        log_prob: sum over the tokens of the chosen token's log-probability under the aligned mixture (nats).
        marginal_changed: tokens at which the mixture's choice is not the best passage's.
        contrast_changed: tokens at which the contrast's choice is not the mixture's.
    """

    pieces: tuple[str, ...]
    posterior: tuple[tuple[float, ...], ...]
    top_passage_ids: tuple[int, ...]
    marginal_ids: tuple[int, ...]
    log_prob: float
    marginal_changed: int
    contrast_changed: int


def check_lengths(lengths: Sequence[int], max_new_tokens: int, context_length: int) -> None:
    """Refuse before any work is done.

    Args:
        lengths: tokens of each prompt (of each group's longest prompt).

    Raises:
        PromptTooLong: the first one that does not fit.
        ValueError: max_new_tokens below 1.
    """
    if max_new_tokens < 1:
        raise ValueError(f"max_new_tokens is {max_new_tokens}")
    for index, length in enumerate(lengths):
        if length + max_new_tokens > context_length:
            raise PromptTooLong(index, length, max_new_tokens, context_length)
