"""The asset `corpus` of a pack with sources: made, checked, resumed, asked in SQL; and a prepared one as it was."""

import json
import random
import re
from pathlib import Path
from typing import Any

import duckdb
import pytest
from huggingface_hub import constants
from typer.testing import CliRunner

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.base.signature import file_digest
from selfspec_assets.cli.app import app
from selfspec_assets.orchestration.runner import run_recipe
from selfspec_assets.packs.corpora import parts
from selfspec_assets.packs.corpora.stored import StoredDocuments
from selfspec_assets.packs.readers import hub
from selfspec_assets.recipe.recipe import load_recipe
from selfspec_assets.steps.corpus import rows_reconcile
from selfspec_assets.steps.index import IndexStep
from selfspec_assets.steps.job import Job
from selfspec_assets.steps.lineage import Lineage
from selfspec_assets.steps.passages import Passages
from selfspec_assets.warehouse import StepKey
from selfspec_assets.warehouse.rows import CorpusCountRow, CorpusDropRow, CorpusRow, InstructionRow
from tests.conftest import Project, corpus_rows, item_rows, seed_rows, write_lines
from tests.corpus_files import source, texts

RUN = CliRunner()
QUESTION = "On which side of the old stone wall does the fern of the third garden grow best in spring?"


def with_sources(project: Project, *sources: dict[str, Any]) -> None:
    """Notes with a question of the benchmark and a repetition in them, and a source that is not there."""
    own = [row["text"] for row in corpus_rows()][:10] + texts(20)
    rows = [{"id": f"n{n}", "title": "", "text": one} for n, one in enumerate([*own, own[12], f"{QUESTION} North."])]
    write_lines(project.folder / "data" / "notes.jsonl", rows)
    items = item_rows()
    items[3]["input"] = QUESTION
    write_lines(project.folder / "data" / "colours.jsonl", items)
    absent = source(name="library", files=["library/*.jsonl"], obtain="ask the library", licence="CC0")
    project.pack["published"]["corpus"] = {"sources": list(sources) or [source(), absent]}
    project.save()


def job(step: str = "corpus", iteration: int = 0) -> Job:
    return Job(Lineage(load_recipe("tiny")), step, "botany", iteration, lambda line: None)


def corpus_alone(project: Project) -> list[str]:
    """`selfspec run` without what needs the model."""
    import dagster as dg

    from selfspec_assets.orchestration import materialise
    from selfspec_assets.orchestration.builder import asset_of

    lines: list[str] = []
    with pytest.MonkeyPatch.context() as patch, dg.DagsterInstance.ephemeral() as instance:
        patch.setattr(materialise, "terminal", lines.append)
        lineage = Lineage(load_recipe("tiny"))
        built = asset_of(lineage, lineage.step("corpus"))
        done = dg.materialize([built], instance=instance, partition_key="botany", raise_on_error=False)
        if not done.success:
            failed = done.get_step_failure_events()[0].step_failure_data.error
            raise SelfspecError("corpus", str(failed), "see above")
        (event,) = done.asset_materializations_for_node(built.op.name)
        lines += [f"{key}={value.value}" for key, value in event.metadata.items()]
        lines += [f"check {one.check_name} {one.passed}" for one in done.get_asset_check_evaluations()]
    return lines


def ask(project: Project, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(project.database), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def test_sources_become_passages_and_tables(project: Project) -> None:
    with_sources(project)
    lines = corpus_alone(project)
    assert any("LEFT OUT library: no file library/*.jsonl. ask the library (licence: CC0)" in line for line in lines)
    assert any("9 of 10 benchmark items have no text of 13 words" in line for line in lines)
    assert "check rows_reconcile True" in lines
    assert "check not_empty True" in lines
    assert "notes/passages/contaminated=1" in lines
    assert "left out=library" in lines
    assert ask(project, "SELECT source, documents, digest = 'absent' FROM corpora ORDER BY 1") == [
        ("library", 0, True),
        ("notes", 30, False),
    ]
    dropped = "SELECT reason, source, file, position, document_id, match FROM corpus_dropped ORDER BY reason"
    assert ask(project, dropped) == [
        ("contaminated", "notes", "notes.jsonl", 32, "n31", "colours/q3"),
        ("duplicate", "notes", "notes.jsonl", 31, "n30", "notes:n12"),
    ]
    balance = "SELECT sum(count) FILTER (outcome = 'made') = sum(count) FILTER (outcome <> 'made') FROM corpus_counts"
    assert ask(project, f"{balance} WHERE unit = 'passage'") == [(True,)]
    assert "reused=True" in corpus_alone(project)


def test_passages_come_from_the_stored_corpus(project: Project) -> None:
    with_sources(project)
    corpus_alone(project)
    asked = job("passages", 1)
    assert isinstance(asked.documents, StoredDocuments)
    wanted = asked.documents[25]
    made = InstructionRow(
        instruction_id=0,
        request=0,
        position=0,
        instruction="Find this:",
        input=wanted.text,
        kept=True,
        reason=None,
        nearest=None,
        nearest_rouge_l=None,
        seed_ids=[],
        made_in_iteration=1,
    )
    instructions = asked.lineage.signature("instructions", "botany", 1)
    asked.warehouse.commit(StepKey("tiny", "instructions", "botany", 1), instructions, {InstructionRow: [made]})
    made_index = IndexStep().make(job("index"))
    index = job("index")
    index.warehouse.commit(index.key, index.signature, made_index.tables, made_index.folders)
    outcome = Passages().make(asked)
    rows: Any = next(found for row_type, found in outcome.tables.items() if row_type.table == "passages")
    assert (rows[0].document_id, rows[0].text) == (wanted.id, wanted.text)


def test_a_flipped_bit_in_the_stored_corpus_is_noticed(project: Project) -> None:
    with_sources(project)
    corpus_alone(project)
    asked = job("passages", 1)
    (stored,) = (asked.folder("corpus", "documents")).glob("*.parquet")
    data = bytearray(stored.read_bytes())
    data[100] ^= 1
    stored.write_bytes(data)
    with pytest.raises(SelfspecError, match=rf"{stored.name}: was changed") as caught:
        len(asked.documents)
    assert str(stored.parent.parent) in caught.value.remedy


def test_a_kill_costs_one_block(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    with_sources(project)
    monkeypatch.setattr(parts, "_BLOCK_PASSAGES", 5)
    add = parts._Making.add
    seen: list[str] = []

    def failing(self: Any, record: Any) -> None:
        if record.id == "n17" and "n17" not in seen:
            seen.append("n17")
            raise RuntimeError("the machine died")
        seen.append(record.id)
        add(self, record)

    monkeypatch.setattr(parts._Making, "add", failing)
    with pytest.raises(SelfspecError, match="the machine died"):
        corpus_alone(project)
    assert not project.database.exists() or ask(project, "SELECT * FROM corpora") == []
    first = seen.index("n17") + 1
    corpus_alone(project)
    assert seen[first] == "n15", "five documents to a block: three of them are safe"
    assert ask(project, "SELECT documents FROM corpora WHERE source = 'notes'") == [(30,)]


def test_no_source_at_all_is_an_error_with_what_to_do(project: Project) -> None:
    with_sources(project, source(files=["library/*"], obtain="ask the library", licence="CC0"))
    with pytest.raises(SelfspecError, match="none of the corpus's sources is present") as caught:
        corpus_alone(project)
    assert "ask the library (licence: CC0)" in str(caught.value)
    done = RUN.invoke(app, ["check", "tiny"])
    assert done.exit_code == 1
    assert "none of the corpus's sources is present" in done.stderr


def test_a_bad_line_stops_the_step_and_nothing_is_stored(project: Project) -> None:
    with_sources(project)
    path = project.folder / "data" / "notes.jsonl"
    path.write_bytes(path.read_bytes() + b'{"id": "x", "text": "\xff"}\n')
    with pytest.raises(SelfspecError, match=r"notes\.jsonl:33: not UTF-8"):
        corpus_alone(project)
    assert not list((project.folder / "warehouse" / "revisions").glob("[0-9a-f]*"))


def test_files_from_a_hub(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(hub, "_refused", {})
    commit = "0123456789abcdef0123456789abcdef01234567"
    address = f"hf://datasets/garden/notes@{commit}/data/train.parquet"
    with_sources(project, source(format="parquet", files=[address]))
    before = job().signature
    with pytest.raises(SelfspecError, match="the hub did not give this file") as caught:
        corpus_alone(project)
    assert f"hf download garden/notes data/train.parquet --repo-type dataset --revision {commit}" in str(caught.value)
    cached = tmp_path / "hub" / "datasets--garden--notes" / "snapshots" / commit / "data" / "train.parquet"
    cached.parent.mkdir(parents=True)
    rows = [{"id": n, "title": None, "text": one} for n, one in enumerate(texts(12))]
    pq.write_table(pa.Table.from_pylist(rows, pa.schema({"id": "int64", "title": "string", "text": "string"})), cached)
    assert "notes/passages/kept=12" in corpus_alone(project)
    assert job().signature == before, "a pinned file is the same before and after it is fetched"


def test_the_signature_follows_what_counts(project: Project) -> None:
    with_sources(project)
    found = [job().signature]

    def changed() -> bool:
        found.append(job().signature)
        return found[-1] != found[-2]

    declared = project.pack["published"]["corpus"]
    declared["sources"][1]["obtain"] = "somewhere else"
    project.save()
    assert not changed()
    declared["chunks"] = {"max_words": 100}
    project.save()
    assert changed()
    write_lines(project.folder / "data" / "library" / "a.jsonl", [{"id": "l", "title": "", "text": texts(1)[0]}])
    assert changed(), "an absent source was added"
    write_lines(project.folder / "data" / "colours.jsonl", item_rows())
    assert changed(), "what must not be in passages changed"


def test_a_published_path_is_a_source_like_any_other(project: Project) -> None:
    """Never held as a list; no passage repeats another or a benchmark; what goes is counted."""
    rows = corpus_rows()
    rows += [
        {**rows[0], "id": "again"},
        {"id": "asked", "text": f"{QUESTION} North."},
        {"id": "new", "text": texts(1)[0]},
    ]
    write_lines(project.folder / "data" / "corpus.jsonl", rows)
    marked = QUESTION.replace("stone", "[1]stone[/1]").replace("fern", "[2]fern[/2]")  # as the reader of DDI does
    write_lines(
        project.folder / "data" / "colours.jsonl", [*item_rows(), {"id": "q", "input": marked, "references": ["N"]}]
    )
    corpus_alone(project)
    documents = job("passages", 1).documents
    assert isinstance(documents, StoredDocuments)
    kept = [row["id"] for row in corpus_rows()] + ["new"]
    assert [document.id for document in documents] == [f"corpus:{name}" for name in kept]
    dropped = ask(project, "SELECT reason, document_id, match FROM corpus_dropped ORDER BY reason")
    assert dropped == [("contaminated", "asked", "colours/q"), ("duplicate", "again", "corpus:d0")]
    assert ask(project, "SELECT source, documents FROM corpora") == [("corpus", 41)]


def test_a_published_path_that_is_absent_is_said_by_check_and_plan(project: Project) -> None:
    (project.folder / "data" / "corpus.jsonl").unlink()
    done = RUN.invoke(app, ["check", "--domain", "botany"])
    assert "corpus corpus: ABSENT, no file corpus.jsonl. add corpus.jsonl" in " ".join(done.stdout.split())
    planned = RUN.invoke(app, ["plan", "tiny"])
    assert "none of the corpus's sources is present" in " ".join(planned.output.split())


def test_check_finds_an_id_that_comes_twice(project: Project) -> None:
    with_sources(project, source(files=["*/notes.jsonl"]))
    row = {"id": "same", "title": "", "text": "Some words."}
    for folder in ("a", "b"):
        write_lines(project.folder / "data" / folder / "notes.jsonl", [{**row, "id": folder}, row])
    done = RUN.invoke(app, ["check", "tiny"])
    assert done.exit_code == 1
    assert "b/notes.jsonl:2" in done.stderr
    assert f"id 'same' was used at {project.folder}/data/a/notes.jsonl:2 already" in " ".join(done.stderr.split())


def bundle(project: Project) -> Path:
    """The project's data as bundled ones; the corpus's file."""
    folder = project.folder / "domains" / "botany"
    write_lines(folder / "corpus.jsonl", corpus_rows())
    write_lines(folder / "colours.jsonl", item_rows())
    write_lines(folder / "seeds.jsonl", seed_rows())
    project.pack["bundled"] = {**project.pack.pop("published"), "seeds": "seeds.jsonl"}
    project.recipe.update(data="bundled", base_model={"model": "embedded"})
    project.save()
    return folder / "corpus.jsonl"


def test_a_prepared_corpus_is_what_it_was(project: Project) -> None:
    path = bundle(project)
    assert Lineage(load_recipe("tiny")).signed("corpus", "botany", 0) == json.dumps(
        {"code_version": "2", "inputs": {"file": file_digest(path)}, "settings": {}, "step": "corpus"},
        separators=(",", ":"),
    )
    corpus_alone(project)
    words = sum(len(row["text"].split()) for row in corpus_rows())
    assert ask(project, "SELECT source, documents, words FROM corpora") == [("corpus.jsonl", 40, words)]
    assert ask(project, "SELECT * FROM corpus_counts") == ask(project, "SELECT * FROM corpus_dropped") == []
    assert [document.id for document in job("passages", 1).documents] == [row["id"] for row in corpus_rows()]


def test_a_revision_of_before_these_tables_is_reused(project: Project) -> None:
    bundle(project)
    made = job()
    rows = [CorpusRow("corpus.jsonl", 40, 520, "0" * 64)]
    made.warehouse.commit(StepKey("tiny", "corpus", "botany", 0), made.signature, {CorpusRow: rows})
    assert "reused=True" in corpus_alone(project)


@pytest.mark.parametrize(
    ("counts", "sound"),
    [
        ([("document", "read", 5), ("document", "cut", 4), ("document", "no_text", 1)], True),
        ([("document", "read", 5), ("document", "cut", 4)], False),
        ([("passage", "made", 9), ("passage", "kept", 7), ("passage", "duplicate", 2)], True),
        ([("passage", "made", 9), ("passage", "kept", 7), ("passage", "duplicate", 1)], False),
        ([("passage", "made", 9), ("passage", "kept", 6), ("passage", "duplicate", 3)], False),
    ],
)
def test_a_row_that_is_missing_fails_the_check(counts: list[tuple[str, str, int]], sound: bool) -> None:
    rows = [CorpusCountRow("notes", *one) for one in counts]
    found = rows_reconcile({CorpusRow: [CorpusRow("notes", 7, 1, "x")], CorpusCountRow: rows, CorpusDropRow: []})
    assert found.passed is sound, found.detail


def test_check_counts_sources(project: Project) -> None:
    with_sources(project)
    done = RUN.invoke(app, ["check", "--domain", "all"])
    assert done.exit_code == 0, done.stderr
    text = " ".join(done.stdout.split())
    rows = [json.loads(line) for line in (project.folder / "data" / "notes.jsonl").read_text().splitlines()]
    assert f"corpus notes: 32 documents, {sum(len(row['text'].split()) for row in rows)} words" in text
    assert re.search(r"corpus notes: [^;]*?, about \d+ tokens of the embedded model", text)
    assert "corpus library: ABSENT, no file library/*.jsonl. ask the library (licence: CC0)" in text
    assert "corpus pubmed: ABSENT" in text
    assert "corpus edgar: ABSENT" in text
    assert "corpus wikipedia: ABSENT" in text


def test_check_estimates_what_is_large(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    from selfspec_assets.packs import census

    monkeypatch.setattr(census, "_QUICK", 1)
    monkeypatch.setattr(census, "_SAMPLE", 500)
    rng = random.Random(0)
    rows = [
        {"id": str(n), "title": "", "text": " ".join(f"{rng.random():.9f}" for _ in range(50))} for n in range(4000)
    ]
    with_sources(project, source(files=["big/*.jsonl"]))
    for number in range(2):
        write_lines(project.folder / "data" / "big" / f"{number}.jsonl", rows)
    done = RUN.invoke(app, ["check", "tiny"])
    line = next(line for line in done.stdout.splitlines() if "corpus notes: about" in line)
    documents, words = (int(part.split()[-2]) for part in line.partition("about ")[2].split(",")[:2])
    assert documents == pytest.approx(8000, rel=0.1), line
    assert words == pytest.approx(400_000, rel=0.1)
    tokens = int(line.partition(" words, about ")[2].split()[0])
    assert tokens > 2 * words, "nine digits are no word of the tokenizer"
    assert "in 2 files of" in line


@pytest.mark.slow
def test_the_whole_loop_runs_on_sources(project: Project) -> None:
    with_sources(project)
    run_recipe(load_recipe("tiny"), ["botany"], 1, lambda line: None)
    ids = {row[0] for row in ask(project, "SELECT document_id FROM passages")}
    assert ids
    assert all(one.startswith("notes:") for one in ids)
