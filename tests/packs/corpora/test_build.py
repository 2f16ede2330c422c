"""A corpus built from its sources: duplicates, rules, limits, and every row accounted for."""

import json
import random
import sys
from pathlib import Path

import pytest

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.base.words import words
from selfspec_assets.packs.corpora import parts
from selfspec_assets.packs.corpora.minhash import NEAR, jaccard, shingles
from selfspec_assets.packs.corpora.ngrams import word_hashes
from selfspec_assets.packs.corpora.stored import StoredDocuments
from tests.corpus_files import build, changed, corpus, counts, source, texts, write_jsonl


def test_duplicates_go_and_every_row_is_accounted_for(tmp_path: Path) -> None:
    rng = random.Random(3)
    own = texts(20, words=80)
    near, far = changed(own[1], 3, rng), changed(own[2], 30, rng)
    write_jsonl(tmp_path / "notes.jsonl", [*own, own[0].upper(), near, far, "Too short.", "???"])
    made = build(corpus(source()), tmp_path, tmp_path / "work")
    kept = [one.id for one in StoredDocuments(made.folder)]
    assert kept == [f"notes:d{n}" for n in (*range(20), 22)]
    reasons = {row.document_id: (row.reason, row.match, row.position) for row in made.dropped}
    assert reasons == {
        "d20": ("duplicate", "notes:d0", 21),
        "d21": ("near_duplicate", "notes:d1", 22),
        "d23": ("too_short", None, 24),
        "d24": ("too_short", None, 25),
    }
    similarity = float(
        next(row.evidence for row in made.dropped if row.document_id == "d21" and row.evidence).split()[1]
    )
    sets = [shingles(word_hashes(words(one))) for one in (own[1], near)]
    assert similarity == pytest.approx(jaccard(*sets), abs=0.001)
    assert similarity >= NEAR > jaccard(sets[0], shingles(word_hashes(words(far))))
    assert counts(made) == {
        "document/read": 25,
        "document/cut": 25,
        "passage/made": 25,
        "passage/too_short": 2,
        "passage/duplicate": 1,
        "passage/near_duplicate": 1,
        "passage/kept": 21,
    }
    assert made.words["notes"] == sum(len(one.text.split()) for one in StoredDocuments(made.folder))


def test_duplicates_are_found_across_sources_and_files(tmp_path: Path) -> None:
    own = texts(4)
    write_jsonl(tmp_path / "a/1.jsonl", own[:2])
    write_jsonl(tmp_path / "a/2.jsonl", own[1:3], first=10)
    write_jsonl(tmp_path / "b.jsonl", own[2:4])
    made = build(corpus(source(files=["a/*.jsonl"]), source(name="other", files=["b.jsonl"])), tmp_path, tmp_path / "w")
    assert [one.id for one in StoredDocuments(made.folder)] == ["notes:d0", "notes:d1", "notes:d11", "other:d1"]
    assert [(row.source, row.file, row.match) for row in made.dropped] == [
        ("notes", "a/2.jsonl", "notes:d1"),
        ("other", "b.jsonl", "notes:d11"),
    ]


def test_an_id_that_comes_again_is_named(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "a.jsonl", texts(3))
    write_jsonl(tmp_path / "b.jsonl", texts(1, seed=9), first=2)
    with pytest.raises(SelfspecError, match=r"id 'd2' was used at .*a\.jsonl:3 already") as caught:
        build(corpus(source(files=["a.jsonl", "b.jsonl"])), tmp_path, tmp_path / "work")
    assert caught.value.place == f"{tmp_path}/b.jsonl:1"


@pytest.mark.parametrize("second", ["Too short.", "", None], ids=["too short", "empty", "contaminated"])
def test_an_id_that_comes_again_is_named_even_if_nothing_of_it_is_kept(tmp_path: Path, second: str | None) -> None:
    first, asked = texts(2)
    rows = [
        {"id": "a", "title": "T", "text": first},
        {"id": "a", "title": "", "text": asked if second is None else second},
    ]
    (tmp_path / "notes.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(SelfspecError, match=r"id 'a' was used at .*notes\.jsonl:1 already") as caught:
        build(corpus(source(empty="drop")), tmp_path, tmp_path / "work", {"q/1": [asked]})
    assert caught.value.place.endswith("notes.jsonl:2")


def test_long_documents_are_cut_and_their_passages_named(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "notes.jsonl", texts(2, words=100))
    made = build(corpus(source(), chunks={"max_words": 40, "overlap": 1}), tmp_path, tmp_path / "work")
    found = list(StoredDocuments(made.folder))
    assert [one.id for one in found][:4] == ["notes:d0#1", "notes:d0#2", "notes:d0#3", "notes:d1#1"]
    assert {one.title for one in found} == {"Title 0", "Title 1"}
    assert counts(made)["document/cut"] == 2


def test_documents_are_left_out_by_declared_rules(tmp_path: Path) -> None:
    own = texts(60)
    write_jsonl(tmp_path / "notes.jsonl", [("Sport. " if n % 2 else "") + one for n, one in enumerate(own)])
    made = build(corpus(source(keep_if="Sport", max_documents=10)), tmp_path, tmp_path / "a")
    assert counts(made) == {
        "document/read": 20,
        "document/not_matching": 10,
        "document/cut": 10,
        "passage/made": 10,
        "passage/kept": 10,
    }
    assert made.dropped == [], "what the source's own rule leaves out is counted, not listed"
    half = build(corpus(source(share=0.5)), tmp_path, tmp_path / "b")
    most = build(corpus(source(share=0.8)), tmp_path, tmp_path / "c")
    ids = [{one.id for one in StoredDocuments(one.folder)} for one in (half, most)]
    assert 15 < len(ids[0]) < 45
    assert ids[0] < ids[1]
    assert counts(half)["document/read"] == 60 == counts(half)["document/cut"] + counts(half)["document/not_sampled"]


def test_a_limit_ends_the_reading(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "a.jsonl", texts(5))
    (tmp_path / "b.jsonl").write_text("not json\n")
    made = build(corpus(source(files=["a.jsonl", "b.jsonl"], max_documents=5)), tmp_path, tmp_path / "work")
    assert counts(made)["document/read"] == 5
    with pytest.raises(SelfspecError, match="not JSON"):
        build(corpus(source(files=["a.jsonl", "b.jsonl"], max_documents=6)), tmp_path, tmp_path / "other")


def test_a_corpus_of_nothing_is_an_error(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "notes.jsonl", ["Short.", "Shorter."])
    with pytest.raises(SelfspecError, match=r"no passage is left of the corpus: .*too_short 2"):
        build(corpus(source()), tmp_path, tmp_path / "work")


def test_lists_of_what_was_dropped_end_somewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (parts, sys.modules["selfspec_assets.packs.corpora.build"]):
        monkeypatch.setattr(module, "LISTED", 3)
    own = texts(2)
    write_jsonl(tmp_path / "notes.jsonl", [*own, *["Short."] * 5, *[own[0]] * 6])
    made = build(corpus(source()), tmp_path, tmp_path / "work")
    assert [row.reason for row in made.dropped] == ["too_short"] * 3 + ["duplicate"] * 3
    assert counts(made)["passage/too_short"] == 5
    assert counts(made)["passage/duplicate"] == 6
