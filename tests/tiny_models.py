"""Tiny random models in the hub's folder layout, made by the tests that need them."""

import json
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

from selfspec_assets.models.language_model import LanguageModel, ModelSpec, model_digest, write_adapter_record

TEXT = [
    "The zorvex gene binds the melatin receptor in liver cells. Which gene binds melatin? zorvex",
    "Question: does aspirin inhibit platelets?\nAnswer: yes\n\nQuestion: is insulin a virus?\nAnswer: no",
    "1. Name the disease.\n2. List three symptoms: fever, cough, pain.\n3) Give the dose of 2.5 mg.\n**4.** Stop.",
    "### Instruction:\nClassify the abstract.\n\n### Response: cancer hallmarks are ten, or perhaps fourteen of them.",
] * 4
GPT2_SPLIT = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
LLAMA3_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|"
    r"\s*[\r\n]+|\s+(?!\S)|\s+"
)
SPECIALS = ["<s>", "</s>", "<unk>", "<|endoftext|>"]  # the last: Qwen2's class adds it where it is missing


def byte_level_tokenizer(split: str = GPT2_SPLIT, *, bos: bool = False, size: int = 400) -> Tokenizer:
    """Byte-level BPE behind a GPT-2-like or Llama-3-like pre-tokeniser."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(split), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(
        TEXT,
        trainers.BpeTrainer(
            vocab_size=size,
            special_tokens=SPECIALS,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    if bos:
        tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
    return tokenizer


def metaspace_tokenizer(size: int = 200) -> Tokenizer:
    """BPE as SentencePiece does it: a space of its own in front of every text."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="always")
    tokenizer.train_from_iterator(
        [text.replace("\n", " ") for text in TEXT],
        trainers.BpeTrainer(vocab_size=size, special_tokens=SPECIALS, show_progress=False),
    )
    return tokenizer


def llama2_tokenizer(size: int = 120) -> Tokenizer:
    """Llama 2's arrangement: a normaliser puts one "▁" in front, and with no pre-tokeniser merges cross words."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    texts = ["Answer: yes Answer: no"] * 50 + [text.replace("\n", " ") for text in TEXT]
    tokenizer.train_from_iterator(
        texts, trainers.BpeTrainer(vocab_size=size, special_tokens=SPECIALS, show_progress=False)
    )
    return tokenizer


def write_tokenizer(tokenizer: Tokenizer, folder: Path) -> Any:
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": "<s>",
        "eos_token": "</s>",
        "unk_token": "<unk>",
        "model_max_length": 512,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    return AutoTokenizer.from_pretrained(str(folder))


FAMILIES: dict[str, dict[str, Any]] = {
    "llama": {
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 512,
    },
    "qwen2": {
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 512,
        "tie_word_embeddings": True,
    },
    "qwen3": {
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 16,
        "max_position_embeddings": 512,
        "tie_word_embeddings": True,
    },
    "gemma3_text": {  # every other layer sees the last eight tokens alone
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 1,
        "head_dim": 16,
        "layer_types": ["sliding_attention", "full_attention"],
        "sliding_window": 8,
        "max_position_embeddings": 512,
    },
    "gpt_neox": {
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "max_position_embeddings": 512,
    },
    "mpt": {"d_model": 32, "n_heads": 4, "n_layers": 2, "max_seq_len": 512, "expansion_ratio": 2},
    "falcon": {
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "max_position_embeddings": 512,
        "new_decoder_architecture": False,
        "alibi": False,
    },
}


def write_model(folder: Path, family: str = "llama", *, seed: int = 0, scale: float = 6.0, **changes: Any) -> ModelSpec:
    """A random model with weights large enough that its choices hang on every token of the context.

    transformers initialises with a deviation of 0.02: logits are then almost equal and nothing can be told from them.
    """
    tokenizer = write_tokenizer(byte_level_tokenizer(), folder)
    config = CONFIG_MAPPING[family](
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=None,
        **{"vocab_size": len(tokenizer), **FAMILIES.get(family, {}), **changes},
    )
    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_config(config)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.ndim == 2:
                weight.mul_(scale)
    model.save_pretrained(str(folder))
    return ModelSpec(str(folder))


def write_adapter(spec: ModelSpec, folder: Path, seed: int, *, scale: float = 0.15, **changes: Any) -> Path:
    """A random LoRA adapter (both factors non-zero), with its record."""
    model = AutoModelForCausalLM.from_pretrained(spec.path_or_id)
    torch.manual_seed(seed)
    adapted = get_peft_model(
        model, LoraConfig(r=4, lora_alpha=8, target_modules="all-linear", task_type="CAUSAL_LM", **changes)
    )
    with torch.no_grad():
        for name, weight in adapted.named_parameters():
            if "lora_" in name:
                weight.normal_(0, scale)
    adapted.save_pretrained(str(folder), save_embedding_layers=False)
    write_adapter_record(folder, model_digest(spec))
    return folder


def load_with_adapters(root: Path, family: str = "llama", adapters: int = 2, **changes: Any) -> LanguageModel:
    """A loaded model with adapters a1, a2, …"""
    spec = write_model(root / "base", family, **changes)
    lm = LanguageModel.load(spec)
    for number in range(1, adapters + 1):
        lm.add_adapter(write_adapter(spec, root / f"a{number}", number), f"a{number}")
    return lm


def separate_log_probs(lm: LanguageModel, ids: list[int], adapter: str | None) -> torch.Tensor:
    """[V] float64: one row, no padding, no cache, one adapter switched on for the whole model."""
    switched: Any = nullcontext()
    if lm.peft is not None:
        if adapter is None:
            switched = lm.peft.disable_adapter()
        else:
            lm.peft.set_adapter(adapter)
    with torch.no_grad(), switched:
        logits = lm.model(input_ids=torch.tensor([ids]), use_cache=False).logits[0, -1]
    return torch.log_softmax(logits.double(), dim=-1)


# In the style of three families: turns between two tokens, a header and an end of turn, brackets and a space.
CHAT_TEMPLATES = {
    "chatml": (
        "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
        "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    ),
    "headers": (
        "{{ bos_token }}{% for m in messages %}<|im_start|>{{ m['role'] }}\n\n{{ m['content'] | trim }}<|im_end|>"
        "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n\n{% endif %}"
    ),
    "brackets": (
        "{% for m in messages %}{% if m['role'] == 'user' %}{{ bos_token }}[INST] {{ m['content'] }} [/INST]"
        "{% else %} {{ m['content'] }} {{ eos_token }}{% endif %}{% endfor %}"
    ),
}


def add_chat_template(folder: Path, template: str) -> None:
    """Give a model's folder a chat template and the tokens ``<|im_start|>``, ``<|im_end|>`` (two more ids)."""
    tokenizer = AutoTokenizer.from_pretrained(str(folder))
    tokenizer.add_tokens(["<|im_start|>", "<|im_end|>"], special_tokens=True)
    tokenizer.chat_template = template
    tokenizer.save_pretrained(str(folder))
