"""The tokenizer that a GGUF file holds: how it splits and joins, its begin and end tokens, its chat template."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoTokenizer

from selfspec_assets.method.decoding import encode_example, encode_prompt
from selfspec_assets.models.language_model import LanguageModel, ModelSpec
from selfspec_assets.models.source import model_folder
from tests.tiny_gguf import SHAPES, tiny_gguf, write_gguf
from tests.tiny_models import CHAT_TEMPLATES, write_model


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty project."""
    monkeypatch.setenv("SELFSPEC_HOME", str(tmp_path))


def spec_of(path: Path, **settings: Any) -> ModelSpec:
    return ModelSpec(str(path), **{"dtype": "float32", **settings})


SPLIT = "Answer: yes\n\n2. Give it 250 mg,  or  don't"


@pytest.mark.parametrize(("pre", "breaks", "numbers"), [
    ("gpt-2", ["Ċ", "Ċ", "2"], ["250"]),
    ("smollm", ["ĊĊ", "2"], ["2", "5", "0"]),
    ("qwen2", ["ĊĊ", "2"], ["2", "5", "0"]),
    ("llama-bpe", ["ĊĊ", "2"], ["250"]),
])  # fmt: skip
def test_text_is_split_as_the_model_was_trained(
    pre: str, breaks: list[str], numbers: list[str], tmp_path: Path
) -> None:
    """transformers takes GPT-2's way for SmolLM2, which never joins two line breaks in front of a number."""
    tokenizer = AutoTokenizer.from_pretrained(str(model_folder(spec_of(tiny_gguf(tmp_path, pre=pre)))))
    pieces = [piece for piece, _ in tokenizer.backend_tokenizer.pre_tokenizer.pre_tokenize_str(SPLIT)]
    assert [piece for piece in pieces if "Ċ" in piece or piece == "2"][: len(breaks)] == breaks
    digits = [piece.removeprefix("Ġ") for piece in pieces if piece.removeprefix("Ġ").isdigit()]
    assert digits[1:] == numbers
    assert tokenizer.decode(tokenizer(SPLIT)["input_ids"]) == SPLIT
    assert tokenizer.backend_tokenizer.model.ignore_merges == (pre == "llama-bpe")
    original = AutoTokenizer.from_pretrained(str(tmp_path / "original"))
    assert pre not in ("gpt-2", "llama-bpe") or original(SPLIT)["input_ids"] == tokenizer(SPLIT)["input_ids"]


@pytest.mark.parametrize(("pre", "states", "begins"), [
    ("gpt-2", True, True), ("gpt-2", False, False), ("gpt-2", None, False), ("llama-bpe", None, True),
])  # fmt: skip
def test_a_text_begins_with_one_token_or_none(pre: str, states: bool | None, begins: bool, tmp_path: Path) -> None:
    values = {"tokenizer.ggml.add_bos_token": states}
    lm = LanguageModel.load(spec_of(tiny_gguf(tmp_path, pre=pre, values=values)))
    for ids in (encode_prompt(lm.tokenizer, "Name it."), encode_example(lm.tokenizer, "Name it.", "fern")[0]):
        assert ids.count(0) == begins
        assert (ids[0] == 0) == begins


def sentencepiece_values() -> dict[str, Any]:
    """A vocabulary as Gemma's: bytes, letters, then pieces, the earlier the better; blanks that are whole tokens."""
    special = ["<bos>", "<eos>", "<unk>", "<end_of_turn>"]
    own = ["\n\n", "▁▁", "▁▁▁"]
    letters = [*sorted(set("Which gene binds melatin? fever, cough. 2.5 mg\n")), "▁"]
    pieces = ["he", "▁th", "in", "en", "ge", "gen", "gene", "▁gene", "▁b", "ind", "▁bind", "ver", "fe", "fever", "ou"]
    tokens = [*special, *own, *(f"<0x{byte:02X}>" for byte in range(256)), *pieces]
    tokens += [letter for letter in dict.fromkeys(letters) if letter not in (" ", *tokens)]
    kinds = [3] * len(special) + [4] * len(own) + [6] * 256
    kinds += [1] * (len(tokens) - len(kinds))
    return {
        "tokenizer.ggml.model": "llama",
        "tokenizer.ggml.pre": "default",
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.token_type": kinds,
        "tokenizer.ggml.scores": [-float(place) if kind == 1 else -1000.0 for place, kind in enumerate(kinds)],
        "tokenizer.ggml.merges": None,
        "tokenizer.ggml.add_bos_token": True,
        "tokenizer.ggml.add_space_prefix": False,
    }


def by_scores(text: str, values: dict[str, Any]) -> list[int]:
    """llama.cpp's way: tokens of the user's own first, then the best pair of neighbours joined again and again."""
    tokens, scores = values["tokenizer.ggml.tokens"], values["tokenizer.ggml.scores"]
    place = {token: number for number, token in enumerate(tokens)}
    text = text.replace(" ", "▁")
    for own in ("\n\n", "▁▁▁", "▁▁"):
        if own in text:
            left, _, right = text.partition(own)
            return [*by_scores(left, values), place[own], *by_scores(right, values)]
    symbols = list(text)
    while True:
        pairs = [a + b for a, b in pairwise(symbols)]
        joined = [(scores[place[pair]], -at) for at, pair in enumerate(pairs) if pair in place]
        if not joined:
            break
        at = -max(joined)[1]
        symbols[at : at + 2] = ["".join(symbols[at : at + 2])]
    ids = []
    for symbol in symbols:
        ids += [place[symbol]] if symbol in place else [place[f"<0x{byte:02X}>"] for byte in symbol.encode()]
    return ids


def test_a_sentencepiece_vocabulary_joins_as_llama_cpp_does(tmp_path: Path) -> None:
    values = sentencepiece_values()
    tiny_gguf(tmp_path, "gemma3_text")
    write_gguf(tmp_path / "original", tmp_path / "gemma.gguf", "gemma3_text", "F32", values)
    lm = LanguageModel.load(spec_of(tmp_path / "gemma.gguf"))
    for text in ("Which gene binds melatin?", "  fever,\n\n   cough", "the gene 東", "fefever ververge"):
        assert lm.tokenizer(text, add_special_tokens=False)["input_ids"] == by_scores(text, values), text
        assert lm.tokenizer(text)["input_ids"] == [0, *by_scores(text, values)]
    assert lm.eos_ids == frozenset([1, 3]), "the end of a turn by its name, too"


def test_tokens_that_the_file_does_not_have_are_not_added(tmp_path: Path) -> None:
    """transformers' classes bring a ``<|endoftext|>`` of their own: an id beyond the model's embedding."""
    path = tiny_gguf(tmp_path)
    tokens = _tokens(tmp_path / "original")
    tokens[tokens.index("<|endoftext|>")] = "<|done|>"
    values = {"tokenizer.ggml.pre": "gpt-2", "tokenizer.ggml.tokens": tokens}
    write_gguf(tmp_path / "original", path, "llama", "F32", values)
    own = AutoTokenizer.from_pretrained(str(path.parent), gguf_file=path.name)
    assert len(own) == 401, "transformers has mended it: drop this"
    lm = LanguageModel.load(spec_of(path))
    assert lm.vocabulary_size == 400
    assert lm.tokenizer("<|done|>")["input_ids"] == [tokens.index("<|done|>")]
    assert "<|endoftext|>" not in lm.tokenizer.get_vocab()


# End tokens and templates


def _tokens(folder: Path) -> list[str]:
    vocabulary = json.loads((folder / "tokenizer.json").read_text())["model"]["vocab"]
    return sorted(vocabulary, key=vocabulary.get)


@pytest.fixture
def chat_gguf(tmp_path: Path) -> Path:
    """A model whose turns end with a token that is not its text's end."""
    original, path = tmp_path / "wider", tmp_path / "chat.gguf"
    write_model(original, **SHAPES["llama"], vocab_size=402)
    tokens = [*_tokens(original), "<|im_start|>", "<|im_end|>"]
    kinds = [3 if len(token) > 1 and token.startswith("<") else 1 for token in tokens]
    values = {"tokenizer.ggml.tokens": tokens, "tokenizer.ggml.token_type": kinds, "tokenizer.ggml.pre": "smollm"}
    values["tokenizer.chat_template"] = CHAT_TEMPLATES["chatml"]
    write_gguf(original, path, "llama", "F32", values)
    return path


def test_chat_template_and_every_end_token_survive(chat_gguf: Path) -> None:
    lm = LanguageModel.load(spec_of(chat_gguf, chat_template="always"))
    assert lm.tokenizer.chat_template == CHAT_TEMPLATES["chatml"]
    assert lm.eos_ids == frozenset([1, 401, lm.tokenizer.convert_tokens_to_ids("<|endoftext|>")])
    ids, start = encode_example(lm.tokenizer, "Name it.", "fern")
    assert lm.tokenizer.decode(ids[:start]) == "<|im_start|>user\nName it.<|im_end|>\n<|im_start|>assistant\n"
    assert lm.tokenizer.decode(ids[start:]) == "fern<|im_end|>"
    plain = LanguageModel.load(spec_of(chat_gguf))
    assert plain.eos_ids == lm.eos_ids, "a model that was tuned on turns ends them in plain text, too"
    assert plain.note is not None
    assert "chat template, which is not used" in plain.note
