"""What can be known of a model before its weights are loaded: its context, and that its tokenizer fits."""

from pathlib import Path
from typing import Any

from selfspec_assets.base.errors import SelfspecError

_CONTEXT_KEYS = ("max_position_embeddings", "max_seq_len", "n_positions", "seq_length")


def load_config(folder: Path) -> Any:
    """The model's configuration.

    Raises:
        SelfspecError: it is broken, or of a model that transformers does not know.
    """
    from transformers import AutoConfig

    try:
        return AutoConfig.from_pretrained(str(folder), trust_remote_code=False, local_files_only=True)
    except Exception as error:  # as many kinds as there are architectures
        raise SelfspecError(
            folder, f"the model cannot be loaded: {error}", "restore config.json; code from a hub is never run"
        ) from error


def vocabulary_size(tokenizer: Any) -> int:
    """One more than the largest id that the tokenizer knows; the model may have more rows (padding)."""
    return int(max(tokenizer.get_vocab().values())) + 1


def context_length(config: Any, tokenizer: Any, place: object) -> int:
    """Tokens of prompt and answer together that the model takes.

    Raises:
        SelfspecError: neither config nor tokenizer states it.
    """
    for part in (config, config.get_text_config()):  # models of text and pictures state it for their text part
        for key in _CONTEXT_KEYS:
            value = getattr(part, key, None)
            if isinstance(value, int) and value > 0:
                return value
    if tokenizer.model_max_length < 10**7:  # transformers writes 1e30 for "not stated"
        return int(tokenizer.model_max_length)
    raise SelfspecError(
        place,
        "the model states no context length",
        "set max_position_embeddings in config.json, or model_max_length in tokenizer_config.json",
    )


def check_tokenizer(tokenizer: Any, config: Any, folder: Path) -> None:
    """Check that the tokenizer belongs to the model and can end an answer.

    Raises:
        SelfspecError: ids beyond the model's embedding, or no end-of-sequence token.
    """
    rows, size = getattr(config.get_text_config(), "vocab_size", None), vocabulary_size(tokenizer)
    if rows is not None and size > rows:
        raise SelfspecError(
            folder,
            f"the tokenizer has ids up to {size - 1}, the model's embedding has {rows} rows",
            "use the tokenizer that belongs to the model",
        )
    if tokenizer.eos_token_id is None:
        raise SelfspecError(
            folder,
            "the tokenizer has no end-of-sequence token, so no answer could end",
            "set eos_token in tokenizer_config.json",
        )
