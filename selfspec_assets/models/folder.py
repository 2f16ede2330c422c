"""Model and adapter folders on disk: what they must hold, and their digests. Nothing here loads a model."""

import json
from pathlib import Path
from typing import Any

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.base.model_settings import ModelSettings
from selfspec_assets.base.signature import canonical_json, file_digest, text_digest
from selfspec_assets.models.safetensors_file import check_safetensors

RECORD = "selfspec.json"  # beside an adapter: which base it was made for, and its own digest
ADAPTER_WEIGHTS, ADAPTER_CONFIG = "adapter_model.safetensors", "adapter_config.json"

_TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model", "spiece.model", "vocab.json", "vocab.txt", "tekken.json")
# Whatever transformers finds by its name. ``tokenizer_config.json`` may name another tokenizer.<version>.json, and each
# kind of SentencePiece tokenizer has a name of its own.
MODEL_FILES = (
    "*.safetensors",
    "*.safetensors.index.json",
    "config.json",
    "generation_config.json",
    "tokenizer*.json",
    "tekken.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab*.json",
    "vocab.txt",
    "merges.txt",
    "*.model",
    "tokenizer.model.*",
    "*.tiktoken",
    "chat_template.*",
    "additional_chat_templates/*.jinja",
)
_WEIGHTS, _INDEX = "model.safetensors", "model.safetensors.index.json"
OF_ADAPTERS = (ADAPTER_CONFIG, ADAPTER_WEIGHTS, "adapter_model.bin")
_ELSEWHERE = ("transformers_weights", "configuration_files")  # keys of config.json that name other files to load


class ModelSpec(ModelSettings):
    """Which model, and how it is held in memory (``ModelSettings``).

    Args:
        path_or_id: a folder in the hub's own layout, or a Hugging Face id ``owner/name``.
    """

    path_or_id: str

    def __init__(self, path_or_id: str, revision: str | None = None, **settings: Any) -> None:
        super().__init__(**{"path_or_id": path_or_id, "revision": revision, **settings})


def check_model_folder(folder: Path) -> None:
    """What can be known before anything is loaded.

    Raises:
        SelfspecError: no config, no safetensors weights (or pickles only), shards missing, weights twice, an adapter
            beside them, no tokenizer, or a file that is damaged or cut off.
    """
    if not (folder / "config.json").is_file():
        if packed := sorted(path.name for path in folder.glob("*.gguf")):
            raise SelfspecError(
                folder, f"holds a GGUF file ({packed[0]}) and no config.json", f"name the file: {folder / packed[0]}"
            )
        raise SelfspecError(
            folder,
            "the model folder has no config.json",
            "point to a folder in the hub's layout: config, weights, tokenizer",
        )
    if not any(folder.glob("*.safetensors")):
        pickles = sorted(path.name for pattern in ("*.bin", "*.pt", "*.pth") for path in folder.glob(pattern))
        if pickles:
            raise SelfspecError(
                folder,
                f"the weights come as pickles only ({pickles[0]}), which can run code",
                "convert them once, in a place you trust: load the model there and call "
                "save_pretrained(folder, safe_serialization=True)",
            )
        raise SelfspecError(
            folder,
            "the model folder has no weights (*.safetensors)",
            "finish the download, or point to a folder that has them",
        )
    _check_config(folder / "config.json")
    _refuse_adapter(folder)
    _check_shards(folder)
    for weights in sorted(folder.glob("*.safetensors")):
        check_safetensors(weights)
    if not any((folder / name).is_file() for name in _TOKENIZER_FILES) and not any(folder.glob("*.tiktoken")):
        raise SelfspecError(
            folder,
            "the model folder has no tokenizer",
            "add the tokenizer's files (tokenizer.json, tokenizer_config.json)",
        )
    _check_tokenizer(folder)


def no_chat_template(place: object) -> SelfspecError:
    """A recipe's chat_template: always, and a model that has none."""
    reason = "base_model.chat_template is always, but the tokenizer has no chat template"
    return SelfspecError(place, reason, "set it to never, or use an instruct model")


def has_chat_template(folder: Path) -> bool:
    """Whether the folder's tokenizer brings a chat template."""
    config = folder / "tokenizer_config.json"
    return any(folder.glob("chat_template.*")) or (config.is_file() and bool(read_json(config).get("chat_template")))


def _check_config(path: Path) -> None:
    config = read_json(path)
    if not isinstance(config.get("model_type"), str):
        raise SelfspecError(path, "names no 'model_type'", "restore the model's own file")
    if elsewhere := [key for key in _ELSEWHERE if config.get(key)]:
        raise SelfspecError(
            path,
            f"'{elsewhere[0]}' has other files loaded than config.json and {_WEIGHTS}",
            "load the model and save it anew with save_pretrained, which writes these",
        )


def _refuse_adapter(folder: Path) -> None:
    """An adapter that lies beside a model's weights is loaded on top of them by transformers, without a word.

    Raises:
        SelfspecError: one does, or a part of it.
    """
    if there := [name for name in OF_ADAPTERS if (folder / name).exists()]:
        raise SelfspecError(
            folder,
            f"an adapter ({there[0]}) lies beside the model's weights and would become part of the base",
            "move the adapter's files to a folder of their own, or merge it into the weights on purpose",
        )


def _check_shards(folder: Path) -> None:
    """That transformers loads what stands there: one file of weights, or the index and all that it names."""
    index, whole = folder / _INDEX, folder / _WEIGHTS
    if not index.is_file() and not whole.is_file():
        found = min(path.name for path in folder.glob("*.safetensors"))
        raise SelfspecError(
            folder,
            f"has neither {_WEIGHTS} nor {_INDEX}: nothing says that {found} is to be loaded",
            f"add the index, or name a single file {_WEIGHTS}",
        )
    if index.is_file():
        named = read_json(index).get("weight_map")
        shards = set(named.values()) if isinstance(named, dict) and all(map(_is_file_name, named.values())) else set()
        if not shards:
            raise SelfspecError(index, "'weight_map' does not name a file for each tensor", "restore the file")
        missing = sorted(name for name in shards if not (folder / name).is_file())
        if missing:
            raise SelfspecError(
                folder, f"{len(missing)} of {len(shards)} weight files are missing: {missing[0]}", "finish the download"
            )
        if whole.is_file() and shards != {_WEIGHTS}:
            raise SelfspecError(
                folder,
                f"has its weights twice: {_WEIGHTS}, which would be loaded, and the files that {_INDEX} names",
                "remove those that are not the model's",
            )


def _is_file_name(name: object) -> bool:
    return isinstance(name, str) and name == Path(name).name != ""


def _check_tokenizer(folder: Path) -> None:
    """The large file by its ends only: reading all of it at each step would take longer than some of the steps."""
    if (folder / "tokenizer_config.json").exists():
        read_json(folder / "tokenizer_config.json")
    whole = folder / "tokenizer.json"
    if whole.exists():
        try:
            text = whole.read_bytes().strip()
        except OSError as error:
            raise SelfspecError(whole, f"cannot be read: {error.strerror}", "restore the file") from error
        if not (text.startswith(b"{") and text.endswith(b"}") and len(text) > 2):
            raise SelfspecError(whole, "is no tokenizer: it is empty, cut off or damaged", "restore the file")


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object of a model's or an adapter's folder.

    Raises:
        SelfspecError: it cannot be read, or is none.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise SelfspecError(path, f"cannot be read as JSON: {error}", "restore the file") from error
    if not isinstance(value, dict):
        raise SelfspecError(path, "is not a JSON object", "restore the file")
    return value


def adapter_digest(folder: Path) -> str:
    """SHA-256 over an adapter's weights and its config, without the base's path: a moved base is the same base.

    Raises:
        SelfspecError: a file is missing or cannot be read.
    """
    for name in (ADAPTER_WEIGHTS, ADAPTER_CONFIG):
        if not (folder / name).is_file():
            raise SelfspecError(
                folder, f"the adapter folder has no {name}", "make the adapter again; adapters as pickles are not taken"
            )
    config = {
        key: value for key, value in read_json(folder / ADAPTER_CONFIG).items() if key != "base_model_name_or_path"
    }
    modules = config.get("target_modules")
    if isinstance(modules, list):  # a set in PEFT: its order on disk means nothing
        config["target_modules"] = sorted(modules, key=str)
    try:
        text = canonical_json(config)
    except ValueError as error:
        raise SelfspecError(folder / ADAPTER_CONFIG, f"holds no number: {error}", "make the adapter again") from error
    return text_digest(text + file_digest(folder / ADAPTER_WEIGHTS))


def write_adapter_record(folder: Path, base_digest: str) -> str:
    """Write ``selfspec.json`` beside an adapter, which binds it to its base; returns the adapter's digest."""
    digest = adapter_digest(folder)
    record = {"adapter_digest": digest, "base_digest": base_digest}
    (folder / RECORD).write_text(json.dumps(record, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    return digest


def check_adapter(folder: Path, base_digest: str) -> str:
    """Check an adapter's folder against its record and a base; returns its digest. Nothing is loaded.

    Raises:
        SelfspecError: files missing, another base, bytes that differ from the record, or not plain LoRA.
    """
    digest = adapter_digest(folder)
    if not (folder / RECORD).is_file():
        raise SelfspecError(
            folder,
            f"the adapter folder has no {RECORD}, so nothing says which base it belongs to",
            "make the adapter with selfspec, or write the record with write_adapter_record",
        )
    record = read_json(folder / RECORD)
    if record.get("adapter_digest") != digest:
        raise SelfspecError(
            folder,
            "the adapter's bytes differ from its record: it was changed or damaged",
            "delete the folder and make the adapter again",
        )
    if record.get("base_digest") != base_digest:
        raise SelfspecError(
            folder,
            f"the adapter was made for another base ({record.get('base_digest')}), not for {base_digest}",
            "make the adapter again from this base",
        )
    config = read_json(folder / ADAPTER_CONFIG)
    extra = [key for key in ("use_dora", "modules_to_save", "trainable_token_indices") if config.get(key)]
    if config.get("peft_type") != "LORA" or extra:
        kind = extra or config.get("peft_type")
        raise SelfspecError(
            folder, f"only plain LoRA can be mixed within a batch, not {kind}", "make the adapter again with selfspec"
        )
    return digest
