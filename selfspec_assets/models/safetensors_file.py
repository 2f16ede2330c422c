"""A safetensors file's header: eight bytes of length, JSON, then the tensors' bytes. Nothing is loaded. Pure."""

import json
from pathlib import Path
from typing import Any

from selfspec_assets.base.errors import SelfspecError

_LENGTH = 8  # bytes, little endian
_MOST = 100_000_000  # bytes of header that the format allows
_NO_HEADER = (ValueError, RecursionError, TypeError, LookupError, AttributeError)


def check_safetensors(path: Path) -> None:
    """Whether the file is whole, by its header and its size, which takes no time for any size of file.

    Raises:
        SelfspecError: it cannot be read, is cut off, or is no safetensors file, whatever its name says.
    """
    size, length, header = _header(path)
    try:
        end = _end(json.loads(header))
    except _NO_HEADER as error:
        raise _damaged(path) from error
    expected = _LENGTH + length + end
    if size != expected:
        reason = f"holds {size:,} bytes, its header tells of {expected:,}: it is cut off or damaged"
        raise SelfspecError(path, reason, "finish the download, or get the file again")


def tensor_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Each tensor's shape by its name.

    Raises:
        SelfspecError: as ``check_safetensors``.
    """
    try:
        header = json.loads(_header(path)[2])
        return {name: tuple(facts["shape"]) for name, facts in header.items() if name != "__metadata__"}
    except _NO_HEADER as error:
        raise _damaged(path) from error


def _header(path: Path) -> tuple[int, int, bytes]:
    """The file's size, and of its header the length that it states and the bytes."""
    try:
        size = path.stat().st_size
        with path.open("rb") as stream:
            length = int.from_bytes(stream.read(_LENGTH), "little")
            return size, length, stream.read(length) if length <= min(size, _MOST) else b""
    except OSError as error:
        raise SelfspecError(path, f"cannot be read: {error.strerror}", "give a file that can be read") from error


def _damaged(path: Path) -> SelfspecError:
    reason = "has no header of safetensors: it is cut off, damaged, or of another format"
    return SelfspecError(path, reason, "finish the download, or save the weights as safetensors")


def _end(header: dict[str, Any]) -> int:
    """Where the last tensor ends, in bytes after the header."""
    return max((int(facts["data_offsets"][1]) for name, facts in header.items() if name != "__metadata__"), default=0)
