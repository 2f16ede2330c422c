"""Large text files line by line; memory holds one line."""

from collections.abc import Iterator

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.base.opened_file import DAMAGE, OpenFile, read_error

MAX_RECORD = 64 << 20  # bytes of one line or document: one that is larger would have to be held whole


def numbered_lines(file: OpenFile, encoding: str = "utf-8", *, pages: bool = False) -> Iterator[tuple[int, str]]:
    """Number (from 1) and text of each line with its line end made \\n; a byte-order mark is passed over.

    Args:
        pages: an HTML page is text, too.

    Raises:
        SelfspecError: a file that is no text but of another kind, bytes that the encoding does not have, packed data
            that is cut off or damaged, a line of more than 64 MiB, a disk error; each with ``file:line``.
    """
    number = 0
    try:
        stream = file.text_stream(encoding, pages=pages)
        while raw := stream.readline(MAX_RECORD + 1):
            number += 1
            if len(raw) > MAX_RECORD:
                raise too_large(f"{file.path}:{number}")
            text = raw.decode("utf-8-sig" if number == 1 and encoding == "utf-8" else encoding)
            yield number, text[:-2] + "\n" if text.endswith("\r\n") else text
    except UnicodeDecodeError as error:
        reason = f"not {encoding.upper()} (byte {error.start + 1} of the line)"
        remedy = f"convert the file to {encoding.upper()}, for example with iconv, or name its encoding"
        raise SelfspecError(f"{file.path}:{number}", reason, remedy) from None
    except DAMAGE as error:
        raise read_error(file, f"{file.path}:{number + 1}", error) from None


def whole_text(file: OpenFile, encoding: str = "utf-8", *, pages: bool = False) -> str:
    """All lines of a file that is one document.

    Raises:
        SelfspecError: as ``numbered_lines``; more than 64 MiB.
    """
    parts: list[str] = []
    size = 0
    for _, line in numbered_lines(file, encoding, pages=pages):
        parts.append(line)
        size += len(line)
        if size > MAX_RECORD:
            raise too_large(f"{file.path}:1")
    return "".join(parts)


def too_large(place: str) -> SelfspecError:
    return SelfspecError(
        place,
        f"one document of more than {MAX_RECORD >> 20} MiB",
        "split it: a document is held in memory as a whole, a file is not",
    )
