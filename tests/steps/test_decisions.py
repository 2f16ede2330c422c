"""The file of decisions: nothing is lost or doubled, whenever a process dies."""

from pathlib import Path

import pytest

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.steps.decisions import Decision, decisions_digest, read_decisions, writing

A, B = "a" * 64, "b" * 64


def decision(task: int, kind: str | None = "keep", digest: str = A, **more: str) -> Decision:
    return Decision.model_validate({"task": task, "digest": digest, "decision": kind, **more})


def test_the_last_decision_of_a_text_counts_and_another_text_has_none(tmp_path: Path) -> None:
    path = tmp_path / "recipe" / "sports-1.jsonl"
    assert read_decisions(path) == {}
    with writing(path) as writer:
        writer.put([decision(1), decision(2, "reject", note="wrong")])
        writer.put([decision(1, "edit", edited="Näme it.\nTwice")])
        writer.put([decision(2, "reject", note="wrong")])
        assert read_decisions(path) == writer.decisions
    assert len(path.read_bytes().splitlines()) == 3, "what changes nothing is not written again"
    read = read_decisions(path)
    assert read[1, A].edited == "Näme it.\nTwice"
    assert read[2, A].note == "wrong"
    assert (1, B) not in read
    assert not list(path.parent.glob(".*")), "no lock is left behind"


@pytest.mark.parametrize("left", range(0, 200, 7))
def test_a_kill_in_the_middle_of_a_line_loses_that_line_alone(tmp_path: Path, left: int) -> None:
    path = tmp_path / "sports-1.jsonl"
    with writing(path) as writer:
        writer.put([decision(1)])
        whole = path.read_bytes()
        writer.put([decision(2, "edit", edited="A longer text, so that the line has room for a kill.")])
    path.write_bytes(path.read_bytes()[: len(whole) + left])
    after = read_decisions(path)
    assert (1, A) in after
    with writing(path) as writer:
        assert writer.decisions == after
        writer.put([decision(3)])
    assert read_decisions(path) == after | {(3, A): decision(3)}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('{"task": 1}', "digest"),
        ("keep 1", "JSON"),
        (f'{{"task": 1, "digest": "{A}", "decision": "drop"}}', "'keep', 'reject' or 'edit'"),
        (f'{{"task": 1, "digest": "{A}", "decision": "edit"}}', "'edited' holds a text"),
        (f'{{"task": 1, "digest": "{A}", "decision": "keep", "edited": "x"}}', "'edited' holds a text"),
        (f'{{"task": 1, "digest": "{A}", "why": "x"}}', "Extra"),
    ],
)
def test_a_damaged_line_is_named(tmp_path: Path, line: str, words: str) -> None:
    path = tmp_path / "sports-1.jsonl"
    path.write_text(f"{decision(3).model_dump_json()}\n\n{line}\n{decision(4).model_dump_json()}\n")
    with pytest.raises(SelfspecError, match=words if words != "digest" else "Field required") as refused:
        read_decisions(path)
    assert refused.value.place == f"{path}:3"


def test_two_reviews_of_the_same_answers_do_not_meet(tmp_path: Path) -> None:
    path = tmp_path / "sports-1.jsonl"
    with writing(path), pytest.raises(SelfspecError, match="reviews the same answers"), writing(path):
        pass


def test_the_digest_is_of_what_decides() -> None:
    def digest(*decisions: Decision, with_keeps: bool = True) -> str:
        return decisions_digest({(one.task, one.digest): one for one in decisions}, with_keeps=with_keeps)

    first, second = decision(1), decision(2, "reject")
    assert digest(first, second) == digest(second, first.model_copy(update={"note": "good"}))
    assert digest(first) == digest(first, decision(5, None, note="look again"))
    assert digest(first) != digest() == digest(first, with_keeps=False)
    assert digest(second) != digest(decision(2, "reject", B)) != digest(decision(3, "reject", B))
    assert digest(decision(1, "edit", edited="a")) != digest(decision(1, "edit", edited="b"))
