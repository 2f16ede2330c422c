"""What a result rests on: base model, corpus, seeds and benchmarks with their licences, versions and digests."""

from pathlib import Path

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.base.known_models import called
from selfspec_assets.packs.pack import load_pack
from selfspec_assets.recipe.recipe import NamedRecipe
from selfspec_assets.recipe.sections import EMBEDDED
from selfspec_assets.reports.html_report.table import NONE, Table, count
from selfspec_assets.reports.query import in_domain, query_rows
from selfspec_assets.steps.lineage import Lineage
from selfspec_assets.warehouse.parquet import literal

UNSTATED = "not stated"
_SOURCES = 6  # of seeds, by name


def licences(database: Path, named: NamedRecipe, domain: str) -> Table:
    """Base, corpus, seeds and benchmarks of a domain: how much of each there is, and under which licence."""
    where = in_domain(named.name, domain)
    model = named.recipe.base_model.model
    known, is_embedded = called(model), model == EMBEDDED
    licence = known.licence if known else "Apache-2.0 (part of selfspec)" if is_embedded else UNSTATED
    rows = [["base model", model, "", licence]]
    for further in named.recipe.scores.further_models:
        other = called(further.model)
        rows.append(["further model", further.name, further.model, other.licence if other else UNSTATED])
    declared, notes = _corpus_licences(named, domain)
    for row in query_rows(database, f"SELECT source, documents FROM corpora WHERE {where} ORDER BY ALL"):
        licence = declared.get(row["source"]) or UNSTATED
        rows.append(["corpus", row["source"], f"{count(row['documents'])} passages", licence])
    rows += _seeds(database, where)
    listed = f"SELECT benchmark, present, items, licence FROM benchmarks WHERE {where} ORDER BY ALL"
    for row in query_rows(database, listed):
        there = f"{count(row['items'])} items" if row["present"] else "file absent"
        rows.append(["benchmark", row["benchmark"], there, row["licence"] or UNSTATED])
    if known and known.terms:
        notes.append(f"{known.name}: under the {known.terms.title} ({known.terms.address}).")
    notes.append("Of seeds the column says who wrote them, and what they rest on.")
    head = ["", "name", "amount", "licence or source"]
    return Table("What it rests on", head, rows, texts=4, notes=notes)


def _corpus_licences(named: NamedRecipe, domain: str) -> tuple[dict[str, str], list[str]]:
    try:
        sources = load_pack(domain, code=False).data(named.recipe.data).corpus.sources
    except SelfspecError as error:
        return {}, [f"The pack could not be read for its licences: {error.place}: {error.reason}"]
    return {source.name: source.licence for source in sources}, []


def _seeds(database: Path, where: str) -> list[list[str]]:
    found = query_rows(
        database, f"SELECT source, count(*) AS n FROM seeds WHERE {where} GROUP BY ALL ORDER BY n DESC, source"
    )
    rows = [["seeds", "", f"{row['n']} examples", row["source"] or UNSTATED] for row in found[:_SOURCES]]
    if rest := found[_SOURCES:]:
        examples = sum(row["n"] for row in rest)
        rows.append(["seeds", "", f"{examples} examples", f"{len(rest)} more sources (table seeds, column source)"])
    return rows


def versions(database: Path, named: NamedRecipe, domains: list[str]) -> Table | None:
    """The versions that steps were made with, and when; None where no step was."""
    listed = ", ".join(map(literal, domains))
    rows = query_rows(
        database,
        f"""SELECT selfspec_version, torch_version, transformers_version, peft_version, device,
                   min(started_at) AS first, max(started_at) AS last, count(*) AS steps
            FROM runs WHERE recipe = {literal(named.name)} AND domain IN ({listed}) GROUP BY ALL ORDER BY first""",
    )
    keys = ("selfspec_version", "torch_version", "transformers_version", "peft_version", "device", "first", "last")
    lines = [[*(row[key] or NONE for key in keys), str(row["steps"])] for row in rows]
    head = ["selfspec", "torch", "transformers", "peft", "device", "first step began", "last step began", "steps"]
    return Table("Versions", head, lines, texts=7) if lines else None


def digests(database: Path, named: NamedRecipe, domain: str) -> Table | None:
    """Each step's revision by its signature, and the adapters' digests; None where nothing was made."""
    where = in_domain(named.name, domain)
    order = [step.name for step in Lineage(named).flow]
    made = query_rows(database, f"SELECT step, iteration, signature FROM revisions WHERE {where} ORDER BY ALL")
    made.sort(key=lambda row: (row["iteration"], order.index(row["step"]) if row["step"] in order else len(order)))
    rows = [[row["step"], str(row["iteration"] or NONE), row["signature"]] for row in made]
    for row in query_rows(
        database, f"SELECT iteration, adapter_digest, model_digest FROM adapters WHERE {where} ORDER BY iteration"
    ):
        rows.append(["adapter (SHA-256 of its files)", str(row["iteration"]), row["adapter_digest"]])
        if row["iteration"] == 1:
            rows.append(["base model (SHA-256, precision)", NONE, row["model_digest"]])
    head = ["revision of a step", "iteration", "signature"]
    return Table("Digests", head, rows, texts=3) if rows else None
