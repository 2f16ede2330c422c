"""What can be known of a model before its weights are loaded: its context, and that its tokenizer fits."""

from pathlib import Path
from typing import Any

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.models.folder import read_json

_PADDING = 1024  # rows
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


def check_vocabulary(rows: int, size: int, place: object) -> None:
    """Check that an embedding (rows) belongs to a tokenizer (size: one more than its largest id).

    A few rows more than the tokenizer has ids are padding, as Pythia's and Qwen's embeddings have it (up to 2.4 % among
    public models); far more are another tokenizer's.

    Raises:
        SelfspecError: fewer rows than ids, or more than a tenth (and over a thousand) that no token stands for.
    """
    remedy = "use the tokenizer that belongs to the model"
    if size > rows:
        raise SelfspecError(
            place, f"the tokenizer has ids up to {size - 1}, the model's embedding has {rows} rows", remedy
        )
    if rows - size > max(_PADDING, rows // 10):
        reason = f"the model's embedding has {rows} rows, the tokenizer ids up to {size - 1}: too many for padding"
        raise SelfspecError(place, reason, remedy)


def check_tokenizer(tokenizer: Any, config: Any, folder: Path) -> None:
    """Check that the tokenizer belongs to the model and can end an answer.

    Raises:
        SelfspecError: ids beyond the model's embedding, or far fewer than its rows; no end-of-sequence token; an end
            token, also of generation_config.json, that the tokenizer never writes.
    """
    rows = getattr(config.get_text_config(), "vocab_size", None)
    if rows is not None:
        check_vocabulary(rows, vocabulary_size(tokenizer), folder)
    if tokenizer.eos_token_id is None:
        raise SelfspecError(
            folder,
            "the tokenizer has no end-of-sequence token, so no answer could end",
            "set eos_token in tokenizer_config.json",
        )
    for place, token in _end_tokens(tokenizer, config, folder):
        text = tokenizer.decode([token]) if token < vocabulary_size(tokenizer) else None
        written = None if text is None else list(tokenizer(text, add_special_tokens=False)["input_ids"])
        if written != [token]:
            found = "there is no such token" if text is None else f"its text {text!r} becomes {written}"
            reason = f"the end token {token} is one that the tokenizer never writes: {found}"
            raise SelfspecError(place, reason, "correct eos_token_id")


def _end_tokens(tokenizer: Any, config: Any, folder: Path) -> list[tuple[Path, int]]:
    """(file that states it, id) of every token that ends a text, as ``LanguageModel`` takes them."""
    path = folder / "generation_config.json"
    if path.is_file():
        stated = read_json(path).get("eos_token_id")
    else:
        path, stated = folder / "config.json", config.eos_token_id
    more = stated if isinstance(stated, list) else [] if stated is None else [stated]
    return [(folder / "tokenizer_config.json", int(tokenizer.eos_token_id)), *((path, int(one)) for one in more)]
