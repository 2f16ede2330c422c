"""Tiny GGUF files of tiny random models, written as llama.cpp's converter writes them."""

import json
from pathlib import Path
from typing import Any

import gguf
import torch
from transformers import AutoModelForCausalLM

from tests.tiny_models import GPT2_SPLIT, LLAMA3_SPLIT, byte_level_tokenizer, write_model, write_tokenizer

ARCHITECTURES = {"llama": "llama", "qwen2": "qwen2", "qwen3": "qwen3", "gemma3_text": "gemma3"}
# Blocks of a quantised row hold 32 values.
SHAPES: dict[str, dict[str, Any]] = {
    "llama": {"hidden_size": 64, "intermediate_size": 64},
    "qwen2": {"hidden_size": 64, "intermediate_size": 64, "tie_word_embeddings": False},
    "qwen3": {"hidden_size": 64, "intermediate_size": 64, "head_dim": 32},
    "gemma3_text": {
        "hidden_size": 64,
        "intermediate_size": 64,
        "num_hidden_layers": 6,
        "layer_types": ["sliding_attention"] * 5 + ["full_attention"],
    },
}
_CONTROL, _NORMAL = 3, 1


def tiny_gguf(
    folder: Path, family: str = "llama", *, kind: str = "F32", pre: str = "gpt-2", values: dict[str, Any] | None = None
) -> Path:
    """A random model's folder ``original``, and beside it the same model as ``tiny.gguf``.

    Args:
        kind: how matrices are stored: F32, Q8_0, ….
        pre: how text is split (``tokenizer.ggml.pre``), with a tokenizer that was trained so.
        values: further ones, or others than usual; None leaves one out.
    """
    original = folder / "original"
    write_model(original, family, **SHAPES[family])
    write_tokenizer(byte_level_tokenizer(LLAMA3_SPLIT if pre == "llama-bpe" else GPT2_SPLIT), original)
    path = folder / "tiny.gguf"
    write_gguf(original, path, family, kind, {"tokenizer.ggml.pre": pre, **(values or {})})
    return path


def write_gguf(original: Path, path: Path, family: str, kind: str, values: dict[str, Any]) -> None:
    """A model's folder as one file."""
    model = AutoModelForCausalLM.from_pretrained(str(original))
    architecture = ARCHITECTURES[family]
    writer = gguf.GGUFWriter(str(path), architecture)
    wanted = {**_shape(model.config, architecture), **_tokenizer(original), **values}
    for key, value in wanted.items():
        if value is not None:
            _add(writer, key, value)
    number = next(key for key, name in gguf.MODEL_ARCH_NAMES.items() if name == architecture)
    names = gguf.get_tensor_name_map(number, model.config.num_hidden_layers)
    for name, weight in model.state_dict().items():
        if name == "lm_head.weight" and model.config.tie_word_embeddings:
            continue
        found = names.get_name(name, try_suffixes=(".weight", ".bias"))
        assert found is not None, name
        stored = _as_llama_cpp(found, weight, model.config, architecture).float().numpy()
        matrix = stored.ndim == 2 and kind != "F32"
        quantised = gguf.GGMLQuantizationType[kind if matrix else "F32"]
        writer.add_tensor(found, gguf.quantize(stored, quantised), raw_dtype=quantised)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _shape(config: Any, architecture: str) -> dict[str, Any]:
    rope = config.rope_parameters
    found = {
        "context_length": config.max_position_embeddings,
        "block_count": config.num_hidden_layers,
        "embedding_length": config.hidden_size,
        "feed_forward_length": config.intermediate_size,
        "attention.head_count": config.num_attention_heads,
        "attention.head_count_kv": config.num_key_value_heads,
        "attention.layer_norm_rms_epsilon": float(config.rms_norm_eps),
        "rope.freq_base": float(rope.get("full_attention", rope)["rope_theta"]),
    }
    if architecture in ("qwen3", "gemma3"):
        found |= {"attention.key_length": config.head_dim, "attention.value_length": config.head_dim}
    if architecture == "llama":
        found |= {"rope.dimension_count": config.head_dim, "vocab_size": config.vocab_size}
    if architecture == "gemma3":
        found["attention.sliding_window"] = config.sliding_window
    return {f"{architecture}.{key}": value for key, value in found.items()}


def _tokenizer(folder: Path) -> dict[str, Any]:
    file = json.loads((folder / "tokenizer.json").read_text())
    tokens = sorted(file["model"]["vocab"], key=file["model"]["vocab"].get)
    special = {token["content"] for token in file["added_tokens"]}
    return {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.token_type": [_CONTROL if token in special else _NORMAL for token in tokens],
        "tokenizer.ggml.merges": [" ".join(pair) for pair in file["model"]["merges"]],
        "tokenizer.ggml.bos_token_id": 0,
        "tokenizer.ggml.eos_token_id": 1,
        "tokenizer.ggml.unknown_token_id": 2,
        "tokenizer.ggml.add_bos_token": False,
    }


def _add(writer: Any, key: str, value: Any) -> None:
    if isinstance(value, bool):
        writer.add_bool(key, value)
    elif isinstance(value, int):
        writer.add_uint32(key, value)
    elif isinstance(value, float):
        writer.add_float32(key, value)
    elif isinstance(value, str):
        writer.add_string(key, value)
    else:
        writer.add_array(key, value)


def _as_llama_cpp(name: str, weight: torch.Tensor, config: Any, architecture: str) -> torch.Tensor:
    """Llama's heads turned for another way to rotate positions; Gemma's norms with their one added."""
    if architecture == "gemma3" and name.endswith("norm.weight"):
        return weight + 1
    heads = {"attn_q": config.num_attention_heads, "attn_k": config.num_key_value_heads}
    turned = next((count for part, count in heads.items() if f".{part}." in name), None)
    if architecture != "llama" or turned is None:
        return weight
    rows = weight.reshape(turned, 2, weight.shape[0] // turned // 2, *weight.shape[1:])
    return rows.swapaxes(1, 2).reshape(weight.shape)
