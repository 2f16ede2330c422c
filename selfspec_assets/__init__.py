"""selfspec: self-specialization (Kang et al., arXiv 2310.00160) as software-defined assets.

For a Dagster project of one's own: ``selfspec_assets.definitions_for("recipe.yaml")``, and the component
``selfspec_assets.SelfSpecialization``. Both are loaded when they are asked for, as they bring Dagster with them.
"""

import importlib
from typing import Any

__version__ = "0.1.0"
_ELSEWHERE = ("SelfSpecialization", "definitions_for")


def __getattr__(name: str) -> Any:
    if name in _ELSEWHERE:
        return getattr(importlib.import_module("selfspec_assets.orchestration.elsewhere"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_ELSEWHERE])
