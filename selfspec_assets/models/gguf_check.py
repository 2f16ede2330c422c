"""What a GGUF file must hold to become a model here: an architecture and a tokenizer that are carried over whole.

transformers reads more architectures than these, and passes over what it does not know of a file: the scaling of
positions, say, or the way in which a tokenizer splits text. A model would then differ from the file's in silence, so
what is not known to be carried over is refused.
"""

from pathlib import Path
from typing import Any, NoReturn

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.models.check import check_vocabulary
from selfspec_assets.models.gguf_file import GgufHeader, check_tensors, read_header

ARCHITECTURES = {"llama": "llama", "qwen2": "qwen2", "qwen3": "qwen3", "gemma3": "gemma3_text"}  # → transformers' name
_INSTEAD = "take the model's folder of safetensors instead"

# A value of the shape → where the configuration has it. Names: gguf.md, "Architecture".
SHAPE = {
    "context_length": "max_position_embeddings",
    "block_count": "num_hidden_layers",
    "embedding_length": "hidden_size",
    "feed_forward_length": "intermediate_size",
    "attention.head_count": "num_attention_heads",
    "attention.head_count_kv": "num_key_value_heads",
    "attention.layer_norm_rms_epsilon": "rms_norm_eps",
    "attention.key_length": "head_dim",
    "attention.value_length": "head_dim",
    "attention.sliding_window": "sliding_window",
    "rope.dimension_count": "head_dim",
    "rope.freq_base": "rope_theta",
    "vocab_size": "vocab_size",
}

_NEEDED = ("context_length", "block_count", "embedding_length", "attention.head_count")

SENTENCEPIECE, BYTE_LEVEL = "llama", "gpt2"  # tokenizer.ggml.model
LLAMA3_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|"
    r"\s*[\r\n]+|\s+(?!\S)|\s+"
)
_QWEN2_SPLIT = LLAMA3_SPLIT.replace(r"\p{N}{1,3}", r"\p{N}")
GPT2, DIGITS = "GPT-2's own", "GPT-2's own, and each digit apart"
# tokenizer.ggml.pre → how text is split before merges: a regular expression, or one of the two above. After
# llama.cpp's src/llama-vocab.cpp; transformers takes GPT-2's for SmolLM2, which joins no line breaks before a digit.
SPLITS = {
    **dict.fromkeys(("gpt-2", "mpt", "olmo", "jais"), GPT2),
    **dict.fromkeys(("smollm", "starcoder", "refact", "command-r", "codeshell", "exaone"), DIGITS),
    **dict.fromkeys(("llama3", "llama-v3", "llama-bpe", "falcon3"), LLAMA3_SPLIT),
    **dict.fromkeys(("qwen2", "deepseek-r1-qwen"), _QWEN2_SPLIT),
}
END_TOKENS = ("eos", "eot", "eom")  # of a text, a turn, a message
# Control tokens that end a text whether the file names them as ends or not; after llama.cpp's src/llama-vocab.cpp.
ENDS_BY_NAME = (
    *("<|eot_id|>", "<|im_end|>", "<|end|>", "<end_of_turn>", "<|endoftext|>", "<|end_of_text|>", "<|eom_id|>"),
    "<|return|>",
)


def check_gguf(path: Path) -> GgufHeader:
    """The header of a file that can be converted.

    Raises:
        SelfspecError: the file is cut off or no GGUF; its architecture, its quantisation or its tokenizer is not known;
            it has no weights or no tokenizer; an end token that the tokenizer does not have; an embedding that does
            not fit the tokenizer.
    """
    header = read_header(path)
    _check_architecture(header)
    check_tensors(header)
    _check_tokenizer(header)
    return header


def end_token_ids(header: GgufHeader) -> list[int]:
    """The tokens that the file names as ends, the text's own first."""
    stated = [header.values.get(f"tokenizer.ggml.{name}_token_id") for name in END_TOKENS]
    return list(dict.fromkeys(int(one) for one in stated if one is not None))


def starts_with_bos(header: GgufHeader) -> bool:
    """Whether the tokenizer puts a begin token in front of a text; llama.cpp's defaults where the file does not say."""
    by_default = _tokenizer(header, "model") == SENTENCEPIECE or SPLITS.get(_tokenizer(header, "pre")) == LLAMA3_SPLIT
    return bool(header.values.get("tokenizer.ggml.add_bos_token", by_default))


def embedding_rows(header: GgufHeader) -> int:
    """How many tokens the model has numbers for; of a file that ``check_gguf`` took."""
    embedding = header.tensor("token_embd.weight")
    assert embedding is not None
    return embedding.shape[0]


def _check_architecture(header: GgufHeader) -> None:
    if header.architecture not in ARCHITECTURES:
        named = f"is of architecture '{header.architecture}'" if header.architecture else "names no architecture"
        _refuse(header, f"{named}; GGUF is read of: {', '.join(ARCHITECTURES)}", _INSTEAD)
    for key in header.of_architecture:
        if key not in SHAPE:
            _refuse(header, f"states '{header.architecture}.{key}', which would be lost in the conversion", _INSTEAD)
    if lacking := [key for key in _NEEDED if not isinstance(header.of_architecture.get(key), int)]:
        _refuse(header, f"does not state '{header.architecture}.{lacking[0]}'", _INSTEAD)
    if header.tensor("token_embd.weight") is None:
        _refuse(header, "holds no weights (token_embd.weight)", "give the file that holds the model")
    for tensor in header.tensors:
        if tensor.name.partition(".")[0] not in ("token_embd", "output", "output_norm", "blk"):
            _refuse(header, f"holds {tensor.name}, which would be lost in the conversion", _INSTEAD)


def _check_tokenizer(header: GgufHeader) -> None:
    kind, pre, count = (_tokenizer(header, name) for name in ("model", "pre", "tokens"))
    needed = "merges" if kind == BYTE_LEVEL else "scores"
    if kind is None or not count or not _tokenizer(header, needed):
        lacking = "model" if kind is None else "tokens" if not count else needed
        _refuse(header, f"has no tokenizer: no tokenizer.ggml.{lacking}", "take a file that has one, or " + _INSTEAD)
    if kind not in (SENTENCEPIECE, BYTE_LEVEL) or (kind == BYTE_LEVEL and pre not in SPLITS):
        what = f"tokenizer.ggml.pre '{pre}'" if kind == BYTE_LEVEL else f"tokenizer.ggml.model '{kind}'"
        _refuse(header, f"has a tokenizer that is not known: {what}", _INSTEAD)
    if _tokenizer(header, "eos_token_id") is None:
        _refuse(header, "has no end-of-sequence token, so no answer could end", _INSTEAD)
    for token in end_token_ids(header):
        if token >= count:
            reason = f"names an end token {token} that the tokenizer never writes: it has {count} tokens"
            _refuse(header, reason, "get the file again, or " + _INSTEAD)
    check_vocabulary(embedding_rows(header), int(count), header.path)


def _tokenizer(header: GgufHeader, name: str) -> Any:
    return header.values.get(f"tokenizer.ggml.{name}")


def _refuse(header: GgufHeader, reason: str, remedy: str) -> NoReturn:
    raise SelfspecError(header.path, reason, remedy)
