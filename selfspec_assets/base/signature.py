"""Digests: what a step's outcome depends on, as one SHA-256.

A signature names a revision in the warehouse, so two values that mean the same must give the same text
(a tuple and a list, any order of keys) and two that differ must not (1, 1.0, "1" and true are four values).
"""

import hashlib
import json
import math
import time
from collections.abc import Mapping
from pathlib import Path

_CHUNK_BYTES = 1 << 20
_STILL_WARM_NS = 2 * 10**9
_digests: dict[tuple[Path, int, int, int, int, int], str] = {}


def signature(step: str, code_version: str, settings: Mapping[str, object], inputs: Mapping[str, str]) -> str:
    """SHA-256 (64 hex digits) over a step's name, code version, settings and input digests.

    Args:
        step: the step's name.
        code_version: changes when the step's code gives other rows for the same input.
        settings: what counts of the recipe and the pack: nested mappings, lists, tuples, str, int, float, bool, None.
        inputs: name of each input -> its signature or digest.

    Raises:
        TypeError: a value of another type, or a key that is not text.
        ValueError: a float that is not finite.
    """
    return text_digest(signed_text(step, code_version, settings, inputs))


def signed_text(step: str, code_version: str, settings: Mapping[str, object], inputs: Mapping[str, str]) -> str:
    """The text that a signature is the SHA-256 of; kept beside a revision, it says what the revision was made from.

    Raises:
        TypeError, ValueError: as ``signature``.
    """
    parts = {"step": step, "code_version": code_version, "settings": settings, "inputs": inputs}
    for name, digest in inputs.items():
        if not isinstance(digest, str):
            raise TypeError(f"inputs.{name}: expected a digest as text, got {type(digest).__name__}")
    return canonical_json(parts)


def canonical_json(value: object) -> str:
    """One text per value: sorted keys, no spaces, floats by ``repr``, ASCII only.

    Raises:
        TypeError: a type that JSON does not hold exactly, or a key that is not text.
        ValueError: a float that is not finite.
    """
    plain = _plain(value, "value")
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def _plain(value: object, place: str) -> object:
    """Checked here because json.dumps turns the key 1 into "1" and would let two settings collide."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{place}: {value!r} has no place in a signature")
        return value
    if isinstance(value, list | tuple):
        return [_plain(item, f"{place}[{position}]") for position, item in enumerate(value)]
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise TypeError(f"{place}: key {key!r} is not text")
        return {key: _plain(item, f"{place}.{key}") for key, item in value.items()}
    raise TypeError(f"{place}: {type(value).__name__} has no canonical form")


def text_digest(text: str) -> str:
    """SHA-256 of the text's UTF-8 bytes, 64 hex digits; a lone surrogate counts as its own bytes."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def random_seed(*parts: object) -> int:
    """A seed of 63 bits from an identity: of one row, of one resampling."""
    digest = hashlib.sha256("|".join(str(part) for part in parts).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes, 64 hex digits; read in pieces of 1 MiB, so size does not matter.

    Raises:
        OSError: the file cannot be read.
    """
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while piece := stream.read(_CHUNK_BYTES):
            digest.update(piece)
    return digest.hexdigest()


def file_digest_once(path: Path) -> str:
    """``file_digest``, computed once per process while the file stays as it is: weights take gigabytes.

    A file is the same as before by its path, device, inode, size, time of writing and time of change. One that changed
    within the last two seconds is not remembered: file systems tell times by a clock so coarse that a second change
    could look like the first.

    Raises:
        OSError: the file cannot be read.
    """
    stat = path.stat()  # before reading: what changes meanwhile has another key next time
    key = (path, stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)
    if (known := _digests.get(key)) is not None:
        return known
    digest = file_digest(path)
    if time.time_ns() - max(stat.st_mtime_ns, stat.st_ctime_ns) > _STILL_WARM_NS:
        _digests[key] = digest
    return digest


def folder_files(folder: Path) -> dict[str, Path]:
    """Relative name (with ``/``) -> path of every file below a folder, sorted by name.

    Raises:
        NotADirectoryError: there is no such folder.
    """
    if not folder.is_dir():
        raise NotADirectoryError(f"no folder at {folder}")
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return dict(sorted(files.items()))


def folder_digest(path: Path) -> str:
    """SHA-256 over the relative names and contents below a folder; dates, modes and empty folders do not count.

    Raises:
        OSError: the folder does not exist or a file cannot be read.
    """
    return text_digest(canonical_json({name: file_digest(file) for name, file in folder_files(path).items()}))
