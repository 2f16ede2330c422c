"""Why a step has to be made: what differs between the revision that its partition shows and what is expected now."""

import json
from collections.abc import Callable, Mapping
from itertools import zip_longest
from pathlib import Path
from typing import Any

from selfspec_assets.base import home
from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.steps.lineage import Lineage
from selfspec_assets.warehouse import Warehouse

Parts = Mapping[str, Any]  # of signature.signed_text: step, code_version, settings, inputs
_NO_FILES = {
    "benchmark_text": "a benchmark, whose text no instruction may repeat,",
    "domain": "the domain's name, by which rows are drawn,",
    "decisions": "what was decided in the review",
    "noise": "the kind of device that draws random numbers",
}
_MODEL = ("", "base_model.dtype", "base_model.quantization", "base_model.chat_template")  # lineage.model_identity


def signed_parts(warehouse: Warehouse, signature: str) -> Parts | None:
    """What a revision was made from; None if it is gone, damaged, or of a version that did not record it."""
    try:
        text = warehouse.revision(signature).signed
    except SelfspecError:
        return None
    return None if text is None else json.loads(text)


class Reasons:
    """The reasons of one recipe.

    Args:
        lineage: the recipe's.
        warehouse: what was made so far.
        going: whether a (step, domain, iteration) is to be made itself: its own row says why, so that the steps that
            follow only name it.
    """

    def __init__(self, lineage: Lineage, warehouse: Warehouse, going: Callable[[str, str, int], bool]) -> None:
        self._lineage, self._warehouse, self._going = lineage, warehouse, going

    def of(self, step: str, domain: str, iteration: int) -> list[str]:
        """At least one reason, in words."""
        shown = self._warehouse.current(self._lineage.key(step, domain, iteration))
        if shown is None:
            return ["nothing made yet"]
        if shown == self._lineage.signature(step, domain, iteration):
            return ["its revision was deleted"]
        return self._since(step, domain, iteration, shown) or ["made from other settings or files, not recorded which"]

    def _since(self, step: str, domain: str, iteration: int, old_signature: str) -> list[str]:
        old = signed_parts(self._warehouse, old_signature)
        if old is None:
            return []
        new: Parts = json.loads(self._lineage.signed(step, domain, iteration))
        changes = []
        if old["code_version"] != new["code_version"]:
            changes.append(f"code of {step}: version {old['code_version']} → {new['code_version']}")
        changes += changed_settings(old["settings"], new["settings"])
        follows: list[str] = []
        files: dict[tuple[str, str], list[str]] = {}  # (file, what happened) -> parts of it
        for name in sorted(old["inputs"].keys() | new["inputs"].keys()):
            before, after = old["inputs"].get(name), new["inputs"].get(name)
            if before == after:
                continue
            needed, _, of_iteration = name.partition("|")
            if name == "model" and before and after:
                changes += _changed_model(before, after)
            elif not of_iteration:
                file, part = self._place(step, domain, name)
                files.setdefault((file, "changed" if part else _happened(before, after)), []).append(part)
            elif after is None:
                changes.append(f"no longer needs {needed}{_of(int(of_iteration), iteration)}")
            elif before is None or self._going(needed, domain, int(of_iteration)):
                follows.append(f"{needed}{_of(int(of_iteration), iteration)}")
            else:
                roots = self._since(needed, domain, int(of_iteration), before) or ["was made anew"]
                changes += [f"{needed}{_of(int(of_iteration), iteration)}: {root}" for root in roots]
        for (file, happened), parts in files.items():
            changes.append(f"{file} {happened}{f' ({part})' if (part := ', '.join(filter(None, parts))) else ''}")
        return [*changes, *([f"follows {', '.join(follows)}"] if follows else [])]

    def _place(self, step: str, domain: str, name: str) -> tuple[str, str]:
        """A file and, where only that counts, a part of it, for an input's name in ``steps``."""
        pack, kind = self._lineage.pack(domain), self._lineage.recipe.data
        benchmark, _, part = name.partition("/")
        declared = {entry.name: entry for entry in pack.data(kind).benchmarks}
        if name == "file":
            return _shown(pack.seeds_path(kind) if step == "seeds" else pack.corpus_path(kind)), ""
        if name == "own file" and (own := pack.own_seeds_path(kind)) is not None:
            return _shown(own), ""
        if step == "corpus" and name == "pipeline":
            return "code of the corpus pipeline", ""
        if step == "seeds" and name == "comparison":
            return "code that keeps items of a test split out of the seeds", ""
        if step == "corpus" and name == "benchmarks":
            return "a benchmark, whose text no passage may hold,", ""
        if name in _NO_FILES:
            return _NO_FILES[name], ""
        if name.startswith("model "):
            return f"further model {name.removeprefix('model ')}: its weights or precision", ""
        if name in ("header", "prompt"):
            return _shown((pack.instruction_header if name == "header" else pack.response_prompt).path), ""
        if name in ("readers", "filters"):
            return _shown(pack.folder / f"{name}.py"), ""
        place = part.removesuffix("train").rstrip("/") or "0"
        if benchmark in declared and place.isdecimal():
            of_training = step == "training_items" or part.endswith("train")
            paths = (pack.training_paths if of_training else pack.benchmark_paths)(declared[benchmark], kind)
            if int(place) < len(paths):
                return _shown(paths[int(place)]), ""
        what = {"declared": f"benchmark {benchmark}", "": benchmark}.get(part, f"{part} of {benchmark}")
        return _shown(pack.folder / "domain.yaml"), what


def _changed_model(before: str, after: str) -> list[str]:
    pairs = zip_longest(_MODEL, before.split(" "), after.split(" "), fillvalue="never")
    changed = [(label, old, new) for label, old, new in pairs if old != new]
    return [f"{label}: {old} → {new}" if label else "base_model: other weights" for label, old, new in changed]


def _happened(before: str | None, after: str | None) -> str:
    if after in (None, "absent"):
        return "is gone"
    return "is new" if before in (None, "absent") else "changed"


def changed_settings(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """``responses.max_new_tokens: 48 → 32`` for every value that differs; dotted as in the recipe."""
    before, after = _flat(old), _flat(new)
    return [
        f"{key}: {_value(before, key)} → {_value(after, key)}"
        for key in sorted(before.keys() | after.keys())
        if _value(before, key) != _value(after, key)
    ]


def _flat(value: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, inner in value.items():
        flat |= _flat(inner, f"{prefix}{key}.") if isinstance(inner, dict) else {f"{prefix}{key}": inner}
    return flat


def _value(flat: Mapping[str, Any], key: str) -> str:
    if key not in flat:
        return "not set"
    text = flat[key] if isinstance(flat[key], str) else json.dumps(flat[key], ensure_ascii=False)
    return text if len(text) <= 40 else text[:39] + "…"


def _of(needed: int, iteration: int) -> str:
    return f" of iteration {needed}" if needed not in (0, iteration) else ""


def _shown(path: Path) -> str:
    """From the project folder where it lies there."""
    for base in home.search_folders():
        if path.is_relative_to(base):
            return str(path.relative_to(base))
    return str(path)
