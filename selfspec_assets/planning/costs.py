"""What a step will cost: the cost of a past one of its kind, or of its own part that is done, scaled by the sizes."""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.base.files import below, size_of
from selfspec_assets.steps.lineage import Lineage, every_step
from selfspec_assets.steps.size import Past as PastRevision
from selfspec_assets.steps.size import Size
from selfspec_assets.warehouse import Attempts, ChunkStore, Revision, Warehouse, upkeep

OWN_SHARE = 0.2  # of the work done, from which on its own pace tells more than another run's


@dataclass(frozen=True)
class Cost:
    """Tokens read and written, seconds (s) and bytes on the disk."""

    input_tokens: float = 0.0
    output_tokens: float = 0.0
    seconds: float = 0.0
    bytes: float = 0.0

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.seconds + other.seconds,
            self.bytes + other.bytes,
        )


@dataclass(frozen=True)
class Past:
    """Work that was done: how much it was and what it cost."""

    size: Size
    cost: Cost
    source: str
    kept: float = 0.0  # instructions

    @property
    def kept_per_item(self) -> float | None:
        """Instructions kept of one that a list prompt asked for; None if none was kept."""
        return self.kept / self.size.writing if self.kept and self.size.writing else None

    def scaled(self, to: Size) -> Cost:
        """What work of another size of the same step costs."""
        reading, writing = _ratio(to.reading, self.size.reading), _ratio(to.writing, self.size.writing)
        paces = [ratio for ratio in (reading, writing) if ratio is not None]
        pace = sum(paces) / len(paces) if paces else 1.0
        disk = _ratio(to.disk, self.size.disk)
        return Cost(
            self.cost.input_tokens * (reading or 0.0),
            self.cost.output_tokens * (writing or 0.0),
            self.cost.seconds * pace * to.weight / self.size.weight,
            self.cost.bytes * (1.0 if disk is None else disk),
        )


def _ratio(to: float, of: float) -> float | None:
    return to / of if of else None


@dataclass(frozen=True)
class _Run:
    """A past revision of which all is known."""

    signature: str
    iteration: int
    started_at: str
    model: str | None
    past: Past


class PastRuns:
    """The revisions of a warehouse as examples of what steps cost.

    A revision that cannot be read, or that says neither what it cost nor what it was made from, is no example. A step
    that runs a model takes runs of this very model alone, in the same precision.
    """

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse
        self._runs: dict[str, list[_Run]] = {}

    @cached_property
    def _revisions(self) -> dict[str, list[Revision]]:
        """By step; what a revision cost is looked up when a step asks."""
        revisions: dict[str, list[Revision]] = {}
        for signature in upkeep.revisions(self._warehouse):
            with suppress(SelfspecError):  # damaged: ``selfspec verify`` names it
                revision = self._warehouse.revision(signature)
                revisions.setdefault(revision.step, []).append(revision)
        return revisions

    def _of(self, step: str) -> list[_Run]:
        if step not in self._runs:
            runs = map(self._run, self._revisions.get(step, ()))
            self._runs[step] = [run for run in runs if run is not None]
        return self._runs[step]

    def _run(self, revision: Revision) -> _Run | None:
        try:
            if revision.run is None or revision.signed is None:
                return None
            parts = json.loads(revision.signed)
            step = every_step()[revision.step]
            counts = step.counted(PastRevision(self._warehouse, revision, parts["inputs"]))
            whole, kept = step.size(parts["settings"], counts), counts.get("kept", 0)
        except (SelfspecError, KeyError, ValueError):  # damaged, or another version's
            return None
        cost = Cost(
            revision.run.input_tokens, revision.run.output_tokens, revision.run.seconds, size_of(revision.folder)
        )
        past = Past(whole, cost, f"revision {revision.signature[:12]}", kept)
        iteration, model = _iteration(revision.step, parts["inputs"]), parts["inputs"].get("model")
        return _Run(revision.signature, iteration, revision.run.started_at, model, past)

    @cached_property
    def _domains(self) -> dict[str, set[str]]:
        domains: dict[str, set[str]] = {}
        for entry in self._warehouse.entries():
            domains.setdefault(entry.signature, set()).add(entry.key.domain)
        return domains

    def best(self, lineage: Lineage, step: str, domain: str, iteration: int) -> Past | None:
        """The run that is likest: this partition's own last one, else of a first or a later iteration as this one is,
        of this domain, and the newest of them.
        """
        holds_model = lineage.step(step).holds_model
        model = lineage.model_identity if holds_model else None
        shown = self._warehouse.current(lineage.key(step, domain, iteration))

        def likeness(run: _Run) -> tuple[bool, bool, bool, str]:
            later = (run.iteration > 1) == (iteration > 1)
            return run.signature == shown, later, domain in self._domains.get(run.signature, ()), run.started_at

        runs = [run for run in self._of(step) if not holds_model or run.model == model]
        # A later iteration that only takes over the first one's instructions asked nothing.
        runs = [run for run in runs if step != "instructions" or run.past.size.units]
        return max(runs, key=likeness).past if runs else None


def _iteration(step: str, inputs: Mapping[str, str]) -> int:
    """Instructions are written by the adapter of the iteration before; everything else needs something of its own."""
    newest = max((int(name.partition("|")[2]) for name in inputs if "|" in name), default=0)
    return newest + 1 if step == "instructions" else newest


@dataclass(frozen=True)
class Done:
    """The part of a step that an earlier, unfinished attempt made."""

    units: int
    cost: Cost
    steps: int = 0  # of the optimiser, up to the last checkpoint


def done(warehouse: Warehouse, work_signature: str) -> Done:
    """What lies in a folder of unfinished work; nothing there is nothing done."""
    folder = warehouse.root / "work" / work_signature
    inside = sorted(path for path in below(folder) if path.is_dir())
    payloads = [payload for inner in inside if inner.parent == folder for payload in _payloads(ChunkStore(inner))]
    read = sum(_first(payload, "input_tokens", "prompt_tokens") for payload in payloads)
    written = sum(_first(payload, "output_tokens", "tokens") for payload in payloads)
    steps = [int(path.name.rpartition("-")[2]) for path in inside if path.match("checkpoints/checkpoint-*")]
    return Done(len(payloads), Cost(read, written, Attempts(folder).spent()), max(steps, default=0))


def _payloads(store: ChunkStore) -> list[dict[str, Any]]:
    return [payload for index in store.done() for payload in store.get(index) or []]


def _first(payload: Mapping[str, Any], *names: str) -> int:
    return next((int(payload[name]) for name in names if isinstance(payload.get(name), int)), 0)
