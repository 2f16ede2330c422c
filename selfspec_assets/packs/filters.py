"""A pack's own filters on generated instructions: functions of its ``filters.py`` that ``domain.yaml`` names. Pure.

A filter takes an instruction and its input and returns why the pair is to be rejected, in a few words, or None. Filters
come after the filters of every pack (``instruction_list``) and the banned words, in the order of ``domain.yaml``.
"""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.packs.bound_reader import module_of

MODULE = "filters.py"
_SHAPE = "write it as: def name(instruction: str, input: str) -> str | None"


@dataclass(frozen=True)
class PackFilters:
    """Checked functions; without any, nothing is rejected."""

    path: Path
    functions: tuple[Callable[[str, str], object], ...] = ()

    def reason(self, instruction: str, input: str) -> str | None:
        """``filter:<function>:<its reason>`` of the first filter that rejects the pair, or None.

        Raises:
            SelfspecError: a filter fails, or returns neither text nor None.
        """
        for function in self.functions:
            name = function.__name__
            try:
                found = function(instruction, input)
            except Exception as error:
                reason = f"filter '{name}' failed on the instruction {instruction!r}: {error!r}"
                raise SelfspecError(self.path, reason, "correct the function") from error
            if found is not None and not isinstance(found, str):
                raise SelfspecError(self.path, f"filter '{name}' returned {found!r}", _SHAPE)
            if found is not None:
                return f"filter:{name}:{found}"
        return None


def load_filters(folder: Path, names: Sequence[str]) -> PackFilters:
    """The filters that a pack names.

    Args:
        folder: of the pack.
        names: of functions in its ``filters.py``.

    Raises:
        SelfspecError: no ``filters.py``, one that cannot be imported, or no such function of two arguments in it.
    """
    path = folder / MODULE
    if not names:
        return PackFilters(path)
    if not path.is_file():
        raise SelfspecError(folder / "domain.yaml", f"filter '{names[0]}' needs a {MODULE}, there is none", "write it")
    module = module_of(path)
    return PackFilters(path, tuple(_checked(path, name, getattr(module, name, None)) for name in names))


def _checked(path: Path, name: str, function: object) -> Callable[[str, str], object]:
    if not inspect.isfunction(function):
        raise SelfspecError(path, f"has no function '{name}'", _SHAPE)
    try:
        inspect.signature(function).bind("", "")
    except TypeError as error:
        raise SelfspecError(path, f"filter '{name}' cannot be called with two texts: {error}", _SHAPE) from error
    return function
