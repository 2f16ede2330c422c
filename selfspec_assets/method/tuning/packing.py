"""Examples side by side in one row: no padding, and how their prompts begin (Alpaca's preamble) is there once.

Each example sees what all share and itself, at the positions that it would have alone. So loss and gradient are those
of separate rows up to round-off, with about two thirds of the tokens where examples are short.
"""

import logging
from typing import Any

import torch
from torch import Tensor

from selfspec_assets.method.decoding.cache import special_layers
from selfspec_assets.method.decoding.prefix import takes_positions
from selfspec_assets.method.tuning.examples import NO_LOSS, answer_loss, counted_places

_log = logging.getLogger(__name__)
_TOLERANCE, _LOOSE = 1e-3, 5e-2  # of a loss, relative: in float32, and in fewer bits


def packed(batch: dict[str, Tensor]) -> dict[str, Tensor]:
    """One row from the rows of ``examples.collate``: what all have in common, then the rest of each.

    Returns:
        ``input_ids``, ``position_ids`` and ``labels`` [1, T], ``attention_mask`` [1, 1, T, T] of bool, and
        ``logits_to_keep`` where the batch has it. A batch of one row is returned as it is.
    """
    ids, labels = batch["input_ids"], batch["labels"]
    if len(ids) == 1:
        return batch
    lengths = batch["attention_mask"].sum(dim=1).tolist()
    # The last token of a prompt predicts the answer's first: it belongs to its example even where prompts are alike.
    most = int((labels != NO_LOSS).int().argmax(dim=1).min()) - 1
    shared = int((ids[:, :most] == ids[0, :most]).all(dim=0).int().cumprod(dim=0).sum())
    places = [(0, place) for place in range(shared)]
    places += [(row, place) for row, length in enumerate(lengths) for place in range(shared, length)]
    rows, columns = torch.tensor(places, device=ids.device).unbind(dim=1)
    owner = torch.where(columns < shared, -1, rows)
    sees = (owner[None, :] == -1) | (owner[None, :] == owner[:, None])
    row = {
        "input_ids": ids[rows, columns][None],
        "position_ids": columns[None],
        "labels": labels[rows, columns][None],
        "attention_mask": sees.tril()[None, None],
    }
    return {**row, "logits_to_keep": counted_places(row["labels"])} if "logits_to_keep" in batch else row


def refused(model: Any, pair: dict[str, Tensor]) -> str | None:
    """Why examples must not share a row of this model, or None; two of them are computed both ways to make sure.

    Args:
        model: with its adapter, before the first step.
        pair: of ``examples.collate``.
    """
    base = model.get_base_model()
    if not takes_positions(base):
        return "its attention takes no positions"
    kinds = {type(layer).__name__ for layer in special_layers(base.config)}
    if kinds:
        return f"it has layers that are no plain attention ({', '.join(sorted(kinds))})"
    try:
        alone, together = _loss(model, pair), _loss(model, packed(pair))
    except Exception as error:  # each kind of attention has its own words for a mask that it cannot take
        return f"{type(error).__name__}: {error}"
    if abs(alone - together) > (_TOLERANCE if base.dtype == torch.float32 else _LOOSE) * abs(alone):
        return f"the loss of two examples is {together:.5g} in one row and {alone:.5g} in rows of their own"
    return None


def _loss(model: Any, batch: dict[str, Tensor]) -> float:
    device = next(model.parameters()).device
    given = {name: values.to(device) for name, values in batch.items()}
    labels = given.pop("labels")
    was_training = model.training
    model.eval()  # dropout would tell them apart
    try:
        with torch.no_grad():
            return float(answer_loss(model(**given).logits, labels, None))
    finally:
        model.train(was_training)


def packs(model: Any, pair: dict[str, Tensor]) -> bool:
    """Whether examples may share a row; says why not. Arguments as in ``refused``."""
    reason = refused(model, pair)
    if reason:
        _log.warning("every example is tuned on in a row of its own: %s", reason)
    return reason is None
