"""The reference decoder: a logits processor on stock ``generate``.

Rows that belong together (the k passages of a query, and with contrast the same k rows under the weaker adapter) form
a group and always get the same next token. What a step chooses is a ``Chooser``'s business; ends are kept here, so
``generate`` itself knows no end token: a finished group is fed padding and nothing that it does is recorded.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from selfspec_assets.method.decoding.contrast import choose, contrast
from selfspec_assets.method.decoding.marginal import marginalise, posterior
from selfspec_assets.method.decoding.stop import StopTracker
from selfspec_assets.method.decoding.types import ContrastSettings


class Chooser(Protocol):
    """Chooses each group's next token."""

    def __call__(self, logits: Tensor, groups: Sequence[int]) -> Tensor:
        """[rows, V] fp32 logits of these groups' rows, group after group -> [groups] token ids."""


class GroupProcessor:
    """Forces the chooser's token on all rows of each group.

    Args:
        numbers: what the chooser calls each group.
        rows: for each group its rows.
        choose: the chooser.
        trackers: for each group where its text ends.
        pad_id: what finished groups are fed.
        vocabulary_size: ids from here on are padding of the model's output layer and can never be chosen.
    """

    def __init__(
        self,
        numbers: Sequence[int],
        rows: Sequence[Sequence[int]],
        choose: Chooser,
        trackers: Sequence[StopTracker],
        pad_id: int,
        vocabulary_size: int,
    ) -> None:
        self._numbers = numbers
        self._choose = choose
        self._trackers = trackers
        self._pad_id = pad_id
        self._vocabulary_size = vocabulary_size
        self._rows = rows
        self._group_of_row = [0] * sum(map(len, rows))
        for group, members in enumerate(rows):
            for row in members:
                self._group_of_row[row] = group

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """transformers' ``LogitsProcessor``: [rows, length], [rows, V] -> [rows, V], one token possible per row."""
        scores[:, self._vocabulary_size :] = -math.inf
        active = [group for group, tracker in enumerate(self._trackers) if tracker.finish is None]
        rows = [row for group in active for row in self._rows[group]]
        chosen: list[int] = self._choose(scores[rows], [self._numbers[group] for group in active]).tolist()
        forced = [self._pad_id] * len(self._trackers)
        for group, token in zip(active, chosen, strict=True):
            self._trackers[group].add(token)
            forced[group] = token
        ids = torch.tensor([forced[group] for group in self._group_of_row], device=scores.device)
        return scores.fill_(-math.inf).scatter_(1, ids[:, None], 0.0)

    def finished(self, input_ids: Tensor, scores: Any, **_: Any) -> Tensor:
        """transformers' ``StoppingCriteria``: [rows] of bool."""
        done = [self._trackers[group].finish is not None for group in self._group_of_row]
        return torch.tensor(done, device=input_ids.device)


def greedy_choice(logits: Tensor, groups: Sequence[int]) -> Tensor:
    """The likeliest token of each row."""
    return logits.argmax(dim=-1)


@dataclass(frozen=True, slots=True)
class Step:
    """What one step of one group was made of; fields as in ``types.Answer``."""

    top_passage_id: int
    marginal_id: int
    token_id: int
    log_prob: float
    posterior: tuple[float, ...]


class MixtureChooser:
    """Eq. 2 on every side, then Eq. 3.

    A group's rows are its passages under the aligned model, then (with contrast) in the same order under the weaker
    one.

    Args:
        weights: for each group p_ret of its passages.
        settings: None where there is no weaker side.
    """

    def __init__(
        self, weights: Sequence[Sequence[float]], settings: ContrastSettings | None, device: torch.device
    ) -> None:
        self._weights = weights
        self._settings = settings
        self._device = device
        self._arranged: list[int] = []
        self.steps: list[list[Step]] = [[] for _ in weights]

    def _arrange(self, groups: Sequence[int]) -> None:
        """Where the rows of these groups stand: [groups, widest], groups with fewer passages filled up."""
        widest, first = max(len(self._weights[group]) for group in groups), 0
        index, weaker, logs, top = [], [], [], []
        for group in groups:
            weights = self._weights[group]
            size, fill = len(weights), widest - len(weights)
            index.append([first + place for place in range(size)] + [first] * fill)
            weaker.append([row + (size if self._settings else 0) for row in index[-1]])
            logs.append([math.log(weight) if weight > 0 else -math.inf for weight in weights] + [-math.inf] * fill)
            top.append(first + max(range(size), key=weights.__getitem__))  # the first of equals: the best rank
            first += size * (2 if self._settings else 1)
        self._index, self._weaker, self._top = (
            torch.tensor(rows, device=self._device) for rows in (index, weaker, top)
        )
        self._log_p_ret = torch.tensor(logs, device=self._device)
        self._arranged = list(groups)

    def __call__(self, logits: Tensor, groups: Sequence[int]) -> Tensor:
        """See ``Chooser``; appends a ``Step`` for every group."""
        if self._arranged != list(groups):
            self._arrange(groups)
        log_probs = torch.log_softmax(logits, dim=-1)
        passages = log_probs[self._index]
        aligned = marginalise(passages, self._log_p_ret)
        marginal = aligned.argmax(dim=-1)
        chosen = marginal
        if self._settings is not None:
            weaker = marginalise(log_probs[self._weaker], self._log_p_ret)
            chosen = choose(contrast(aligned, weaker, self._settings.form, self._settings.alpha), aligned)
        shares = posterior(passages, self._log_p_ret, chosen).tolist()
        log_prob = aligned.gather(1, chosen[:, None])[:, 0].tolist()
        tops = log_probs[self._top].argmax(dim=-1)
        ids = torch.stack([tops, marginal, chosen], dim=1).tolist()
        for place, group in enumerate(groups):
            top_id, marginal_id, token_id = ids[place]
            share = tuple(shares[place][: len(self._weights[group])])
            self.steps[group].append(Step(top_id, marginal_id, token_id, log_prob[place], share))
        return chosen
