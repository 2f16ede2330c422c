"""Which function reads a benchmark: one of the pack's own ``readers.py``, or a shared one; and its options. Pure."""

import ast
import importlib.util
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from types import ModuleType

from selfspec_assets import plugins
from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.base.options import checked_options
from selfspec_assets.packs.code import code_digest
from selfspec_assets.packs.readers import Reader
from selfspec_assets.packs.records import Item, Remark


def bound_reader(
    folder: Path, name: str, options: Mapping[str, object], *, code: bool = True
) -> Callable[[Path], Iterator[Item | Remark]]:
    """The reader of a pack's benchmark with its options given: path → items, and what it met beside them.

    A function of the pack comes before a shared one of that name: what the project adds later changes no pack.

    Args:
        folder: of the pack.
        name: of the reader.
        options: checked against the function's keyword parameters and their types.
        code: whether the pack's ``readers.py`` may be run; else only a shared reader is found.

    Raises:
        SelfspecError: no such reader, a ``readers.py`` that cannot be imported, an option missing, unknown or wrong.
    """
    function = _found(folder, name, code)
    try:
        given = checked_options(function, options, f"reader '{name}'", folder / "domain.yaml", skip=1)
    except (TypeError, ValueError, NameError) as error:  # what has no signature, or hints at a type that is not there
        reason = f"'{name}' cannot be a reader: {error}"
        raise SelfspecError(folder / "readers.py", reason, "write it as: def name(path, *, option: type)") from error
    return partial(_items, name, partial(function, **given))


def _items(name: str, reader: Callable[[Path], Iterator[Item | Remark]], path: Path) -> Iterator[Item | Remark]:
    """What a reader gives; one of a pack's own may fail in any way, or give something else."""
    try:
        for item in reader(path):
            if isinstance(item, Remark):
                yield item
                continue
            if not isinstance(item, Item) or not isinstance(item.item_id, str) or not isinstance(item.input, str):
                raise TypeError(f"it gives {item!r:.100}, not items with id and input as texts")
            if not isinstance(item.references, tuple) or not all(isinstance(text, str) for text in item.references):
                raise TypeError(f"it gives references {item.references!r:.100}, not a tuple of texts")
            if not isinstance(item.document, str):
                raise TypeError(f"it gives document {item.document!r:.100}, not the name of one as text")
            yield item
    except SelfspecError:
        raise
    except Exception as error:
        raise SelfspecError(path, f"reader '{name}' failed: {error!r}", "correct the file, or the reader") from error


def reader_code(folder: Path, name: str) -> str | None:
    """What decides beside this project's version how a file is read, as a digest or an identity; else None."""
    path = folder / "readers.py"
    function = _found(folder, name, code=True)
    shared = plugins.REGISTRY.find("reader", name)
    if shared is None or function is not shared.target:
        return code_digest(path)
    return None if shared.is_own else shared.identity


def is_own(folder: Path, name: str) -> bool:
    """Whether the pack's ``readers.py`` brings the reader, told from its text: nothing is run."""
    path = folder / "readers.py"
    if not path.is_file() or plugins.REGISTRY.find("reader", name) is None:
        return path.is_file()
    try:
        nodes = list(ast.walk(ast.parse(path.read_bytes())))
    except (SyntaxError, ValueError):
        return True
    # Functions and what is imported have a name, or another one given to it; what is assigned has an id.
    named = {getattr(node, key, None) for node in nodes for key in ("name", "asname", "id")}
    return not named.isdisjoint({name, "*"})


def _found(folder: Path, name: str, code: bool) -> Reader:
    path = folder / "readers.py"
    own = getattr(module_of(path), name, None) if code and path.is_file() else None
    if callable(own):
        return own  # type: ignore[no-any-return]
    shared = plugins.REGISTRY.find("reader", name)
    if shared is not None:
        return shared.target  # type: ignore[no-any-return]
    names = ", ".join(plugin.name for plugin in plugins.REGISTRY.all("reader"))
    broken = plugins.broken_words()
    if not path.is_file():
        reason = f"reader '{name}' needs a readers.py, there is none{broken}"
        raise SelfspecError(folder / "domain.yaml", reason, f"write it, or use a shared reader: {names}")
    raise SelfspecError(path, f"has no function '{name}'{broken}", f"define it, or use a shared reader: {names}")


def module_of(path: Path) -> ModuleType:
    """A pack's ``readers.py`` or ``filters.py``, run anew.

    Raises:
        SelfspecError: it cannot be imported; names the pack.
    """
    spec = importlib.util.spec_from_file_location(f"selfspec_pack_{path.parent.name}_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        reason = f"pack '{path.parent.name}': importing it failed: {error!r}"
        raise SelfspecError(path, reason, "correct the module") from error
    return module
