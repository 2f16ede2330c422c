"""A pack's filters on generated instructions: functions of its ``filters.py``, or registered ones, by name. Pure.

A filter takes an instruction and its input and returns why the pair is to be rejected, in a few words, or None. Filters
come after the filters of every pack (``instruction_list``) and the banned words, in the order of ``domain.yaml``.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from selfspec_assets import plugins
from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.base.options import checked_options
from selfspec_assets.base.signature import canonical_json
from selfspec_assets.packs.bound_reader import module_of
from selfspec_assets.packs.code import code_digest
from selfspec_assets.packs.contract import Use

MODULE = "filters.py"
_SHAPE = "write it as: def name(instruction: str, input: str) -> str | None"


@dataclass(frozen=True)
class PackFilters:
    """Checked functions by name; without any, nothing is rejected."""

    path: Path
    functions: Mapping[str, Callable[[str, str], object]] = field(default_factory=dict)
    code: tuple[str, ...] = ()  # what decides beside the names: the digest of its code, identities of plug-ins

    def reason(self, instruction: str, input: str) -> str | None:
        """``filter:<function>:<its reason>`` of the first filter that rejects the pair, or None.

        Raises:
            SelfspecError: a filter fails, or returns neither text nor None.
        """
        for name, function in self.functions.items():
            try:
                reason = function(instruction, input)
            except Exception as error:
                reason = f"filter '{name}' failed on the instruction {instruction!r}: {error!r}"
                raise SelfspecError(self.path, reason, "correct the function") from error
            if reason is not None and not isinstance(reason, str):
                raise SelfspecError(self.path, f"filter '{name}' returned {reason!r}", _SHAPE)
            if reason is not None:
                return f"filter:{name}:{reason}"
        return None


def load_filters(folder: Path, uses: Sequence[Use]) -> PackFilters:
    """The filters that a pack names: functions of its ``filters.py``, which come before registered ones.

    Raises:
        SelfspecError: a ``filters.py`` that cannot be imported, no such filter, one that does not take two texts, or
            an option that it does not take.
    """
    path = folder / MODULE
    if not uses:
        return PackFilters(path)
    module = module_of(path) if path.is_file() else None
    functions: dict[str, Callable[[str, str], object]] = {}
    code: list[str] = []
    for use in uses:
        own = getattr(module, use.name, None)
        plugin = None if own is not None else plugins.REGISTRY.find("filter", use.name)
        if plugin is not None:
            functions[use.name] = partial(plugin.target, **plugin.options(use.options, folder / "domain.yaml"))
            code.append(use.identity("filter"))
        elif module is None:
            reason = f"filter '{use.name}' needs a {MODULE}, there is none{plugins.broken_words()}"
            registered = ", ".join(plugin.name for plugin in plugins.REGISTRY.all("filter"))
            raise SelfspecError(folder / "domain.yaml", reason, f"write it, or use a registered filter: {registered}")
        else:
            functions[use.name] = _bound(path, use, own)
            code.append(use.name + (f" {canonical_json(use.options)}" if use.options else ""))
    if module is not None:
        code.append(code_digest(path))
    return PackFilters(path, functions, tuple(code))


def _bound(path: Path, use: Use, function: object) -> Callable[[str, str], object]:
    if not inspect.isfunction(function):
        raise SelfspecError(path, f"has no function '{use.name}'", _SHAPE)
    try:
        bound = partial(
            function,
            **checked_options(function, use.options, f"filter '{use.name}'", path.parent / "domain.yaml", skip=2),
        )
        inspect.signature(bound).bind("", "")
    except (TypeError, ValueError, NameError) as error:
        raise SelfspecError(path, f"filter '{use.name}' cannot be called with two texts: {error}", _SHAPE) from error
    return bound
