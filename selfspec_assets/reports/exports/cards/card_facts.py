"""What both cards tell, read from the warehouse: licences, yields, scores with their intervals, limits, attribution."""

import importlib.metadata
from collections.abc import Iterator, Sequence
from typing import Any

from selfspec_assets.base.known_models import called
from selfspec_assets.recipe.sections import EMBEDDED
from selfspec_assets.reports.exports.tuned import Tuned
from selfspec_assets.reports.query import in_domain, of_own_models, query_rows
from selfspec_assets.reports.scores import training_yield
from selfspec_assets.reports.scores.p_values import p_in_words
from selfspec_assets.reports.scores.score_table import AVERAGE
from selfspec_assets.steps.adapter_card import text_sources
from selfspec_assets.steps.job import Job
from selfspec_assets.warehouse.parquet import literal

METHOD = "*Self-Specialization* ([arXiv 2310.00160](https://arxiv.org/abs/2310.00160))"
TAGS = ["selfspec", "self-specialization", "synthetic"]
_SHARE_ALIKE = "cc-by-sa-4.0"
_LICENCE_IDS = {"Apache-2.0": "apache-2.0", "Gemma": "gemma", "MIT": "mit"}


def base_licence(tuned: Tuned) -> str | None:
    """The hub's name of the base's licence; None where it is not known here."""
    if tuned.recipe.base_model.model == EMBEDDED:
        return "apache-2.0"
    known = called(tuned.recipe.base_model.model)
    return None if known is None else _LICENCE_IDS.get(known.licence)


def base_name(tuned: Tuned) -> str:
    """What the recipe calls its base; of a hub's model with the commit."""
    spec = tuned.lineage.model_spec
    if tuned.recipe.base_model.is_hub_id or spec.revision is not None:
        return f"{spec.path_or_id} at commit {spec.revision}"
    return tuned.recipe.base_model.model


def hub_base(tuned: Tuned) -> str | None:
    """The base's repository, where it is one of a hub: the only name that a hub's front matter takes."""
    return tuned.lineage.model_spec.path_or_id if tuned.lineage.model_spec.revision is not None else None


def share_alike(tuned: Tuned) -> bool:
    """Whether text that is shared under CC BY-SA may stand in the examples."""
    return any("BY-SA" in line or "wikipedia" in line.lower() for line in sources(tuned))


def data_licence(tuned: Tuned) -> str | None:
    """The hub's name of a licence for the data; None: a person has to say."""
    return _SHARE_ALIKE if share_alike(tuned) else None


def sources(tuned: Tuned) -> list[str]:
    """Lines on the texts that the examples rest on, with their licences."""
    return list(text_sources(tuned.job("adapter")))


def origin(tuned: Tuned) -> Iterator[str]:
    """How it came about, in lines of Markdown."""
    job, recipe = tuned.job("adapter"), tuned.recipe
    yield f"- method: {METHOD}, recipe `{tuned.named.name}`, domain `{tuned.domain}`, iteration {tuned.iteration}"
    licence = base_licence(tuned)
    yield f"- base model: {base_name(tuned)}; licence: {licence or 'as its own card says'}"
    yield f"- base model's SHA-256: {tuned.row.model_digest}"
    yield f"- random seed {recipe.seed}; signature of the adapter {job.signature}"
    yield f"- made with selfspec {importlib.metadata.version('selfspec')}"
    counts: dict[str, int] = {}
    for one in tuned.examples:
        counts[one.source] = counts.get(one.source, 0) + 1
    told = ", ".join(f"{count} {_SOURCES[kind]}" for kind, count in counts.items())
    left = f"; {tuned.row.too_long} more were too long" if tuned.row.too_long else ""
    yield f"- examples: {told}{left}"
    yield f"- filters: {', '.join(filters(job)) or 'none'}"


_SOURCES = {
    "seeds": "worked examples of the pack (seeds)",
    "training_items": "labelled items of benchmarks' training splits",
    "responses": "answers that the model wrote itself",
}


def filters(job: Job) -> list[str]:
    """What rejects tasks and answers before tuning."""
    if job.recipe.is_reference:
        return []
    rouge = job.recipe.loop.instructions.max_rouge_l
    pack = [use.name for use in job.pack.file.filters]
    words = [f"{len(job.pack.file.banned_words)} banned words of the pack"] if job.pack.file.banned_words else []
    fixed = ["Alpaca's form of an instruction", "benchmark items", f"ROUGE-L above {rouge} with an earlier task"]
    return [
        *fixed,
        *words,
        *pack,
        "answers that are empty, truncated or repeat themselves",
        *(use.name for use in job.recipe.steps),
    ]


def yields(tuned: Tuned) -> list[str]:
    """One line per iteration up to this one: asked, kept, why not, trained on."""
    rows = training_yield.load(tuned.job("adapter").warehouse.database, _where(tuned))
    return [f"- {line}" for line in training_yield.lines([row for row in rows if row["iteration"] <= tuned.iteration])]


def average_scores(tuned: Tuned) -> list[dict[str, Any]]:
    """Macro averages of the base's prompts (iteration 0) and of this adapter: value, low, high, n; by k and metric."""
    return query_rows(
        tuned.job("adapter").warehouse.database,
        f"SELECT iteration, variant, shots, metric, value, low, high, n FROM scores WHERE {_where(tuned)} "
        f"AND {of_own_models()} AND benchmark = {literal(AVERAGE)} AND NOT oracle "
        f"AND iteration IN (0, {tuned.iteration}) "
        "ORDER BY shots, metric, iteration, variant",
    )


def score_lines(tuned: Tuned) -> list[str]:
    """The averages and the lift as Markdown tables."""
    rows = average_scores(tuned)
    if not any(row["iteration"] for row in rows):
        return ["Not scored."]
    lines = [
        "| model | prompt | k | metric | score | 95 % interval | items |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        model = f"iteration {row['iteration']}" if row["iteration"] else "base"
        value, interval = f"{row['value']:.1f}", f"{row['low']:.1f} … {row['high']:.1f}"
        lines.append(
            f"| {model} | {row['variant']} | {row['shots']} | {row['metric']} | {value} | {interval} | {row['n']} |"
        )
    lifts = query_rows(
        tuned.job("adapter").warehouse.database,
        f"SELECT * FROM lift WHERE {_where(tuned)} AND benchmark = {literal(AVERAGE)} AND NOT oracle "
        f"AND iteration = {tuned.iteration} ORDER BY shots, metric, base_variant",
    )
    lines += ["", "Lift over the base on the same items, paired bootstrap, 95 %:", ""]
    lines += [
        f"- k={row['shots']}, {row['metric']}, base prompted {row['base_variant']}: {row['lift']:+.1f} "
        f"({row['low']:+.1f} … {row['high']:+.1f}), {p_in_words(row['p_value'])}"
        for row in lifts
    ]
    return lines


def limits(tuned: Tuned) -> Iterator[str]:
    """What a user must not take it for."""
    rows = [row for row in average_scores(tuned) if row["iteration"]]
    items = max((row["n"] for row in rows), default=0)
    kind = tuned.recipe.data
    yield f"- The scores are of {items} items of the {kind} benchmarks of the pack `{tuned.domain}`, one random seed."
    if not tuned.recipe.is_reference:
        yield "- The answers were written by the base model and checked by rules, by nobody who knows the field."
        yield "- What the base model has wrong or unfair, examples and adapter may have as well, and more strongly."
    yield f"- Language: {tuned.job('adapter').pack.file.language}. It is no adviser in matters of health, law or money."


def attribution(tuned: Tuned, titles: Sequence[str]) -> list[str]:
    """Whose text may be repeated in the examples, with the titles of the texts."""
    lines = [line.lstrip() if line.startswith("- ") else line for line in sources(tuned)]
    if not lines:
        return []
    if share_alike(tuned):
        lines += [
            "",
            "Text from Wikipedia is by its contributors, under "
            "[CC BY-SA 4.0](https://creativecommons.org/licenses/by-sa/4.0/); it was cut, and a model wrote on. "
            "Whoever passes it on names them, says what was changed, and passes it on under the same licence.",
        ]
    if titles:
        lines += ["", f"Titles of the {len(titles)} texts: `texts.txt`."]
    return lines


def _where(tuned: Tuned) -> str:
    return in_domain(tuned.named.name, tuned.domain)
