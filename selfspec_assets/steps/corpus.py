"""The step ``corpus``: the unlabelled text that answers are grounded in."""

from collections import Counter
from typing import Any

from selfspec_assets import plugins
from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.base.progress import Progress
from selfspec_assets.base.words import count_words
from selfspec_assets.packs.census import has_corpus, no_corpus
from selfspec_assets.packs.corpora.build import Workplace, build_corpus, present_sources
from selfspec_assets.packs.corpora.contract import PIPELINE
from selfspec_assets.packs.corpora.documents import read_corpus
from selfspec_assets.packs.corpora.overlap import BenchmarkText
from selfspec_assets.packs.corpora.sources import corpus_digests, source_digest
from selfspec_assets.packs.records import without_marks
from selfspec_assets.packs.scored_benchmarks import read_present
from selfspec_assets.recipe.recipe import Recipe
from selfspec_assets.steps.digests import cached_file_digest, guarded_text
from selfspec_assets.steps.job import CORPUS_FOLDER, Job, Tables
from selfspec_assets.steps.lineage import Lineage
from selfspec_assets.steps.step import Check, Outcome, Step, not_empty
from selfspec_assets.warehouse.rows import CorpusCountRow, CorpusDropRow, CorpusRow


@plugins.step("corpus", version="2")
class CorpusStep(Step):
    """Text of the domain → `corpora`, `corpus_counts`, `corpus_dropped`. Section 4.1.

    A pack's own corpus is taken as it is; sources become passages that repeat neither each other nor a benchmark.
    """

    per_iteration = False
    tables = (CorpusRow, CorpusCountRow, CorpusDropRow)
    checks = ("not_empty", "rows_reconcile")
    kinds = frozenset({"parquet", "duckdb"})

    def belongs_to(self, recipe: Recipe) -> bool:
        return not recipe.is_reference

    def files(self, lineage: Lineage, domain: str, iteration: int) -> dict[str, str]:
        pack, kind = lineage.pack(domain), lineage.recipe.data
        corpus = pack.data(kind).corpus
        if corpus.prepared is not None:
            return {"file": cached_file_digest(pack.corpus_path(kind))}
        # Passages that hold text of a benchmark are dropped, so that text counts as well.
        benchmarks = guarded_text(lineage.named, pack)
        return {**corpus_digests(corpus, pack.data_root(kind)), "pipeline": PIPELINE, "benchmarks": benchmarks}

    def obstacle(self, lineage: Lineage, domain: str) -> SelfspecError | None:
        pack, kind = lineage.pack(domain), lineage.recipe.data
        return None if has_corpus(pack, kind) else no_corpus(pack, kind)

    def make(self, job: Job) -> Outcome:
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

    def check(self, job: Job, tables: Tables) -> list[Check]:
        return [not_empty(tables, CorpusRow), rows_reconcile(tables)]

    def headline(self, tables: Tables) -> dict[str, Any]:
        rows: Any = tables[CorpusRow]
        counts: Any = tables[CorpusCountRow]
        absent = [row.source for row in rows if not row.documents and row.digest == "absent"]
        return {
            "documents": sum(row.documents for row in rows),
            "words": sum(row.words for row in rows),
            **({"left out": ", ".join(absent)} if absent else {}),
            **{f"{row.source}/{row.unit}s/{row.outcome}": row.count for row in counts},
        }


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
        {CorpusRow: rows, CorpusCountRow: built.counts, CorpusDropRow: built.dropped}, {CORPUS_FOLDER: built.folder}
    )


def _benchmark_text(job: Job) -> BenchmarkText:
    """Inputs and references of every benchmark whose files are there."""
    present, _ = read_present(job.pack, job.recipe.data, job.recipe.scores.benchmarks)
    return BenchmarkText(
        (f"{name}/{item.item_id}", [without_marks(item.input), *item.references])
        for name, read in present.items()
        for item in read.items
    )


def rows_reconcile(tables: Tables) -> Check:
    """Per source: documents read = cut + dropped, passages made = kept + dropped, kept = rows of the corpus."""
    counts: Any = tables[CorpusCountRow]
    kept: Any = {row.source: row.documents for row in tables[CorpusRow]}  # type: ignore[attr-defined]
    sums: dict[tuple[str, str], Counter[str]] = {}
    for row in counts:
        sums.setdefault((row.source, row.unit), Counter())[row.outcome] += row.count
    wrong = []
    for (source, unit), outcomes in sums.items():
        total = outcomes["read"] if unit == "document" else outcomes["made"]
        parts = outcomes.total() - total
        if total != parts or (unit == "passage" and outcomes["kept"] != kept[source]):
            wrong.append(f"{source}: {total} {unit}s are not {parts}, or kept is not {kept[source]}")
    return Check("rows_reconcile", not wrong, "; ".join(wrong) or f"{len(sums)} sums of documents and passages")
