"""What a step's signature was before signatures said what really counts, so that what was made then is reused.

The text of a signature changed where it had left something out (the domain's name, by which rows are drawn; the kind of
device that draws noise) or had held what decides nothing (a benchmark's address; all of a benchmark for a step that
reads its text alone). Nothing is guessed: a revision is taken over only if its old signature is the one that the same
recipe and files would have had, and what the old text left out is known from elsewhere. Where code was left out it
cannot be known, and the step is made anew.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.base.signature import canonical_json, text_digest
from selfspec_assets.steps.digests import benchmark_files, declared_digest, noise_of_device
from selfspec_assets.steps.instructions import request_signed
from selfspec_assets.steps.job import Job
from selfspec_assets.steps.lineage import Lineage
from selfspec_assets.warehouse import Revision, StepKey, Warehouse
from selfspec_assets.warehouse.rows import AdapterRow, Row

# Of steps whose code has changed since: they are made anew, and what follows is taken over if their rows stay the same.
VERSIONS = {"seeds": "2", "benchmarks": "2", "training_items": "2"}


class Former:
    """The former signatures of a recipe, and the revisions that bear them."""

    def __init__(self, lineage: Lineage, warehouse: Warehouse) -> None:
        self._lineage, self._warehouse = lineage, warehouse
        self._signatures: dict[StepKey, str] = {}
        self._found: dict[StepKey, Revision | None] = {}

    def signature(self, step: str, domain: str, iteration: int) -> str:
        """What the step's signature was, for the same recipe and files."""
        key = self._lineage.key(step, domain, iteration)
        if key not in self._signatures:
            self._signatures[key] = text_digest(self._signed(step, domain, iteration))
        return self._signatures[key]

    def request_signature(self, domain: str, iteration: int) -> str:
        """The same of the raw requests of ``instructions``."""
        return text_digest(self._before(request_signed(self._lineage, domain, iteration), domain))

    def revision(self, step: str, domain: str, iteration: int) -> Revision | None:
        """The former revision, if this very partition shows it, and all that it was made from is as it was.

        Another domain must not show it, too (each draws rows of its own), and noise must come from this kind of device.
        One that is damaged is none: its step is made anew.
        """
        key = self._lineage.key(step, domain, iteration)
        if key not in self._found:
            try:
                self._found[key] = self._looked_up(key, self.signature(step, domain, iteration))
            except SelfspecError:
                self._found[key] = None
        return self._found[key]

    def _looked_up(self, key: StepKey, signature: str) -> Revision | None:
        if key.step in VERSIONS or not self._warehouse.shows(key, signature):
            return None
        found = self._warehouse.revision(signature)
        showing = {entry.key.domain for entry in self._warehouse.entries() if entry.signature == signature}
        needs = self._lineage.needs(key.step, key.iteration)
        if showing != {key.domain} or not all(self._is_as_it_was(name, key.domain, n) for name, n in needs):
            return None
        on_gpu = found.run is not None and found.run.device.startswith("cuda")
        drew = key.step == "instructions" and found.tables.get("instruction_requests", 0) > 0
        return found if not drew or on_gpu == bool(noise_of_device()) else None

    def _is_as_it_was(self, step: str, domain: str, iteration: int) -> bool:
        now, before = self._lineage.signature(step, domain, iteration), self.signature(step, domain, iteration)
        if not self._warehouse.has(now):
            return self.revision(step, domain, iteration) is not None
        return self._warehouse.has(before) and _content(self._warehouse, now) == _content(self._warehouse, before)

    def _signed(self, step: str, domain: str, iteration: int) -> str:
        text = self._before(self._lineage.signed(step, domain, iteration), domain)
        parts = json.loads(text)
        inputs, needs = parts["inputs"], self._lineage.needs(step, iteration)
        if step == "instructions":
            del inputs["benchmark_text"]
            inputs |= {f"{name}|{n}": self.signature(name, domain, n) for name, n in needs}
        if step == "corpus" and "benchmarks" in inputs:
            whole = benchmark_files(self._lineage.named, self._lineage.pack(domain))
            inputs["benchmarks"] = text_digest(canonical_json(self._declared(whole, domain)))
        if step == "passages":
            _name_idf(parts["settings"]["passages"])
        return canonical_json({**parts, "inputs": self._declared(inputs, domain)})

    def _before(self, text: str, domain: str) -> str:
        parts = json.loads(text)
        inputs = {name: digest for name, digest in parts["inputs"].items() if name not in ("domain", "noise")}
        for name in inputs:
            step, _, iteration = name.partition("|")
            if iteration:
                inputs[name] = self.signature(step, domain, int(iteration))
        code_version = VERSIONS.get(parts["step"], parts["code_version"])
        return canonical_json({**parts, "code_version": code_version, "inputs": inputs})

    def _declared(self, inputs: dict[str, str], domain: str) -> dict[str, str]:
        benchmarks = self._lineage.pack(domain).data(self._lineage.recipe.data).benchmarks
        with_address = {f"{one.name}/declared": declared_digest(one) for one in benchmarks}
        return {name: with_address.get(name, digest) for name, digest in inputs.items()}


def _name_idf(section: dict[str, Any]) -> None:
    """Of BM25 only ``idf`` was an option."""
    options = section.pop("options", {})
    if section.pop("retriever", "").startswith("bm25@") and options.keys() >= {"idf"}:
        section["idf"] = options["idf"]


def _content(warehouse: Warehouse, signature: str) -> dict[str, str]:
    """Digests by file; the row of an adapter names the revision's own folder."""
    files = warehouse.revision(signature).files
    return {name: digest for name, digest in files.items() if name != f"{AdapterRow.table}.parquet"}


def took_over(job: Job) -> bool:
    """Store the former revision of a job, if there is one, under the signature that it has now.

    Raw requests that are kept for a higher target move with it. Rows that this version cannot read are made anew.
    """
    warehouse, former = job.warehouse, Former(job.lineage, job.warehouse)
    found = former.revision(job.step, job.domain, job.iteration)
    if found is None:
        return False
    try:
        tables: dict[type[Row], Sequence[Row]] = {
            row_type: warehouse.read(found.signature, row_type) if row_type.table in found.tables else []
            for row_type in job.lineage.step(job.step).tables
        }
        folders = {name: warehouse.folder(found.signature, name) for name in found.folders}
        run = None if found.run is None else replace(found.run, signature=job.signature)
    except SelfspecError:
        return False
    if AdapterRow in tables:
        rows: Any = tables[AdapterRow]
        tables[AdapterRow] = [replace(row, path=row.path.replace(found.signature, job.signature)) for row in rows]
    if job.step == "instructions":
        warehouse.rename_work(former.request_signature(job.domain, job.iteration), job.work_signature)
    signed = job.lineage.signed(job.step, job.domain, job.iteration)
    warehouse.commit(job.key, job.signature, tables, folders, run, signed)
    job.report(f"{job.name}: taken over from revision {found.signature[:12]}, made by a version before this one")
    return True
