"""An export to a Hugging Face hub, with ``huggingface_hub``; ``HF_ENDPOINT`` names another one than huggingface.co.

Nothing is sent before a person has seen the list of files and said yes, and the repository is private unless they ask
otherwise.
"""

from pathlib import Path
from typing import NamedTuple

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.base.hub_ids import is_hub_id
from selfspec_assets.reports.exports.target import RECORD

DATA_FORMATS = frozenset({"alpaca", "sharegpt", "parquet", "duckdb", "lm-eval"})


class Push(NamedTuple):
    """Where to, and whether everybody may see it."""

    repository: str
    public: bool


def check_push(push: Push) -> None:
    """Raises:
    SelfspecError: no name of a repository.
    """
    if not is_hub_id(push.repository):
        raise SelfspecError(f"--push {push.repository}", "is no repository", "name it as owner/name")


def file_list(folder: Path) -> list[tuple[str, int]]:
    """What is sent: path in the repository, bytes."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return [(str(path.relative_to(folder)), path.stat().st_size) for path in files if path.name != RECORD]


def send(folder: Path, push: Push, format_: str) -> str:
    """Makes the repository if need be and commits the files to it; returns its address.

    Raises:
        SelfspecError: the hub refuses, or cannot be reached.
    """
    from huggingface_hub import HfApi

    api, kind = HfApi(), "dataset" if format_ in DATA_FORMATS else "model"
    try:
        made = api.create_repo(push.repository, repo_type=kind, private=not push.public, exist_ok=True)
        api.upload_folder(
            folder_path=folder,
            repo_id=push.repository,
            repo_type=kind,
            commit_message=f"selfspec export {format_}",
            ignore_patterns=[RECORD],
        )
    except Exception as error:  # the hub's errors share no base class
        remedy = f"sign in (hf auth login), see that the network reaches {api.endpoint}, then push again"
        raise SelfspecError(f"--push {push.repository}", f"{api.endpoint} did not take it: {error}", remedy) from error
    return str(made)
