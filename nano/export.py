"""Writes a trained model as a folder that ``transformers`` loads."""

from __future__ import annotations

import json
from pathlib import Path

from safetensors.torch import save_file
from tokenizers import Tokenizer
from torch import Tensor

from nano import tokenizer as tokenizers_
from nano.model import Shape


def export(weights: dict[str, Tensor], shape: Shape, tokenizer: Tokenizer, folder: Path) -> None:
    """Write configuration, weights and tokenizer."""
    folder.mkdir(parents=True, exist_ok=True)
    named = {f"model.{name}": w.detach().contiguous() for name, w in weights.items()}
    save_file(named, folder / "model.safetensors", metadata={"format": "pt"})
    end = tokenizer.token_to_id(tokenizers_.EOS)
    pad = tokenizer.token_to_id(tokenizers_.PAD)
    config = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": shape.vocabulary,
        "hidden_size": shape.width,
        "intermediate_size": shape.inner,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "num_key_value_heads": shape.heads,
        "head_dim": shape.head,
        "max_position_embeddings": shape.context,
        "rope_theta": shape.theta,
        "rope_parameters": {"rope_type": "default", "rope_theta": shape.theta},
        "rms_norm_eps": shape.epsilon,
        "hidden_act": "silu",
        "tie_word_embeddings": True,
        "attention_bias": False,
        "mlp_bias": False,
        "attention_dropout": 0.0,
        "initializer_range": 0.06,
        "bos_token_id": end,
        "eos_token_id": end,
        "pad_token_id": pad,
        "use_cache": True,
        "dtype": "float32",
    }
    generation = {"bos_token_id": end, "eos_token_id": end, "pad_token_id": pad, "do_sample": False}
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    (folder / "generation_config.json").write_text(json.dumps(generation, indent=2) + "\n")
    tokenizers_.save(tokenizer, folder, shape.context)
