"""The asset ``corpus``: the unlabelled text that answers are grounded in."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import dagster as dg

from selfspec_assets.assets.step import Check, Job, Outcome, Result, Tables, not_empty, run_step, specs
from selfspec_assets.corpora.build import Workplace, build_corpus, present_sources
from selfspec_assets.corpora.census import no_corpus
from selfspec_assets.corpora.overlap import BenchmarkText
from selfspec_assets.corpora.sources import source_digest
from selfspec_assets.corpora.stored import StoredDocuments
from selfspec_assets.lineage import STEPS, cached_file_digest
from selfspec_assets.partitions import domains
from selfspec_assets.progress import Progress
from selfspec_assets.recipe import NamedRecipe
from selfspec_assets.records import without_marks
from selfspec_assets.retrieval import Document, read_corpus
from selfspec_assets.rows import CorpusCountRow, CorpusDropRow, CorpusRow
from selfspec_assets.scored_benchmarks import read_present
from selfspec_assets.words import count_words

_FOLDER = "documents"


def corpus(named: NamedRecipe) -> dg.AssetsDefinition:
    """Build the asset of one recipe."""

    @dg.asset(
        name="corpus",
        key_prefix=named.key,
        group_name=named.key,
        partitions_def=domains(named),
        code_version=STEPS["corpus"].code_version,
        check_specs=specs(named, "corpus", "not_empty", "rows_reconcile"),
        kinds={"parquet", "duckdb"},
    )
    def corpus(context: dg.AssetExecutionContext) -> Result:
        """Text of the domain → `corpora`, `corpus_counts`, `corpus_dropped`. Section 4.1.

        A pack's own corpus is taken as it is; sources become passages that repeat neither each other nor a benchmark.
        """
        yield from run_step(context, named, "corpus", make_corpus, check_corpus, headline)

    return corpus


def make_corpus(job: Job) -> Outcome:
    if job.pack.data(job.recipe.data).corpus.prepared is None:
        return _from_sources(job)
    path = job.pack.corpus_path(job.recipe.data)
    documents = words = 0
    progress = Progress(f"{job.name}: bytes", path.stat().st_size, job.report)
    for document in read_corpus(path):
        documents += 1
        words += count_words(document.text)
    progress.to(path.stat().st_size)
    source = job.pack.data(job.recipe.data).corpus.prepared or ""
    row = CorpusRow(source, documents, words, cached_file_digest(path))
    return Outcome({CorpusRow: [row], CorpusCountRow: [], CorpusDropRow: []})


def _from_sources(job: Job) -> Outcome:
    kind = job.recipe.data
    declared = job.pack.data(kind).corpus
    present, absent = present_sources(declared, job.pack.data_root(kind))
    for source, why in absent:
        job.report(f"{job.name}: LEFT OUT {source.name}: {why}")
    if not present:
        raise no_corpus(job.pack, kind)
    benchmarks = _benchmark_text(job)
    if benchmarks.too_short:
        items = f"{len(benchmarks.too_short)} of {len(benchmarks.too_short) + len(benchmarks)} benchmark items"
        job.report(f"{job.name}: {items} have no text of 13 words and cannot be looked for in passages")
    work = Workplace(
        job.warehouse.work_folder(job.signature), job.warehouse.chunks(job.signature), job.report, job.name
    )
    built = build_corpus(declared, present, benchmarks, work)
    files = {source.name: files for source, files in present}
    rows = [
        CorpusRow(
            source.name,
            built.passages[source.name],
            built.words[source.name],
            source_digest(files.get(source.name, [])),
        )
        for source in declared.sources
    ]
    return Outcome(
        {CorpusRow: rows, CorpusCountRow: built.counts, CorpusDropRow: built.dropped}, {_FOLDER: built.folder}
    )


def _benchmark_text(job: Job) -> BenchmarkText:
    """Inputs and references of every benchmark whose files are there."""
    present, _ = read_present(job.pack, job.recipe.data, job.recipe.scores.benchmarks)
    return BenchmarkText(
        (f"{name}/{item.item_id}", [without_marks(item.input), *item.references])
        for name, read in present.items()
        for item in read.items
    )


def documents_of(job: Job) -> Sequence[Document]:
    """The corpus that the job's recipe retrieves from; passages made of sources stay on the disk.

    A prepared one came with its pack and is small: it is held in memory.
    """
    if job.pack.data(job.recipe.data).corpus.prepared is None:
        return StoredDocuments(job.folder("corpus", _FOLDER))
    return list(read_corpus(job.pack.corpus_path(job.recipe.data)))


def check_corpus(job: Job, tables: Tables) -> list[Check]:
    return [not_empty(tables, CorpusRow), rows_reconcile(tables)]


def rows_reconcile(tables: Tables) -> Check:
    """Per source: documents read = cut + dropped, passages made = kept + dropped, kept = rows of the corpus."""
    counts: Any = tables[CorpusCountRow]
    kept: Any = {row.source: row.documents for row in tables[CorpusRow]}  # type: ignore[attr-defined]
    found: dict[tuple[str, str], Counter[str]] = {}
    for row in counts:
        found.setdefault((row.source, row.unit), Counter())[row.outcome] += row.count
    wrong = []
    for (source, unit), outcomes in found.items():
        total = outcomes["read"] if unit == "document" else outcomes["made"]
        parts = outcomes.total() - total
        if total != parts or (unit == "passage" and outcomes["kept"] != kept[source]):
            wrong.append(f"{source}: {total} {unit}s are not {parts}, or kept is not {kept[source]}")
    return Check("rows_reconcile", not wrong, "; ".join(wrong) or f"{len(found)} sums of documents and passages")


def headline(tables: Tables) -> dict[str, Any]:
    rows: Any = tables[CorpusRow]
    counts: Any = tables[CorpusCountRow]
    absent = [row.source for row in rows if not row.documents and row.digest == "absent"]
    return {
        "documents": sum(row.documents for row in rows),
        "words": sum(row.words for row in rows),
        **({"left out": ", ".join(absent)} if absent else {}),
        **{f"{row.source}/{row.unit}s/{row.outcome}": row.count for row in counts},
    }
