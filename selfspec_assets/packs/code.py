"""The code that a pack brings, as a digest: all the files that can decide what its readers and filters do."""

import re
from pathlib import Path

from selfspec_assets.base.signature import canonical_json, file_digest_once, text_digest

ENTRIES = ("readers.py", "filters.py")  # what is run of a pack when it is loaded, with what these import


def code_digest(path: Path) -> str:
    """SHA-256 of a pack's ``readers.py`` or ``filters.py`` with every Python file that it may import of its own.

    These are all in the pack's folder, or in the whole package that an installed pack lies in; of the pack's other
    entry only if its name stands in one of them. A file that is alone counts by its own digest.

    Raises:
        OSError: a file cannot be read.
    """
    root = path.parent
    while (root.parent / "__init__.py").is_file():
        root = root.parent
    other = next(path.parent / name for name in ENTRIES if name != path.name)
    files = {path, *(file for file in root.rglob("*.py") if file != other)}
    if other.is_file() and any(re.search(rf"\b{other.stem}\b", _text(file)) for file in files):
        files.add(other)
    counting = {file for file in files if file.stat().st_size} | {path}  # an empty __init__.py says nothing
    if counting == {path}:
        return file_digest_once(path)
    return text_digest(canonical_json({file.relative_to(root).as_posix(): file_digest_once(file) for file in counting}))


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")
