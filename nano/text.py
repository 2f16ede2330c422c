"""Pre-training tokens by chunk: each chunk is made from the seed and its number alone."""

from __future__ import annotations

from itertools import islice
from random import Random

import torch
from tokenizers import Tokenizer
from torch import Tensor

from nano.tokenizer import EOS, name_marks
from nano.world.mixture import DOMAINS, KINDS, Writer, documents

CHUNK = 131_072
SHORT, LONG = 512, 1024


class Text:
    """Turns documents into rows of tokens."""

    def __init__(self, tokenizer: Tokenizer, seed: int) -> None:
        self.tokenizer, self.seed = tokenizer, seed
        self.writer = Writer()
        end = tokenizer.token_to_id(EOS)
        assert end is not None
        self.end: int = end

    def rows(self, chunk: int, length: int, weights: dict[str, int]) -> Tensor:
        """Write one chunk as shuffled rows of ``length + 1`` tokens.

        Each row begins with a document; the last document is cut where the row is full. So a text without a heading
        is known to have none, instead of one that was cut away.
        """
        width = length + 1
        rows: list[list[int]] = [[self.end]]
        stream = documents(self.seed, chunk, weights, self.writer)
        while len(rows) * length <= CHUNK:
            for encoding in self.tokenizer.encode_batch(list(islice(stream, 200)), add_special_tokens=False):
                rows[-1] += [*encoding.ids, self.end][: width - len(rows[-1])]
                if len(rows[-1]) == width:
                    rows.append([self.end])
        whole = torch.tensor(rows[: CHUNK // length])
        order = list(range(len(whole)))
        Random(f"rows:{self.seed}:{chunk}").shuffle(order)
        return whole[order]

    def marks(self) -> Tensor:
        """Of each token: does it end a name, does it begin one, how often is one next."""
        marks = torch.tensor(name_marks(self.tokenizer, DOMAINS))
        rows = self.rows(-1, SHORT, KINDS)
        now, following = rows[:, :-1].flatten(), marks[rows[:, 1:].flatten(), 1]
        size = len(marks)
        due = torch.bincount(now, following, size) / (torch.bincount(now, minlength=size) + 5)
        return torch.cat((marks, due.clamp(max=0.5).mul(2.0).unsqueeze(1).float()), 1)
