"""A safetensors file's header: eight bytes of length, JSON, then the tensors' bytes. Nothing is loaded. Pure."""

import json
from pathlib import Path
from typing import Any

from selfspec_assets.base.errors import SelfspecError

_LENGTH = 8  # bytes, little endian
_MOST = 100_000_000  # bytes of header that the format allows


def check_safetensors(path: Path) -> None:
    """Whether the file is whole, by its header and its size, which takes no time for any size of file.

    Raises:
        SelfspecError: it cannot be read, is cut off, or is no safetensors file, whatever its name says.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as stream:
            length = int.from_bytes(stream.read(_LENGTH), "little")
            header = stream.read(length) if length <= min(size, _MOST) else b""
    except OSError as error:
        raise SelfspecError(path, f"cannot be read: {error.strerror}", "give a file that can be read") from error
    try:
        end = _end(json.loads(header))
    except (ValueError, RecursionError, TypeError, LookupError, AttributeError) as error:
        reason = "has no header of safetensors: it is cut off, damaged, or of another format"
        raise SelfspecError(path, reason, "finish the download, or save the weights as safetensors") from error
    expected = _LENGTH + length + end
    if size != expected:
        reason = f"holds {size:,} bytes, its header tells of {expected:,}: it is cut off or damaged"
        raise SelfspecError(path, reason, "finish the download, or get the file again")


def _end(header: dict[str, Any]) -> int:
    """Where the last tensor ends, in bytes after the header."""
    return max((int(facts["data_offsets"][1]) for name, facts in header.items() if name != "__metadata__"), default=0)
