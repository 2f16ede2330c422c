"""The registry: whatever can be added or replaced goes through it, what ships with selfspec included.

A plug-in is a function or a class under a decorator that gives its kind, name and version::

    from selfspec_assets import plugins

    @plugins.metric("exact_match", version="1")
    def exact_match(answer: str, references: Sequence[str], *, ignore_case: bool = True) -> float:
        return ...

========== ==================================================================================================
retriever  ``make(documents, **options)`` → an object with ``top(query, k)`` → ``[(document, score), …]``; it may
           have ``save(folder)``, which writes an index, and ``load(folder)``, which opens it in place of making one
filter     ``(instruction, input, **options)`` → why the pair is rejected, in a few words, or None
metric     ``(answer, references, **options)`` → 0 to 100
contrast   ``(log_p_aligned, log_p_weaker, **options)`` → scores, both ``[..., V]``
prompt     ``(instruction, input, demonstrations, **options)`` → the text that a model is asked
reader     ``(path, **options)`` → items
step       a class ``steps.step.Step``
========== ==================================================================================================

Keywords are the plug-in's options, checked against their annotations. Modules are found in three places: those of
selfspec; the entry points ``selfspec.plugins`` of installed distributions; ``plugins/*.py`` of the project. One that
cannot be imported stands in nobody's way until something that is not there is asked for.
"""

import importlib
import importlib.metadata
import importlib.util
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args

from selfspec_assets.base import home
from selfspec_assets.base.errors import SelfspecError, did_you_mean
from selfspec_assets.base.options import checked_options
from selfspec_assets.base.signature import canonical_json, file_digest_once, text_digest

GROUP = "selfspec.plugins"
FOLDER = "plugins"  # of the project
Kind = Literal["retriever", "filter", "metric", "contrast", "prompt", "reader", "step"]
KINDS: tuple[Kind, ...] = get_args(Kind)
OWN = "selfspec"
STEPS = (  # selfspec's own, in flow order
    *("seeds", "corpus", "index", "benchmarks", "training_items", "base_predictions", "base_scores"),
    *("further_predictions", "further_scores"),
    *("instructions", "passages", "responses", "adapter", "predictions", "scores", "further_lift"),
)
JUDGES = (  # selfspec's own refining steps, which a recipe adds by name
    *("repeated_input", "echoed_prompt", "copied_input", "repeated_answer"),
    *("other_form", "unlikely_answer", "unsupported_answer", "disagreeing_answers", "review"),
)
BUILT_IN = (
    *(f"steps.{name}" for name in STEPS),
    *(f"steps.judges.{name}" for name in JUDGES),
    *("packs.readers", "method.retrieval.bm25", "method.decoding.forms", "method.prompts"),
    *("method.instructions.list_parser", "method.scoring.registered"),
)
_GIVEN = {"retriever": 1, "filter": 2, "metric": 2, "contrast": 2, "prompt": 3, "reader": 1}  # what is no option
T = TypeVar("T")


@dataclass(frozen=True)
class Plugin:
    """One thing that can be named.

    Attributes:
        origin: selfspec, a distribution with its version, or a file of the project.
        code: the files whose text decides what it does; none for selfspec's own, whose version says it.
    """

    kind: Kind
    name: str
    version: str
    target: Any
    origin: str
    code: tuple[Path, ...] = ()

    @property
    def identity(self) -> str:
        """``name@version``, and for code from elsewhere its digest."""
        if not self.code:
            return f"{self.name}@{self.version}"
        top = Path(os.path.commonpath([path.parent for path in self.code]))  # two files may have one name
        digests = {path.relative_to(top).as_posix(): file_digest_once(path) for path in self.code}
        return f"{self.name}@{self.version} {text_digest(canonical_json(digests))}"

    @property
    def is_own(self) -> bool:
        """Whether it ships with selfspec."""
        return self.origin == OWN

    @property
    def signed(self) -> str:
        """What stands in the signature of a step whose own version covers what selfspec's plug-ins do."""
        return self.name if self.is_own else self.identity

    @contextmanager
    def named_in_failures(self, given: str) -> Iterator[None]:
        """Whatever its code raises here names the plug-in, and what it was given."""
        try:
            yield
        except SelfspecError:
            raise
        except Exception as error:
            raise SelfspecError(str(self), f"failed on {given!r:.80}: {error!r}", "correct the plug-in") from error

    def options(self, given: Mapping[str, object], place: object) -> dict[str, Any]:
        """Every option with its value, those that were not given with their default.

        Raises:
            SelfspecError: an option is missing, unknown or of another type; or the plug-in has no readable signature.
        """
        what = f"{self.kind} '{self.name}'"
        target = self.target if callable(self.target) else _without_options
        try:
            return checked_options(target, given, what, place, skip=_GIVEN[self.kind])
        except (TypeError, ValueError, NameError) as error:
            reason = f"{what} of {self.origin} cannot be called: {error}"
            raise SelfspecError(place, reason, "correct the annotations of its options") from error

    def __str__(self) -> str:
        return f"{self.kind} '{self.name}' of {self.origin}"


class Registry:
    """Everything that was registered in this process, in that order."""

    def __init__(self) -> None:
        self._found: dict[tuple[Kind, str], Plugin] = {}
        self._clashes: dict[tuple[Kind, str], list[Plugin]] = {}
        self.broken: list[SelfspecError] = []  # modules that could not be imported
        self._loaded = False
        self.foreign = True  # whether code that is not selfspec's own may be imported

    def add(self, plugin: Plugin) -> None:
        """Keep a plug-in. Two of one kind and name are kept apart: whoever asks for the name is told of both."""
        key = (plugin.kind, plugin.name)
        there = self._found.get(key)
        if there is not None and _place(there.target) != _place(plugin.target):
            self._clashes.setdefault(key, [there]).append(plugin)
            return
        self._found[key] = plugin

    def all(self, kind: Kind | None = None) -> list[Plugin]:
        """Of one kind or of all, in the order of registration."""
        self.load()
        return [plugin for plugin in self._found.values() if kind in (None, plugin.kind)]

    def clashes(self) -> list[SelfspecError]:
        """Each name that more than one plug-in has."""
        self.load()
        return [_clash(clash) for clash in self._clashes.values()]

    def get(self, kind: Kind, name: str, place: object, others: tuple[str, ...] = ()) -> Plugin:
        """The plug-in of that kind and name.

        Args:
            place: who asks, for the message: a recipe's key.
            others: what may stand there and is no plug-in, for the message.

        Raises:
            SelfspecError: there is none, or there are two.
        """
        self.load()
        if (kind, name) in self._clashes:
            raise _clash(self._clashes[kind, name])
        plugin = self._found.get((kind, name))
        if plugin is None:
            known = [*others, *(plugin.name for plugin in self.all(kind))]
            remedy = (
                f"{did_you_mean(name, known)}choose one of: {', '.join(known) or 'none'}; or install one that has it"
            )
            raise SelfspecError(place, f"there is no {kind} '{name}'{broken_words()}", remedy)
        return plugin

    def find(self, kind: Kind, name: str) -> Plugin | None:
        """The plug-in of that kind and name, if there is one.

        Raises:
            SelfspecError: there are two.
        """
        self.load()
        return self.get(kind, name, name) if (kind, name) in self._found else None

    def may_hide(self, kind: Kind, name: str) -> bool:
        """Whether what is not there may be a plug-in's, of which no code is run (``foreign``)."""
        elsewhere = not self.foreign and (importlib.metadata.entry_points(group=GROUP) or _project_files())
        return bool(elsewhere) and self.find(kind, name) is None

    def load(self) -> None:
        """Import every module that may register something, once per process."""
        if self._loaded:
            return
        self._loaded = True
        for name in BUILT_IN:
            importlib.import_module(f"selfspec_assets.{name}")
        if not self.foreign:
            return
        for entry in importlib.metadata.entry_points(group=GROUP):
            self._import_entry(entry)
        for path in _project_files():
            self._import_file(path)

    def _import_entry(self, entry: importlib.metadata.EntryPoint) -> None:
        origin = f"the distribution {entry.dist.name} {entry.dist.version}" if entry.dist else "an unknown distribution"
        leave = f"or uninstall it: pip uninstall {entry.dist.name}" if entry.dist else "or uninstall it"
        place = f"entry point {entry.name} = {entry.value} of {origin}"
        with _Loading(self, place, f"correct the distribution, {leave}") as loading:
            loading.origin = origin
            module = importlib.import_module(entry.module)
            loading.code = _code_files(module)

    def _import_file(self, path: Path) -> None:
        with _Loading(self, str(path), "correct the file, or take it out of the folder") as loading:
            loading.origin, loading.code = f"the project ({path.name})", tuple(sorted(path.parent.rglob("*.py")))
            name = f"selfspec_project_plugins_{path.stem}"
            spec = importlib.util.spec_from_file_location(name, path)
            assert spec is not None
            assert spec.loader is not None
            module = sys.modules[name] = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)


class _Loading:
    """Registers what a module registers only once the whole module was imported; a failure is kept, not raised."""

    def __init__(self, registry: Registry, place: str, remedy: str) -> None:
        self._registry, self._place, self._remedy = registry, place, remedy
        self.origin = ""
        self.code: tuple[Path, ...] = ()
        self._waiting: list[tuple[Kind, str, str, Any]] = []

    def __enter__(self) -> "_Loading":
        _loading.append(self)
        return self

    def keep(self, kind: Kind, name: str, version: str, target: Any) -> None:
        self._waiting.append((kind, name, version, target))

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        _loading.remove(self)
        if isinstance(error, KeyboardInterrupt):
            return False
        if error is not None:
            reason = f"importing it failed: {error!r}"
            self._registry.broken.append(SelfspecError(self._place, reason, self._remedy))
            return True
        for entry in self._waiting:
            self._registry.add(Plugin(*entry, self.origin, self.code))
        return True


REGISTRY = Registry()
_loading: list[_Loading] = []


def _register(kind: Kind, name: str, version: str, target: Any) -> None:
    if not name or not version or not str(name).replace("_", "").isalnum():
        reason = f"{kind} {name!r}, version {version!r}: a name is letters, digits and _, and a version is not empty"
        raise SelfspecError(_place(target), reason, f"write @plugins.{kind}('name', version='1')")
    if _place(target).startswith("selfspec_assets."):
        REGISTRY.add(Plugin(kind, name, version, target, OWN))
    elif _loading:
        _loading[-1].keep(kind, name, version, target)
    else:
        REGISTRY.add(Plugin(kind, name, version, target, "this process"))


def step(name: str, *, version: str) -> Callable[[type[T]], type[T]]:
    """Of a class ``steps.step.Step``: gives it its name and its code version as well."""

    def keep(target: type[T]) -> type[T]:
        target.name, target.code_version = name, version  # type: ignore[attr-defined]
        _register("step", name, version, target())
        return target

    return keep


def _decorator(kind: Kind) -> Callable[..., Callable[[T], T]]:
    def named(name: str, *, version: str) -> Callable[[T], T]:
        def keep(target: T) -> T:
            _register(kind, name, version, target)
            return target

        return keep

    return named


retriever, filter, metric, contrast, prompt, reader = (_decorator(kind) for kind in KINDS if kind != "step")


def _place(target: Any) -> str:
    named = target if hasattr(target, "__qualname__") else type(target)
    return f"{named.__module__}.{named.__qualname__}"


def _project_files() -> list[Path]:
    return sorted((home.project_folder() / FOLDER).glob("*.py"))


def _without_options() -> None:
    """Stands for what is no function, and so takes no option."""


def _clash(clash: list[Plugin]) -> SelfspecError:
    origins = " and ".join(plugin.origin for plugin in clash)
    first = clash[0]
    return SelfspecError(
        f"{first.kind} '{first.name}'", f"two plug-ins have this name: {origins}", "rename one, or uninstall it"
    )


def _code_files(module: Any) -> tuple[Path, ...]:
    """Every Python file of the module's top package: what it imports of itself decides as well as the module."""
    top = sys.modules[module.__name__.partition(".")[0]]
    folders = list(getattr(top, "__path__", ()))
    if folders:
        return tuple(sorted(path for folder in folders for path in Path(folder).rglob("*.py")))
    return (Path(str(module.__file__)),)


def broken_words() -> str:
    """What to add to "there is no …": the modules that might have had it, and could not be imported."""
    return "".join(f"; {error.place}: {error.reason}" for error in REGISTRY.broken)


def each_broken() -> Iterator[SelfspecError]:
    """What is wrong with plug-ins in reach: modules that cannot be imported, names that two have."""
    yield from REGISTRY.clashes()
    yield from REGISTRY.broken
