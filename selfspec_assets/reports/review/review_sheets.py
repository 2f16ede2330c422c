"""The answers that a review is about, and what was decided of them; as a table for other programs, and back."""

import csv
import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.base.files import storing, write_atomically
from selfspec_assets.base.progress import Report
from selfspec_assets.base.text_file import read_text
from selfspec_assets.recipe.recipe import NamedRecipe
from selfspec_assets.steps.decisions import (
    Decision,
    Decisions,
    answer_digest,
    decision_file,
    read_decisions,
    writing,
)
from selfspec_assets.steps.job import Job
from selfspec_assets.steps.lineage import Lineage
from selfspec_assets.warehouse.rows import PassageRow, ResponseRow

STEP = "review"
COLUMNS = (
    *("recipe", "domain", "iteration", "task", "decision", "edited", "note"),
    *("instruction", "input", "answer", "digest"),
)
_NEEDED = ("domain", "iteration", "task", "decision", "digest")


@dataclass(frozen=True)
class Sheet:
    """The answers of one partition that were kept up to the review, with their passages."""

    recipe: str
    domain: str
    iteration: int
    rows: tuple[ResponseRow, ...]
    passages: dict[int, list[PassageRow]]

    @property
    def path(self) -> Path:
        return decision_file(self.recipe, self.domain, self.iteration)

    @property
    def partition(self) -> str:
        return f"{self.domain}|{self.iteration}"


def load_sheets(named: NamedRecipe, domains: Sequence[str], iteration: int | None, report: Report) -> list[Sheet]:
    """A sheet for each partition whose answers are there.

    Args:
        iteration: None: all of them; what is not made yet or out of date is then passed over, with a word.

    Raises:
        SelfspecError: the recipe has no review, or there is no answer to look at.
    """
    if STEP not in {use.name for use in named.recipe.steps}:
        remedy = "add it: steps: [review]; what the steps before it reject need not be looked at"
        raise SelfspecError(named.path, "the recipe has no step 'review', so no decision would count", remedy)
    if iteration is not None and iteration > named.recipe.iterations:
        reason = f"'{named.name}' has {named.recipe.iterations}"
        raise SelfspecError(f"--iteration {iteration}", reason, f"raise 'iterations' in {named.path}")
    lineage, sheets, refused = Lineage(named), list[Sheet](), list[SelfspecError]()
    wanted = [iteration] if iteration is not None else range(1, named.recipe.iterations + 1)
    for domain in domains:
        for number in wanted:
            job = Job(lineage, STEP, domain, number, report)
            try:
                job.require_inputs()
            except SelfspecError as error:
                refused.append(error)
                continue
            sheets.append(_sheet(job))
    if not sheets:
        raise refused[0]
    return sheets


def _sheet(job: Job) -> Sheet:
    passages: dict[int, list[PassageRow]] = {}
    for passage in job.read("passages", PassageRow):
        passages.setdefault(passage.instruction_id, []).append(passage)
    rows = tuple(row for row in job.read("responses", ResponseRow) if row.is_kept)
    return Sheet(job.lineage.named.name, job.domain, job.iteration, rows, passages)


def decision_of(decisions: Decisions, row: ResponseRow) -> Decision:
    """What was decided of an answer; an open one where nothing was."""
    digest = answer_digest(row)
    return decisions.get((row.instruction_id, digest), Decision(task=row.instruction_id, digest=digest))


def tally(sheet: Sheet, decisions: Decisions) -> str:
    """``12 kept, 2 rejected, 1 edited, 3 left``."""
    counts = Counter(decision_of(decisions, row).decision for row in sheet.rows)
    words = {"keep": "kept", "reject": "rejected", "edit": "edited", None: "left"}
    return ", ".join(f"{counts[decision]} {word}" for decision, word in words.items())  # type: ignore[index]


def export_csv(sheets: Sequence[Sheet], path: Path) -> int:
    """Every answer with its decision so far, as a table with a header; returns how many.

    Raises:
        SelfspecError: it cannot be written.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for sheet in sheets:
        decisions = read_decisions(sheet.path)
        for row in sheet.rows:
            one = decision_of(decisions, row)
            writer.writerow(
                [
                    *(sheet.recipe, sheet.domain, sheet.iteration, row.instruction_id),
                    *(one.decision or "", one.edited or "", one.note),
                    *(row.instruction, row.input, row.response, one.digest),
                ]
            )
    with storing(path):
        write_atomically(path.resolve(), text.getvalue().encode("utf-8", "surrogatepass"), "export")
    return sum(len(sheet.rows) for sheet in sheets)


def import_csv(sheets: Sequence[Sheet], path: Path) -> list[str]:
    """Take the decisions of a table that ``export_csv`` wrote and a person filled; a line for each partition.

    An empty decision leaves an answer as it is. All is checked before anything is written.

    Raises:
        SelfspecError: naming the line: no such answer, another text by now, no such decision, a text without 'edit' or
            'edit' without a text, or one answer decided in two ways.
    """
    reader = csv.DictReader(io.StringIO(read_text(path).removeprefix("\ufeff"), newline=""))
    missing = [name for name in _NEEDED if name not in (reader.fieldnames or ())]
    if missing:
        reason = f"has no column '{missing[0]}'; there are: {', '.join(reader.fieldnames or ()) or 'none'}"
        raise SelfspecError(path, reason, "write it with --export, in commas, and fill in decision, edited, note")
    answers = {
        (sheet.domain, str(sheet.iteration), str(row.instruction_id)): (sheet, row)
        for sheet in sheets
        for row in sheet.rows
    }
    taken: dict[tuple[str, str, str], Decision] = {}
    try:
        for line in reader:
            place = f"{path}:{reader.line_num}"
            key, decision = _decision(line, answers, place)
            if decision is None:
                continue
            if taken.setdefault(key, decision) != decision:
                raise SelfspecError(place, f"task {key[2]} of {key[0]}|{key[1]} is decided twice", "leave one of them")
    except csv.Error as error:
        raise SelfspecError(f"{path}:{reader.line_num}", f"is no CSV: {error}", "write it with --export") from error
    said = []
    for sheet in sheets:
        own = [one for key, one in taken.items() if key[:2] == (sheet.domain, str(sheet.iteration))]
        with writing(sheet.path) as writer:
            changed = sum(writer.decisions.get((one.task, one.digest)) != one for one in own)
            writer.put(own)
            said.append(
                f"{sheet.partition}: {len(own)} decisions, {changed} of them new; {tally(sheet, writer.decisions)}"
            )
    return said


def _decision(
    line: dict[str, str], answers: dict[tuple[str, str, str], tuple[Sheet, ResponseRow]], place: str
) -> tuple[tuple[str, str, str], Decision | None]:
    cells = {name: (cell or "").strip() for name, cell in line.items() if isinstance(name, str)}
    key = cells["domain"], cells["iteration"], cells["task"]
    if key not in answers:
        remedy = "look at --domain and --iteration, and export it again"
        raise SelfspecError(place, f"there is no answer {key[2]!r:.40} of {key[0]:.40}|{key[1]:.40} to review", remedy)
    sheet, row = answers[key]
    if cells["digest"] != answer_digest(row):
        reason = f"task {key[2]} of {sheet.partition} has another answer by now"
        raise SelfspecError(place, reason, "export it again: a decision is never applied to another text")
    kind, edited = cells["decision"].lower(), cells.get("edited", "")
    if not kind and not edited:
        return key, None
    try:
        value = {"task": row.instruction_id, "digest": cells["digest"], "decision": kind or None}
        decision = Decision.model_validate(value | {"edited": edited or None, "note": cells.get("note", "")})
    except ValidationError as error:
        what = error.errors()[0]
        said = what["msg"].removeprefix("Value error, ")
        raise SelfspecError(place, f"decision {kind!r:.40}: {said}", "write keep, reject, edit or nothing") from error
    return key, decision
