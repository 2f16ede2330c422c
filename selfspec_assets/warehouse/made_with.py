"""Which versions made a revision: kept with it, in no signature, and shown where they are others now."""

from importlib.metadata import PackageNotFoundError, version

from selfspec_assets import __version__
from selfspec_assets.warehouse.rows import RunRow

PACKAGES = ("selfspec", "torch", "transformers", "peft")


def installed() -> dict[str, str]:
    """Column of ``runs`` → the version that is installed; empty where the package is not."""
    return {f"{name}_version": _version(name) for name in PACKAGES}


def other_versions(run: RunRow) -> list[str]:
    """``torch 2.7.0 → 2.8.0`` for each package whose version was another one; none where that was not recorded."""
    now = installed()
    pairs = [(name, getattr(run, f"{name}_version"), now[f"{name}_version"]) for name in PACKAGES]
    return [f"{name} {before} → {after}" for name, before, after in pairs if before and before != after]


def _version(name: str) -> str:
    try:
        return __version__ if name == "selfspec" else version(name)
    except PackageNotFoundError:
        return ""
