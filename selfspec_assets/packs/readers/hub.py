"""Files of hub datasets at a pinned commit: ``hf://datasets/<owner>/<name>@<commit>/<file>``.

Such a file is fetched once, by itself, into the hub's own cache, and is a local file from then on. Nothing but the
named file is fetched, so no script of a dataset is ever run.
"""

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.base.hub_ids import COMMIT, NAME

# The oldest datasets have no owner.
_PINNED = re.compile(rf"hf://datasets/(?P<id>{NAME}|\w[\w.-]*)@(?P<commit>{COMMIT})/(?P<file>[^@?#]+)")
_UNPINNED = re.compile(rf"hf://datasets/(?P<id>{NAME})")
_NOBODY = "hf://"  # in _refused: the hub itself could not be reached
_refused: dict[str, str] = {}  # address → why the hub did not give it: asked once per process


@dataclass(frozen=True)
class HubFile:
    """One file of a dataset's repository."""

    dataset: str  # owner/name
    commit: str  # 40 hex digits
    file: str  # its path in the repository

    @property
    def cached(self) -> Path:
        """Where the hub's cache holds it, or would."""
        from huggingface_hub import constants
        from huggingface_hub.file_download import repo_folder_name

        folder = repo_folder_name(repo_id=self.dataset, repo_type="dataset")
        return Path(constants.HF_HUB_CACHE) / folder / "snapshots" / self.commit / self.file

    @property
    def how_to_get(self) -> str:
        return (
            f"https://huggingface.co/datasets/{self.dataset}, where there is a network: "
            f"hf download {self.dataset} {self.file} --repo-type dataset --revision {self.commit}"
        )


def is_hub_address(address: str) -> bool:
    return address.startswith("hf://")


def hub_address(address: str) -> HubFile:
    """The parts of an address.

    Raises:
        ValueError: it does not name a file of a dataset at a commit of 40 hex digits.
    """
    pinned = _PINNED.fullmatch(address)
    if pinned and ".." not in PurePosixPath(pinned["file"]).parts:
        return HubFile(pinned["id"], pinned["commit"], pinned["file"])
    named = _UNPINNED.match(address)
    commits = f" (https://huggingface.co/datasets/{named['id']}/commits/main)" if named else ""
    raise ValueError(
        f"'{address}' names no file at a pinned revision; write hf://datasets/owner/name@commit/path/file.parquet "
        f"with a commit of 40 hex digits{commits}"
    )


def hub_file(address: str) -> Path:
    """The local file of an address. Where the hub cannot be asked, the file is not there: ``why_absent`` tells why.

    Raises:
        SelfspecError: the dataset has no such commit or file.
    """
    source = hub_address(address)
    if not source.cached.is_file() and not why_absent(address):
        _fetch(address, source)
    return source.cached


def why_absent(address: str) -> str | None:
    """What the hub, or the lack of a network, said in this process; None if it was not asked or gave the file."""
    return _refused.get(address) or _refused.get(_NOBODY)


def _fetch(address: str, source: HubFile) -> None:
    from huggingface_hub import errors, hf_hub_download

    try:
        hf_hub_download(source.dataset, source.file, repo_type="dataset", revision=source.commit)
    except (errors.RemoteEntryNotFoundError, errors.RevisionNotFoundError) as error:
        reason = f"the hub has no such file: {_first_line(error)}"
        raise SelfspecError(address, reason, "correct commit and path of the file in domain.yaml") from error
    except errors.LocalEntryNotFoundError as error:  # no network or offline mode; finding that out takes half a minute
        _refused[_NOBODY] = _first_line(error.__cause__ or error)
    except Exception as error:  # a dataset that needs a login, a full disk: they share no base class
        _refused[address] = _first_line(error)


def _first_line(error: BaseException) -> str:
    return next((line.strip() for line in str(error).split("\n") if line.strip()), type(error).__name__)
