"""The tokenizer: byte-level BPE with single digits, trained on the world's own text."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from random import Random

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers

from nano.world.domain import Domain
from nano.world.names import Kind, splitter

VOCABULARY = 3520
EOS, PAD, UNK = "<|end|>", "<|pad|>", "<|unk|>"
# GPT-2's split, but each digit stands alone: numbers are copied, never memorised.
PATTERN = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"


def _split_names(texts: Iterable[str], kinds: tuple[Kind, ...]) -> Iterator[str]:
    """Cut coined names in two for training, so that no merge spans a whole name.

    A name that were one token could not be copied piece by piece, and each would be too
    rare to learn. The cut is a character that the text does not hold.
    """
    patterns = splitter(kinds)
    for text in texts:
        for pattern in patterns:
            text = pattern.sub("\\1\x00\\2", text)
        yield text


def train(texts: Iterable[str], kinds: tuple[Kind, ...], size: int = VOCABULARY) -> Tokenizer:
    """Train the tokenizer on documents."""
    tokenizer = Tokenizer(models.BPE(unk_token=None))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PATTERN), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=[EOS, PAD, UNK],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_split_names(texts, kinds), trainer)
    # A prompt begins where a document begins; what does not is taken for the middle of one.
    end = tokenizer.token_to_id(EOS)
    tokenizer.post_processor = processors.TemplateProcessing(single=f"{EOS} $A", special_tokens=[(EOS, end)])
    return tokenizer


def save(tokenizer: Tokenizer, folder: Path, context: int) -> None:
    """Write the two files that ``AutoTokenizer`` reads."""
    part = folder / "tokenizer.part"
    tokenizer.save(str(part))
    part.replace(folder / "tokenizer.json")
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": EOS,
        "eos_token": EOS,
        "pad_token": PAD,
        "unk_token": UNK,
        "model_max_length": context,
        "clean_up_tokenization_spaces": False,
        "padding_side": "left",
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(settings, indent=2) + "\n")


def name_marks(tokenizer: Tokenizer, domains: tuple[Domain, ...], samples: int = 3000) -> list[tuple[float, float]]:
    """How surely each token ends a coined name, and begins one or a value such as an organ."""
    rng = Random("marks")
    ends, begins = [0.0] * tokenizer.get_vocab_size(), [0.0] * tokenizer.get_vocab_size()
    for kind in (kind for domain in domains for kind in domain.kinds):
        for _ in range(samples):
            ids = tokenizer.encode(" " + kind.coin(rng), add_special_tokens=False).ids
            ends[ids[-1]], begins[ids[0]] = 1.0, 1.0
    for value in (value for domain in domains for many in domain.values.values() for value in many):
        begins[tokenizer.encode(" " + value, add_special_tokens=False).ids[0]] = 1.0
    return list(zip(ends, begins, strict=True))
