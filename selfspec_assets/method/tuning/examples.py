"""Tuning examples: token ids, the order in which they are learnt, batches, and the loss on them."""

import random
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.method.decoding import encode_example

if TYPE_CHECKING:
    import torch

NO_LOSS = -100  # the label that PyTorch's cross entropy leaves out


class Example(NamedTuple):
    """Token ids of prompt, answer and end token, and where the answer begins."""

    ids: list[int]
    answer_start: int


def encode_examples(tokenizer: Any, examples: Sequence[tuple[str, str]], max_length: int) -> list[Example]:
    """Encode (prompt, answer) pairs.

    Raises:
        SelfspecError: there is none, or some are longer than ``max_length`` tokens.
    """
    if not examples:
        raise SelfspecError("adapter", "there are no examples to tune on", "generate more, or loosen what is rejected")
    encoded = [Example(*encode_example(tokenizer, prompt, answer)) for prompt, answer in examples]
    long = [len(example.ids) for example in encoded if len(example.ids) > max_length]
    if long:
        raise SelfspecError(
            "adapter.max_length",
            f"{len(long)} of {len(encoded)} examples are longer than "
            f"{max_length} tokens (the longest: {max(long)}); none is cut in silence",
            "raise max_length, or reject these examples first",
        )
    return encoded


def training_order(lengths: Sequence[int], epochs: int, batch_size: int, seed: int) -> list[int]:
    """The places of the examples in the order in which they are learnt: ``epochs`` shuffles, one after the other.

    Within each batch the longest comes first, so that a micro-batch holds examples of similar length. Which examples
    share a batch stays random, so the gradient is that of plain shuffling.
    """
    order: list[int] = []
    for epoch in range(epochs):
        shuffled = list(range(len(lengths)))
        random.Random(f"{seed}:{epoch}").shuffle(shuffled)
        order += shuffled
    batches = [order[first : first + batch_size] for first in range(0, len(order), batch_size)]
    return [place for batch in batches for place in sorted(batch, key=lambda place: -lengths[place])]


def collate(batch: Sequence[Example], pad_id: int, *, few_logits: bool = False) -> dict[str, "torch.Tensor"]:
    """Right-padded input_ids, attention_mask and labels, each [batch, longest]; labels only on answer and end token.

    Args:
        few_logits: the model takes ``logits_to_keep``: it is told the places that ``counted_places`` says, so that its
            output layer, a third of a small model, computes nothing for the prompts.
    """
    import torch

    longest = max(len(example.ids) for example in batch)
    ids, mask, labels = [], [], []
    for example in batch:
        fill = longest - len(example.ids)
        ids.append(example.ids + [pad_id] * fill)
        mask.append([1] * len(example.ids) + [0] * fill)
        labels.append([NO_LOSS] * example.answer_start + example.ids[example.answer_start :] + [NO_LOSS] * fill)
    tensors = {"input_ids": torch.tensor(ids), "attention_mask": torch.tensor(mask), "labels": torch.tensor(labels)}
    return {**tensors, "logits_to_keep": counted_places(tensors["labels"])} if few_logits else tensors


def counted_places(labels: "torch.Tensor") -> "torch.Tensor":
    """[P] the places whose next token has a label in any row of [b, T], in rising order."""
    return (labels[:, 1:] != NO_LOSS).any(dim=0).nonzero()[:, 0]


def rows_of(batch: dict[str, "torch.Tensor"], first: int, last: int) -> dict[str, "torch.Tensor"]:
    """Rows first..last-1 of a batch from ``collate``, without the padding that only the other rows needed."""
    longest = int(batch["attention_mask"][first:last].sum(dim=1).max())
    rows = {name: values[first:last, :longest] for name, values in batch.items() if values.dim() == 2}
    return {**rows, "logits_to_keep": counted_places(rows["labels"])} if "logits_to_keep" in batch else rows


def answer_loss(logits: "torch.Tensor", labels: "torch.Tensor", tokens: "torch.Tensor | int | None") -> "torch.Tensor":
    """Cross entropy over answer tokens: their sum divided by ``tokens``, the count in the whole optimiser step.

    Args:
        logits: [b, T, V], or [b, P, V] of the ``counted_places`` alone.
        labels: [b, T]; −100 where there is no loss. Position t is predicted from t − 1.
    """
    from torch.nn.functional import cross_entropy

    following = labels[:, 1:]
    if logits.shape[1] == labels.shape[1]:
        logits = logits[:, :-1]
    else:
        following = following[:, counted_places(labels)]
    counted = following != NO_LOSS
    total = cross_entropy(logits[counted].float(), following[counted], reduction="sum")
    return total / (counted.sum() if tokens is None else tokens)
