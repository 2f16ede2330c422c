"""Terms of use that a person accepts once for a project; ``models/accepted_terms.json`` keeps what was accepted."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

from selfspec_assets.base import home
from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.base.files import storing, waiting, write_atomically
from selfspec_assets.base.known_models import KnownModel, Terms


def _record() -> Path:
    return home.models_folder() / "accepted_terms.json"


def require_accepted(model: KnownModel) -> None:
    """Check that the model's terms, if it has any, were accepted in this project; however its weights came here.

    Raises:
        SelfspecError: they were not; names them, their address, and the command.
    """
    if model.terms is None or is_accepted(model.terms):
        return
    raise SelfspecError(
        f"model '{model.name}'",
        f"its {model.terms.title} ({model.terms.address}) have not been accepted in this project",
        f"read them, then: selfspec models get {model.name} --accept-terms {model.terms.name}",
    )


def is_accepted(terms: Terms) -> bool:
    """Whether they were accepted in this project."""
    return terms.name in _accepted()


def accept(model: KnownModel, name: str) -> None:
    """Remember that a person accepts the terms of that name.

    Raises:
        SelfspecError: the model has none of that name, or the project cannot be written.
    """
    if model.terms is None or model.terms.name != name:
        has = f"its terms are '{model.terms.name}'" if model.terms else "it asks for none"
        raise SelfspecError(
            f"--accept-terms {name}", f"are not the terms of '{model.name}': {has}", "correct the option"
        )
    path = _record()
    with storing(path.parent), waiting(path.parent / ".locks" / "accepted_terms.lock"):
        since = datetime.now().astimezone().isoformat(timespec="seconds")
        known = {name: {"title": model.terms.title, "address": model.terms.address, "accepted": since}, **_accepted()}
        text = json.dumps(known, indent=2, sort_keys=True) + "\n"
        write_atomically(path, text.encode(), "accepted terms")


def _accepted() -> dict[str, Any]:
    path = _record()
    if not path.exists():
        return {}
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SelfspecError(path, f"cannot be read: {error}", "delete it, and accept the terms again") from error
    return known if isinstance(known, dict) else {}
