"""A GGUF file's header: what the model is, its tokenizer, where each tensor lies. No tensor is read.

The format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. The reader of the ``gguf`` package takes twenty
seconds for a vocabulary of 262,144 tokens, since it makes an object of each; here texts within arrays are only counted.
"""

import mmap
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from selfspec_assets.base.errors import SelfspecError

_MAGIC, _VERSIONS = b"GGUF", (2, 3)
_NUMBERS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_TEXT, _ARRAY = 8, 9
_MOST_DIMENSIONS = 4
_AGAIN = "get the file again"


@dataclass(frozen=True)
class Tensor:
    """One tensor's place.

    Attributes:
        shape: as PyTorch has it; the file counts the other way round.
        kind: the number that ggml gives to the way in which its values are stored.
        offset: in bytes, from where the tensors begin.
    """

    name: str
    shape: tuple[int, ...]
    kind: int
    offset: int


@dataclass(frozen=True)
class GgufHeader:
    """What stands before the tensors.

    Attributes:
        values: key → number, text, or list of numbers; of a list of texts only their count.
        start: bytes before the first tensor.
        size: bytes of the file.
    """

    path: Path
    values: Mapping[str, Any]
    tensors: tuple[Tensor, ...]
    start: int
    size: int

    @property
    def architecture(self) -> str:
        return str(self.values.get("general.architecture", ""))

    @property
    def of_architecture(self) -> dict[str, Any]:
        """The values of the model's shape, by their names without the architecture's."""
        prefix = f"{self.architecture}."
        return {key.removeprefix(prefix): value for key, value in self.values.items() if key.startswith(prefix)}

    @property
    def chat_template(self) -> str | None:
        """The template in which the model was tuned to talk."""
        return self.values.get("tokenizer.chat_template")

    def tensor(self, name: str) -> Tensor | None:
        return next((tensor for tensor in self.tensors if tensor.name == name), None)


def read_header(path: Path) -> GgufHeader:
    """The header of a file.

    Raises:
        SelfspecError: it cannot be read, is of another format or version, or is cut off within its header.
    """
    try:
        with path.open("rb") as stream:
            if stream.read(len(_MAGIC)) != _MAGIC:
                raise SelfspecError(path, "is no GGUF file, whatever its name says", "give a GGUF file")
            with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as blob:
                return _parsed(path, blob)
    except FileNotFoundError as error:
        raise SelfspecError(path, "there is no such file", "correct base_model.model") from error
    except OSError as error:
        raise SelfspecError(path, f"cannot be read: {error.strerror}", "give a file that can be read") from error


def _parsed(path: Path, blob: mmap.mmap) -> GgufHeader:
    cursor = _Cursor(blob)
    try:
        (version,) = cursor.numbers("I")
        if version not in _VERSIONS:
            reason = f"is GGUF of version {version}; known are {' and '.join(map(str, _VERSIONS))}"
            raise SelfspecError(path, reason, "convert the model again with a current llama.cpp")
        count, pairs = cursor.numbers("QQ")
        values = {}
        for _ in range(pairs):
            key = cursor.text()
            values[key] = cursor.value()
        tensors = tuple(_tensor(cursor) for _ in range(count))
        alignment = int(values.get("general.alignment", 32))
        start = -(-cursor.place // alignment) * alignment
    except (struct.error, UnicodeDecodeError, OverflowError, ValueError, TypeError, ZeroDivisionError) as error:
        raise SelfspecError(path, f"is cut off or damaged within its header ({error})", _AGAIN) from error
    return GgufHeader(path, values, tensors, start, len(blob))


def _tensor(cursor: "_Cursor") -> Tensor:
    name = cursor.text()
    (dimensions,) = cursor.numbers("I")
    if dimensions > _MOST_DIMENSIONS:
        raise ValueError(f"a tensor of {dimensions} dimensions")
    shape = cursor.numbers(f"{dimensions}Q")
    kind, offset = cursor.numbers("IQ")
    return Tensor(name, tuple(reversed(shape)), kind, offset)


class _Cursor:
    """Reads one value after the other; ``struct.error`` or ``ValueError`` where the file ends first."""

    def __init__(self, blob: mmap.mmap) -> None:
        self._blob = blob
        self.place = len(_MAGIC)

    def numbers(self, kinds: str) -> tuple[Any, ...]:
        """Little endian, without gaps."""
        found = struct.unpack_from(f"<{kinds}", self._blob, self.place)
        self.place += struct.calcsize(f"<{kinds}")
        return found

    def text(self) -> str:
        (length,) = self.numbers("Q")
        return self._take(length).decode("utf-8")

    def value(self) -> Any:
        (kind,) = self.numbers("I")
        if kind == _TEXT:
            return self.text()
        if kind != _ARRAY:
            return self.numbers(self._number(kind))[0]
        kind, count = self.numbers("IQ")
        if kind != _TEXT:
            return list(self.numbers(f"{count}{self._number(kind)}"))
        for _ in range(count):
            (length,) = self.numbers("Q")
            self._take(length, skip=True)
        return count

    def _take(self, length: int, *, skip: bool = False) -> bytes:
        end = self.place + length
        if end > len(self._blob):
            raise ValueError("a text runs beyond its end")
        found = b"" if skip else self._blob[self.place : end]
        self.place = end
        return found

    def _number(self, kind: int) -> str:
        if kind not in _NUMBERS:
            raise ValueError(f"a value of the unknown kind {kind}")
        return _NUMBERS[kind]


def check_tensors(header: GgufHeader) -> None:
    """Whether the file holds all its tensors, each stored in a way that can be turned back into numbers.

    Raises:
        SelfspecError: it is cut off, one part of several, or of a quantisation that is not known.
    """
    from gguf import GGML_QUANT_SIZES, GGMLQuantizationType

    parts = header.values.get("split.count", 1)
    if parts != 1:
        reason = f"is one of {parts} parts of a model"
        raise SelfspecError(header.path, reason, "join them: llama-gguf-split --merge FIRST-PART WHOLE.gguf")
    kinds = {kind.value: kind for kind in GGMLQuantizationType}
    end = 0
    for tensor in header.tensors:
        kind = kinds.get(tensor.kind)
        if kind is None or not _is_readable(kind):
            name = f"{kind.name} ({tensor.kind})" if kind is not None else f"of number {tensor.kind}"
            reason = f"stores {tensor.name} in a quantisation that cannot be read: {name}"
            remedy = "take the same model in another one, such as Q8_0, or update gguf"
            raise SelfspecError(header.path, reason, remedy)
        block, stored = GGML_QUANT_SIZES[kind]
        end = max(end, tensor.offset + prod(tensor.shape) // block * stored)
    if header.size < header.start + end:
        reason = f"holds {header.size:,} bytes, its header tells of {header.start + end:,}: it is cut off"
        raise SelfspecError(header.path, reason, f"finish the download, or {_AGAIN}")


def _is_readable(kind: Any) -> bool:
    """Whether ``gguf`` can turn one block of it into numbers."""
    import numpy as np
    from gguf import GGML_QUANT_SIZES, dequantize

    try:
        dequantize(np.zeros((1, GGML_QUANT_SIZES[kind][1]), dtype=np.uint8), kind)
    except (NotImplementedError, KeyError):
        return False
    return True
