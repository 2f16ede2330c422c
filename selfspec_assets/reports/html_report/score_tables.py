"""The paper's Tables 1 and 2 of one domain, and the paired tests: the numbers that ``selfspec scores`` prints."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.recipe.recipe import NamedRecipe, load_recipe, recipe_names
from selfspec_assets.reports.html_report.table import NONE, Table, count, interval, number, signed
from selfspec_assets.reports.query import query_rows
from selfspec_assets.reports.scores import ablation_table, easiest, score_notes, score_table
from selfspec_assets.reports.scores.p_values import p_in_words, p_value
from selfspec_assets.reports.scores.score_table import METRICS, Model, Report
from selfspec_assets.warehouse.parquet import literal

_MORE_RECIPES = 30


def score_tables(database: Path, report: Report) -> list[Table]:
    """All tables of scores, in reading order."""
    shots = score_table.shots(report)
    return [
        _averages(report),
        *(_by_benchmark(report, k) for k in shots),
        *(_other_metrics(report, k) for k in shots if score_table.extra_metrics(report)),
        _lift(report),
        *([_over_further(report)] if report.further_lift else []),
        *_beside_others(database, report),
    ]


def in_short(report: Report) -> Iterator[str]:
    """What the last adapter was tuned on; for each k a sentence: the last iteration against the best base prompt."""
    if report.adapters:
        yield _tuned_on(report)
    macro = [row for row in report.lift if row["metric"] == "f1" and not row["oracle"]]
    for k in score_table.shots(report):
        rows = [row for row in macro if row["k"] == k]
        if not rows:
            continue
        row = max(rows, key=lambda row: int(row["iteration"]))
        adapter = score_table.adapter_title(report.named.recipe, row["iteration"])
        yield (
            f"k={k}: {adapter} has a macro-averaged F1 of {row['adapter']:.1f} where the base with its best prompt "
            f"({row['base_variant']}) has {row['base']:.1f}: {signed(row['lift'])} "
            f"{interval(row['low'], row['high'], plus=True)}, {p_in_words(row['p_value'])}, over {row['n']} items."
        )


def _tuned_on(report: Report) -> str:
    """How many of the last adapter's examples people wrote, and how many the model did."""
    recipe, adapter = report.named.recipe, report.adapters[-1]
    title, total = score_table.adapter_title(recipe, adapter["iteration"]), count(adapter["examples"])
    sources = {row["source"]: row["n"] for row in report.examples if row["iteration"] == adapter["iteration"]}
    if not sources:
        return (
            f"What {title} was tuned on, {total} examples, was made anew since: how many were seeds cannot be told any "
            "more."
        )
    seeds = "hand-written seeds" if recipe.seeds.sample_train is None else "seeds of training splits"
    names = {"training_items": "labelled items of training splits", "seeds": seeds, "responses": "generated answers"}
    always = ("seeds", "responses")  # that there are none is worth a word
    told = [
        f"{count(sources.get(source, 0))} {name}"
        for source, name in names.items()
        if source in sources or source in always
    ]
    return f"{title} was tuned on {total} examples: {', '.join(told[:-1])} and {told[-1]}."


def _averages(report: Report) -> Table:
    """Table 2's form: the base's prompts and the iterations by metric and k, with intervals."""
    shots = score_table.shots(report)
    head = ["", *(f"{metric.title}, k={k}" for metric in METRICS for k in shots), "items per k"]
    rows = []
    for model in score_table.models(report):
        cells = [
            score_table.average_over(report, model, metric.name, k, score_table.shared_benchmarks(report, k))
            for metric in METRICS
            for k in shots
        ]
        items = "–".join(str(n) for n in sorted({cell.n for cell in cells if cell})) or "0"
        values = [NONE if cell is None else f"{cell.value:.1f} {interval(cell.low, cell.high)}" for cell in cells]
        rows.append([score_table.title(report, model), *values, items])
    for further in report.further:
        cells = [score_table.further_average(report, further, metric.name, k) for metric in METRICS for k in shots]
        rows.append(
            [further.title, *(NONE if c is None else f"{c.value:.1f} {interval(c.low, c.high)}" for c in cells)]
        )
        rows[-1].append("–".join(str(n) for n in sorted({cell.n for cell in cells if cell})) or "0")
    numbers = sorted({len(score_table.shared_benchmarks(report, k)) for k in shots})
    about = "–".join(map(str, numbers))
    notes = ["In brackets: 95 % bootstrap interval over items.", *score_notes.shortfalls(report)]
    notes += score_notes.further_shortfalls(report)
    if any(model.oracle for model in score_table.models(report)):
        notes.append("* An oracle: the base's output cut at its first line, a stopping rule that no user of it has.")
    return Table(f"Macro averages over {about} benchmarks, 0–100", head, rows, notes=notes)


def _by_benchmark(report: Report, k: int) -> Table:
    """Table 1's form at one k: the base with its best prompt, then each iteration, by benchmark."""
    shared = score_table.shared_benchmarks(report, k)
    base = easiest.best_base(report, k, "f1", oracle=False, names=shared)
    adapters = [model for model in score_table.models(report) if model.iteration]
    shown = [*([base] if base else []), *adapters]
    has_majority = any(row["metric"] == "f1" for row in report.baselines)
    head = ["benchmark", "task", *(score_table.title(report, model) for model in shown)]
    head += ["lift of the last", "95 % interval", "p", "items", *(["always the commonest"] if has_majority else [])]
    rows = []
    for name in score_table.benchmarks(report):
        cells = [score_table.cell(report, model, "f1", k, name) for model in shown]
        lift = _last(report.lift_by_benchmark, k, "f1", benchmark=name)
        majority = score_table.baseline(report, name, "f1")
        items = "–".join(str(n) for n in sorted({cell["n"] for cell in cells if cell})) or "0"
        values = [number(cell["value"] if cell else None) for cell in cells]
        rows.append([name, report.tasks.get(name, "").replace("_", " "), *values, *_tested(lift), items])
        if has_majority:
            rows[-1].append(number(majority["value"] if majority else None))
    ends = [""] if has_majority else []
    for metric in METRICS:
        averages = [score_table.average_over(report, model, metric.name, k, shared) for model in shown]
        lift = _last(report.lift, k, metric.name, oracle=False)
        values = [number(average.value if average else None) for average in averages]
        items = "–".join(str(n) for n in sorted({average.n for average in averages if average})) or "0"
        rows.append([f"average {metric.title}", "", *values, *_tested(lift), items, *ends])
    return Table(f"F1 by benchmark, k={k}", head, rows, texts=2, feet=len(METRICS))


def _last(rows: Sequence[dict[str, Any]], k: int, metric: str, **where: object) -> dict[str, Any] | None:
    """The last iteration's row of a lift."""
    found = [
        row
        for row in rows
        if row["k"] == k and row["metric"] == metric and all(row[key] == value for key, value in where.items())
    ]
    return max(found, key=lambda row: int(row["iteration"]), default=None)


def _tested(lift: dict[str, Any] | None) -> list[str]:
    if lift is None:
        return [NONE, NONE, NONE]
    return [signed(lift["lift"]), interval(lift["low"], lift["high"], plus=True), p_value(lift["p_value"])]


def _other_metrics(report: Report, k: int) -> Table:
    """What the pack declares beside F1 and ROUGE-L."""
    base = easiest.best_base(report, k, "f1", oracle=False, names=score_table.shared_benchmarks(report, k))
    shown = [*([base] if base else []), *(model for model in score_table.models(report) if model.iteration)]
    rows = []
    for name, metric in score_table.extra_metrics(report):
        cells = [score_table.cell(report, model, metric, k, name) for model in shown]
        majority = score_table.baseline(report, name, metric)
        values = [number(cell["value"] if cell else None) for cell in (*cells, majority)]
        rows.append([name, metric.replace("_", " "), *values])
    head = ["benchmark", "metric", *(score_table.title(report, model) for model in shown), "always the commonest"]
    return Table(f"The pack's other metrics, k={k}", head, rows, texts=2)


def _lift(report: Report) -> Table:
    """The paired tests: each iteration over the best base prompt, with and without the two easiest benchmarks."""
    rows = []
    for mark, lifts in (("", report.lift), ("†", easiest.lift_without(report))):
        for row in lifts:
            adapter = score_table.adapter_title(report.named.recipe, row["iteration"]) + mark
            over = f"base, {row['base_variant']}{'*' if row['oracle'] else ''}"
            title = next(metric.title for metric in METRICS if metric.name == row["metric"])
            values = [number(row["base"]), number(row["adapter"]), *_tested(row), str(row["n"])]
            rows.append([adapter, over, title, f"k={row['k']}", *values])
    named = {k: easiest.easiest(report, k) for k in score_table.shots(report)}
    left_out = "; ".join(f"k={k}: {', '.join(names)}" for k, names in named.items() if names)
    notes = ["Paired bootstrap interval, and sign-flip test over the items that both answered."]
    if left_out:
        last = score_table.title(report, score_table.models(report)[-1])
        notes.append(
            f"† Without the two benchmarks at which {last} gained most F1 over the best base prompt: {left_out}."
        )
    head = ["", "over", "metric", "k", "base", "adapter", "lift", "95 % interval", "p", "items"]
    return Table("Lift over the base, macro averages", head, rows, texts=4, notes=notes)


def _over_further(report: Report) -> Table:
    """Figs. 2 and 4: the best base prompt and the iterations over each further model."""
    titles = {metric.name: metric.title for metric in METRICS}
    rows = [
        [
            score_table.title(report, Model(row["iteration"], False, row["own_variant"])),
            f"{row['model']}, {row['variant']}",
            titles[row["metric"]],
            f"k={row['k']}",
            number(row["further"]),
            number(row["own"]),
            *_tested(row),
            str(row["n"]),
        ]
        for row in report.further_lift
    ]
    head = ["", "over", "metric", "k", "further model", "own", "lift", "95 % interval", "p", "items"]
    notes = [
        "Paired as above, on the items whose prompts fitted both. Each model has the prompt that the recipe names."
    ]
    return Table("Lift over further models, macro averages", head, rows, texts=4, notes=notes)


def _beside_others(database: Path, report: Report) -> Iterator[Table]:
    """Table 2 with the other recipes of the same base, data and domain that have scores: ablations and references."""
    others, unread = _others(database, report)
    if not others:
        return
    (table,) = ablation_table.load(database, report.named.name, [report.named, *others], report.domain)
    rows: list[list[str]] = []
    for scope in table.scopes:
        rows.append([scope.title])
        group = ""
        for line in table.lines:
            averages = [line.averages[scope.name, metric.name] for metric in METRICS]
            if line.group != group:
                group = line.group
            rows.append([group, line.label, line.report.named.name, *map(ablation_table.with_interval, averages)])
    notes = [*table.notes, *unread]
    head = ["", "recipe's variant", "recipe", *(metric.title for metric in METRICS)]
    yield Table(f"Beside other recipes of the same base model, k={table.k}", head, rows, texts=3, notes=notes)


def _others(database: Path, report: Report) -> tuple[list[NamedRecipe], list[str]]:
    """Recipes to stand beside this one, and a note on each that could not be read."""
    recipe, found, notes = report.named.recipe, list[NamedRecipe](), list[str]()
    where = f"domain = {literal(report.domain)} AND recipe <> {literal(report.named.name)}"
    known = set(recipe_names())
    for row in query_rows(database, f"SELECT DISTINCT recipe FROM scores WHERE {where} ORDER BY 1"):
        if row["recipe"] not in known:
            continue
        try:
            other = load_recipe(row["recipe"])
        except SelfspecError as error:
            notes.append(f"left out: {error.place}: {error.reason}")
            continue
        alike = (other.recipe.base_model, other.recipe.data) == (recipe.base_model, recipe.data)
        shares = report.domain in other.recipe.domains and not set(other.recipe.scores.shots).isdisjoint(
            recipe.scores.shots
        )
        if alike and shares:
            found.append(other)
    if len(found) > _MORE_RECIPES:
        notes.append(f"left out: {count(len(found) - _MORE_RECIPES)} more recipes; selfspec scores 'GLOB' has all")
    return found[:_MORE_RECIPES], notes
