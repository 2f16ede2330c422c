"""A GGUF file read once into a folder of safetensors in the hub's layout, which plain transformers and peft load.

The folder is made beside, checked against the file's header, and renamed: it is there whole or not at all. Its
``gguf_source.json`` says what it was made from, and the digest of each file.

Importing this module costs nothing: torch and transformers are imported where they are used.
"""

import contextlib
import io
import json
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from selfspec_assets import __version__
from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.base.file_digests import file_digests
from selfspec_assets.base.files import fsync_tree, move, remove, storing, unwritable, waiting, write_file
from selfspec_assets.models import gguf_check
from selfspec_assets.models.check import check_tokenizer, load_config
from selfspec_assets.models.folder import check_model_folder, read_json
from selfspec_assets.models.gguf_file import GgufHeader

PROVENANCE = "gguf_source.json"
VERSION = 1  # to be raised when the same file would become another model
_PACKAGES = ("transformers", "gguf", "tokenizers", "torch")
_PROBES = ("One.", "Answer:\n\n1. 2024 is  3.5 %", "'Don't,' she said.\n\tCafé №7 – 東京 🎉")


def digest_of(gguf_sha256: str) -> str:
    """The identity of the model that a file becomes: the same on every machine, whatever made it there."""
    return f"gguf-{gguf_sha256}-{VERSION}"


def convert(gguf_sha256: str, target: Path, precision: str, source: Callable[[Path], Path], named: str) -> None:
    """Make ``target`` if it is not there; whoever is at it already is waited for.

    Args:
        gguf_sha256: of the file.
        precision: ``float32`` or ``bfloat16``.
        source: gives the GGUF file; it may write it into the folder that it is given, which goes afterwards.
        named: what the folder's record calls the source.

    Raises:
        SelfspecError: the file is no GGUF that can be converted (``gguf_check``), or what came of it differs from what
            its header tells; the disk is full.
    """
    work = target.parent / ".work" / target.name
    if target.exists() and not work.exists():
        return
    with storing(target.parent), waiting(work.with_name(f"{work.name}.lock")):
        remove(work)  # what a killed run left
        if target.exists():
            return
        model, download = work / "model", work / "gguf"
        model.mkdir(parents=True)
        download.mkdir()
        try:
            header = gguf_check.check_gguf(source(download))
            _write_model(header, model, precision)
            _check(header, model)
            _write_provenance(header, model, gguf_sha256, precision, named)
            fsync_tree(model)
            move(model, target, "converted model")
        finally:
            remove(work)


def check_converted(folder: Path, gguf_sha256: str, precision: str) -> None:
    """Check that a folder is what ``convert`` makes of the file, byte for byte.

    Raises:
        SelfspecError: it is another folder, of another file or precision, by an older version, or was changed.
    """
    if not (folder / PROVENANCE).is_file():
        remedy = "move the folder away; the next run makes it"
        raise SelfspecError(folder, f"was not made from a GGUF file: it has no {PROVENANCE}", remedy)
    record, remedy = read_json(folder / PROVENANCE), f"delete {folder}; the next run makes it anew"
    source, files = record.get("source"), record.get("files")
    if not isinstance(source, dict) or not isinstance(files, dict):
        raise SelfspecError(folder / PROVENANCE, "does not say what the folder was made from", remedy)
    if record.get("conversion") != VERSION:
        raise SelfspecError(folder, "was converted by another version of selfspec", remedy)
    if (source.get("sha256"), record.get("dtype")) != (gguf_sha256, precision):
        found = f"{str(source.get('sha256'))[:12]}… in {record.get('dtype')}"
        raise SelfspecError(folder, f"was made from another file: {found}, not {gguf_sha256[:12]}…", remedy)
    there = [path for path in sorted(folder.iterdir()) if path.is_file() and path.name != PROVENANCE]
    digests = file_digests(there)
    if {path.name: digests[str(path)] for path in there} != files:
        raise SelfspecError(folder, "its files are not those that were written: changed or damaged", remedy)


def _write_model(header: GgufHeader, folder: Path, precision: str) -> None:
    import torch
    from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast

    try:
        from transformers import GgufConfig
    except ImportError as error:
        remedy = "pip install 'transformers>=5.23'"
        raise SelfspecError(header.path, "the installed transformers cannot unpack GGUF weights", remedy) from error
    where = {"pretrained_model_name_or_path": str(header.path.parent), "gguf_file": header.path.name}
    try:
        with _quiet():
            tokenizer = _tokenizer(header, PreTrainedTokenizerFast.from_pretrained(**where, local_files_only=True))
            model, report = AutoModelForCausalLM.from_pretrained(
                **where,
                local_files_only=True,
                trust_remote_code=False,
                config=_config(header),
                dtype=getattr(torch, precision),
                quantization_config=GgufConfig(dequantize=True),
                output_loading_info=True,
            )
    except Exception as error:  # as many kinds as there are things that can be wrong with a file
        raise SelfspecError(
            header.path, f"cannot be converted: {error}", "take the model's folder of safetensors instead"
        ) from error
    _check_whole(header, model, report)
    _set_end_tokens(header, model, tokenizer)
    try:
        with _quiet():
            tokenizer.save_pretrained(str(folder))
            model.save_pretrained(str(folder))
    except Exception as error:  # safetensors and tokenizers have errors of their own for a full disk
        raise unwritable(folder, error) from error


def _config(header: GgufHeader) -> Any:
    """The model's configuration as the file states it.

    transformers makes one, too, for which it reads the whole vocabulary again, and passes over the size of Qwen3's
    heads and over rows of the embedding that no token stands for.
    """
    from transformers import AutoConfig

    stated = {gguf_check.SHAPE[key]: value for key, value in header.of_architecture.items()}
    named = {"bos": "bos", "eos": "eos", "pad": "padding"}
    tokens = {f"{ours}_token_id": header.values.get(f"tokenizer.ggml.{its}_token_id") for ours, its in named.items()}
    stated |= {
        "vocab_size": gguf_check.embedding_rows(header),
        "tie_word_embeddings": not header.tensor("output.weight"),
    }
    return AutoConfig.for_model(gguf_check.ARCHITECTURES[header.architecture], **stated, **tokens)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keeps back bars of progress, which transformers draws on the terminal whatever its settings say."""
    with contextlib.redirect_stderr(io.StringIO()):
        yield


def _tokenizer(header: GgufHeader, read: Any) -> Any:
    """The file's tokenizer, from what transformers reads of it.

    transformers adds tokens that its own classes have and the file has not, beyond the model's embedding; takes
    GPT-2's way to split text where it does not know the file's; and no begin token that a file only implies.
    """
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

    parts = json.loads(read.backend_tokenizer.to_str())
    size = header.values["tokenizer.ggml.tokens"]
    parts["added_tokens"] = [token for token in parts["added_tokens"] if token["id"] < size]
    backend = Tokenizer.from_str(json.dumps(parts))
    if header.values["tokenizer.ggml.model"] == gguf_check.BYTE_LEVEL:
        _split(backend, gguf_check.SPLITS[header.values["tokenizer.ggml.pre"]])
    named = {name: getattr(read, name) for name in ("bos_token", "eos_token", "unk_token", "pad_token")}
    length = int(header.of_architecture["context_length"])
    made = PreTrainedTokenizerFast(tokenizer_object=backend, model_max_length=length, **named)
    made.chat_template = read.chat_template
    made.add_bos_token = gguf_check.starts_with_bos(header) and made.bos_token_id is not None
    return made


def _split(backend: Any, split: str) -> None:
    """How a byte-level tokenizer splits text before it joins bytes; ``split`` as in ``gguf_check.SPLITS``."""
    from tokenizers import Regex, pre_tokenizers

    plain = split in (gguf_check.GPT2, gguf_check.DIGITS)
    steps: list[Any] = [pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=plain)]
    if split == gguf_check.DIGITS:
        steps.insert(0, pre_tokenizers.Digits(individual_digits=True))
    elif not plain:
        steps.insert(0, pre_tokenizers.Split(Regex(split), behavior="isolated"))
    backend.pre_tokenizer = pre_tokenizers.Sequence(steps)
    if split == gguf_check.LLAMA3_SPLIT:
        backend.model.ignore_merges = True  # a word that is one token stays one, whatever the merges say


def _set_end_tokens(header: GgufHeader, model: Any, tokenizer: Any) -> None:
    """All tokens by which the file's model ends: those that it names, and those whose name alone says so.

    llama.cpp ends a text at the latter, too: most files name one token where the model uses two.
    """
    from transformers import GenerationConfig

    ends = gguf_check.end_token_ids(header)
    special = {token.content: place for place, token in tokenizer.added_tokens_decoder.items() if token.special}
    ends += [special[name] for name in gguf_check.ENDS_BY_NAME if name in special and special[name] not in ends]
    model.generation_config = GenerationConfig(
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=ends if len(ends) > 1 else ends[0],
        pad_token_id=tokenizer.pad_token_id,
    )


def _check_whole(header: GgufHeader, model: Any, report: dict[str, Any]) -> None:
    """Every tensor has found its place, and the model has the shape that the file states.

    Raises:
        SelfspecError: what was lost.
    """
    tied = {name for name in model.state_dict() if model.config.tie_word_embeddings and name == "lm_head.weight"}
    expected = len(model.state_dict()) - len(tied)
    if report["missing_keys"] or report["mismatched_keys"] or len(header.tensors) != expected:
        lacking = sorted(report["missing_keys"]) or [f"{len(header.tensors)} tensors for the {expected} of the model"]
        reason = f"does not hold the model that it describes: {lacking[0]}"
        raise SelfspecError(header.path, reason, "get the file again, or take the model's folder of safetensors")
    for key, stated in header.of_architecture.items():
        carried = _carried(model.config, gguf_check.SHAPE[key])
        if carried != stated:
            reason = f"states {header.architecture}.{key} {stated}, and the model has {carried}"
            raise SelfspecError(header.path, reason, "take the model's folder of safetensors instead")


def _carried(config: Any, name: str) -> Any:
    if name == "rope_theta":
        parameters = config.rope_parameters
        return parameters.get("full_attention", parameters)["rope_theta"]
    if name == "head_dim":
        return getattr(config, name, None) or config.hidden_size // config.num_attention_heads
    return getattr(config, name)


def _check(header: GgufHeader, folder: Path) -> None:
    """The written folder, loaded as anybody will: its tokenizer is the file's, with one begin token at most.

    Raises:
        SelfspecError: it is not.
    """
    from transformers import AutoTokenizer

    check_model_folder(folder)
    tokenizer = AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
    check_tokenizer(tokenizer, load_config(folder), folder)
    wrong = []
    if len(tokenizer) != header.values["tokenizer.ggml.tokens"]:
        wrong.append(f"{len(tokenizer)} tokens for {header.values['tokenizer.ggml.tokens']}")
    if tokenizer.chat_template != header.chat_template:
        wrong.append("another chat template")
    begins = [tokenizer.bos_token_id] if tokenizer.bos_token_id is not None else []
    begins = begins if gguf_check.starts_with_bos(header) else []
    for text in _PROBES:
        ids, plain = (list(tokenizer(text, add_special_tokens=added)["input_ids"]) for added in (True, False))
        if ids != begins + plain:
            wrong.append(f"a text begins with {ids[: len(ids) - len(plain)]}, not with {begins}")
    if wrong:
        raise SelfspecError(header.path, f"its tokenizer became another one: {wrong[0]}", "report this file")


def _write_provenance(header: GgufHeader, folder: Path, sha256: str, precision: str, named: str) -> None:
    files = sorted(path for path in folder.iterdir() if path.is_file())
    digests = file_digests(files)
    record = {
        "source": {"name": named, "sha256": sha256, "bytes": header.size},
        "dtype": precision,
        "conversion": VERSION,
        "versions": {"selfspec": __version__, **{name: version(name) for name in _PACKAGES}},
        "files": {path.name: digests[str(path)] for path in files},
    }
    write_file(folder / PROVENANCE, (json.dumps(record, indent=2, sort_keys=True) + "\n").encode())
