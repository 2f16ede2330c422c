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

    def __call__(self, logits: Tensor, active: Sequence[int]) -> Tensor:
        """[rows, V] fp32 logits, groups that still grow -> [groups] token ids (any id for the others)."""


class GroupProcessor:
    """Forces the chooser's token on all rows of each group.

    Args:
        rows: for each group its rows.
        choose: the chooser.
        trackers: for each group where its text ends.
        pad_id: what finished groups are fed.
        vocabulary_size: ids from here on are padding of the model's output layer and can never be chosen.
    """

    def __init__(
        self,
        rows: Sequence[Sequence[int]],
        choose: Chooser,
        trackers: Sequence[StopTracker],
        pad_id: int,
        vocabulary_size: int,
    ) -> None:
        self._choose = choose
        self._trackers = trackers
        self._pad_id = pad_id
        self._vocabulary_size = vocabulary_size
        self._group_of_row = [0] * sum(map(len, rows))
        for group, members in enumerate(rows):
            for row in members:
                self._group_of_row[row] = group

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """transformers' ``LogitsProcessor``: [rows, length], [rows, V] -> [rows, V], one token possible per row."""
        scores[:, self._vocabulary_size :] = -math.inf
        active = [group for group, tracker in enumerate(self._trackers) if tracker.finish is None]
        chosen: list[int] = self._choose(scores, active).tolist()
        forced = [self._pad_id] * len(self._trackers)
        for group in active:
            self._trackers[group].add(chosen[group])
            forced[group] = chosen[group]
        ids = torch.tensor([forced[group] for group in self._group_of_row], device=scores.device)
        return scores.fill_(-math.inf).scatter_(1, ids[:, None], 0.0)

    def finished(self, input_ids: Tensor, scores: Any, **_: Any) -> Tensor:
        """transformers' ``StoppingCriteria``: [rows] of bool."""
        done = [self._trackers[group].finish is not None for group in self._group_of_row]
        return torch.tensor(done, device=input_ids.device)


def greedy_choice(logits: Tensor, active: Sequence[int]) -> Tensor:
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

    Rows stand group after group, passage after passage: first all aligned rows, then (with contrast) all weaker rows
    in the same order.

    Args:
        weights: for each group p_ret of its passages.
        settings: None where there is no weaker side.
    """

    def __init__(
        self, weights: Sequence[Sequence[float]], settings: ContrastSettings | None, device: torch.device
    ) -> None:
        self._settings = settings
        self._sizes = [len(group) for group in weights]
        self.rows = sum(self._sizes)  # of one side
        widest, first = max(self._sizes), 0
        index, logs, top = [], [], []
        for group in weights:
            fill = widest - len(group)
            index.append([first + place for place in range(len(group))] + [first] * fill)
            logs.append([math.log(weight) if weight > 0 else -math.inf for weight in group] + [-math.inf] * fill)
            top.append(first + max(range(len(group)), key=group.__getitem__))  # the first of equals: the best rank
            first += len(group)
        self._index = torch.tensor(index, device=device)
        self._log_p_ret = torch.tensor(logs, device=device)
        self._top = torch.tensor(top, device=device)
        self.steps: list[list[Step]] = [[] for _ in weights]

    def group_rows(self) -> list[list[int]]:
        """For each group all its rows, those of the weaker side included."""
        offsets = (0, self.rows) if self._settings else (0,)
        return [
            [row + offset for offset in offsets for row in rows[:size]]
            for rows, size in zip(self._index.tolist(), self._sizes, strict=True)
        ]

    def __call__(self, logits: Tensor, active: Sequence[int]) -> Tensor:
        """See ``Chooser``; appends a ``Step`` for every active group."""
        log_probs = torch.log_softmax(logits, dim=-1)
        passages = log_probs[self._index]
        aligned = marginalise(passages, self._log_p_ret)
        marginal = aligned.argmax(dim=-1)
        chosen = marginal
        if self._settings is not None:
            weaker = marginalise(log_probs[self._index + self.rows], self._log_p_ret)
            chosen = choose(contrast(aligned, weaker, self._settings.form, self._settings.alpha), aligned)
        shares = posterior(passages, self._log_p_ret, chosen).tolist()
        log_prob = aligned.gather(1, chosen[:, None])[:, 0].tolist()
        tops = log_probs[self._top].argmax(dim=-1)
        ids = torch.stack([tops, marginal, chosen], dim=1).tolist()
        for group in active:
            top_id, marginal_id, token_id = ids[group]
            share = tuple(shares[group][: self._sizes[group]])
            self.steps[group].append(Step(top_id, marginal_id, token_id, log_prob[group], share))
        return chosen
