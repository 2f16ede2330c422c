"""What a person decided of answers: one plain file of the project for each domain and iteration.

A line is a decision, and the last one of an answer counts. An answer is known by its number and by the digest of what
was asked and answered, so a decision is never applied to another text. Lines are only ever added, and each is on the
disk before the next key is read: a kill loses nothing, and half a line at the end of the file is none.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError, model_validator

from selfspec_assets.base import home
from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.base.files import holding, remove_lock, storing
from selfspec_assets.base.signature import canonical_json, text_digest
from selfspec_assets.base.strict import Strict
from selfspec_assets.warehouse.rows import ResponseRow

FOLDER = "reviews"  # of the project
Kind = Literal["keep", "reject", "edit"]


class Decision(Strict):
    """One line of the file.

    Attributes:
        task: the answer's ``instruction_id``.
        digest: of what was asked and answered (``answer_digest``).
        decision: None leaves it open, as it was.
        edited: the answer that stands in place of the written one; with ``edit`` alone.
        note: for people; it decides nothing.
    """

    task: Annotated[int, Field(ge=0)]
    digest: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    decision: Kind | None = None
    edited: str | None = None
    note: str = ""

    @model_validator(mode="after")
    def _edited_with_edit(self) -> "Decision":
        if (self.decision == "edit") != bool((self.edited or "").strip()):
            raise ValueError("'edited' holds a text with decision 'edit', and with no other")
        return self


Decisions = Mapping[tuple[int, str], Decision]  # by task and digest


def answer_digest(row: ResponseRow) -> str:
    """SHA-256 over instruction, input and written answer."""
    return text_digest(canonical_json([row.instruction, row.input, row.response]))


def decision_file(recipe: str, domain: str, iteration: int) -> Path:
    return home.project_folder() / FOLDER / recipe / f"{domain}-{iteration}.jsonl"


def read_decisions(path: Path) -> dict[tuple[int, str], Decision]:
    """The last decision of each answer; none where there is no file.

    Raises:
        SelfspecError: a line that is no decision, with its number; the file cannot be read.
    """
    decisions: dict[tuple[int, str], Decision] = {}
    lines, half = _lines(path)
    for number, line in enumerate([*lines, *([half] if _is_decision(half) else [])], start=1):
        if not line.strip():
            continue
        try:
            decision = Decision.model_validate_json(line)
        except ValidationError as error:
            reason = f"is no decision: {error.errors()[0]['msg'].removeprefix('Value error, ')}"
            raise SelfspecError(f"{path}:{number}", reason, "correct the line, or remove it") from error
        decisions[decision.task, decision.digest] = decision
    return decisions


def _lines(path: Path) -> tuple[list[bytes], bytes]:
    """Whole lines, and what stands behind the last line end: what a kill left of one, or a line saved without."""
    try:
        *lines, half = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return [], b""
    except OSError as error:
        raise SelfspecError(path, f"cannot be read: {error.strerror}", "mend what the system reports") from error
    return lines, half


def _is_decision(line: bytes) -> bool:
    try:
        Decision.model_validate_json(line)
    except ValidationError:
        return False
    return True


def decisions_digest(decisions: Decisions, *, with_keeps: bool) -> str:
    """SHA-256 over what decides which answers are trained on: neither notes nor the order in which it was decided.

    Args:
        with_keeps: a decision to keep differs from none.
    """
    deciding = [
        [one.task, one.digest, one.decision, one.edited]
        for one in decisions.values()
        if one.decision is not None and (with_keeps or one.decision != "keep")
    ]
    return text_digest(canonical_json(sorted(deciding, key=canonical_json)))


class DecisionWriter:
    """Adds decisions to a file; see ``writing``."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.decisions = read_decisions(path)

    def put(self, decisions: Sequence[Decision]) -> None:
        """Adds lines and forces them to the disk; those that change nothing are left out.

        Raises:
            SelfspecError: the disk is full, or may not be written.
        """
        new = [one for one in decisions if self.decisions.get((one.task, one.digest)) != one]
        if not new:
            return
        data = b"".join(one.model_dump_json(exclude_defaults=True).encode() + b"\n" for one in new)
        with storing(self._path):
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o666)
            try:
                written, end = 0, os.lseek(descriptor, 0, os.SEEK_END)
                while written < len(data):
                    written += os.pwrite(descriptor, data[written:], end + written)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        self.decisions.update({(one.task, one.digest): one for one in new})

    def close_last_line(self) -> None:
        """Cuts off half a line that a kill has left, or ends one that was saved without a line end."""
        _, half = _lines(self._path)
        if not half:
            return
        with storing(self._path), self._path.open("r+b") as stream:
            if _is_decision(half):
                stream.seek(0, os.SEEK_END)
                stream.write(b"\n")
            else:
                stream.truncate(stream.seek(0, os.SEEK_END) - len(half))
            stream.flush()
            os.fsync(stream.fileno())


@contextmanager
def writing(path: Path) -> Iterator[DecisionWriter]:
    """The one writer of a file.

    Raises:
        SelfspecError: another process reviews the same answers, or the file is damaged.
    """
    lock = path.with_name(f".{path.name}.lock")

    def busy(holder: str) -> SelfspecError:
        return SelfspecError(path, f"{holder} reviews the same answers", "end that review first")

    with holding(lock, busy):
        writer = DecisionWriter(path)
        writer.close_last_line()
        yield writer
    remove_lock(lock)
