"""The score tables on a terminal of 80 columns, and the same as JSON."""

from collections.abc import Callable
from typing import Any

from rich.table import Table

from selfspec_assets.base import home, printing
from selfspec_assets.reports.scores import ablation_table, easiest, score_notes, score_table, training_yield
from selfspec_assets.reports.scores.p_values import p_value
from selfspec_assets.reports.scores.score_table import METRICS, Average, Model, Report

ORACLE = "* an oracle: the output cut at its first line, a stopping rule that no user of the base has"

Averages = Callable[[Model, str, int], Average | None]


def as_json(reports: list[Report]) -> dict[str, Any]:
    """Everything of one recipe; ``*_without_easiest`` name the two benchmarks that they leave out.

    ``averages_without``: by domain and k, the benchmarks that the printed averages are without, and for which models.
    """
    merged: dict[str, Any] = {"recipe": reports[0].named.name}
    merged["yield"] = [row for report in reports for row in report.training_yield]
    for key in ("at_the_limit", "scores", "lift", "lift_by_benchmark", "baselines", "shares", "adapters"):
        merged[key] = [row for report in reports for row in getattr(report, key)]
    merged["further_scores"] = [row for report in reports for further in report.further for row in further.scores]
    merged["further_lift"] = [row for report in reports for row in report.further_lift]
    merged["scores_without_easiest"] = [row for report in reports for row in easiest.scores_without(report)]
    merged["lift_without_easiest"] = [row for report in reports for row in easiest.lift_without(report)]
    merged["averages_without"] = {
        report.domain: {k: score_table.not_shared(report, k) for k in score_table.shots(report)} for report in reports
    }
    merged["left_out"] = {report.domain: report.left_out for report in reports}
    return merged


def print_report(report: Report, details: bool) -> None:
    """The averages with and without the two easiest benchmarks, the lift, and the notes."""
    counts = {len(score_table.shared_benchmarks(report, k)) for k in score_table.shots(report)}
    numbers = "–".join(map(str, sorted({min(counts), max(counts)})))
    benchmarks = f"{numbers} benchmark{'' if counts == {1} else 's'}"
    # A line of its own: as the table's title it would be broken where the table is narrower.
    printing.line(f"{report.named.name} × {report.domain}: macro average over {benchmarks}, 0–100")
    printing.table(_average_table(report))
    if any(model.oracle for model in score_table.models(report)):
        printing.line(ORACLE)
    shortfalls = [*score_notes.shortfalls(report), *score_notes.further_shortfalls(report)]
    for line in [*shortfalls, *_easiest_notes(report)]:
        printing.line(line)
    shots = score_table.shots(report)
    if details:
        for k in shots:
            printing.table(_benchmark_table(report, k))
    if score_table.extra_metrics(report):
        for k in shots if details else shots[:1]:
            printing.table(_extra_table(report, k))
    printing.table(_lift_table(report))
    if report.further_lift:
        printing.table(_further_lift_table(report))
    for line in [*training_yield.lines(report.training_yield), *score_notes.notes(report)]:
        printing.line(line)
    for row in report.adapters:
        name = f"adapter {row['iteration']}"
        printing.line(f"{name}: {home.warehouse_folder() / row['path']}")


def _average_table(report: Report) -> Table:
    table = Table()
    table.add_column("")
    for metric in METRICS:
        for number, k in enumerate(score_table.shots(report)):
            table.add_column(f"{metric.title if number == 0 else ''}\nk={k}", justify="right")
    table.add_column("items\nper k", justify="right")
    _add_averages(table, report, lambda model, metric, k: _whole(report, model, metric, k))
    if report.further:
        table.add_section()
    for further in report.further:
        cells = [
            score_table.further_average(report, further, metric.name, k)
            for metric in METRICS
            for k in score_table.shots(report)
        ]
        _add_average(table, further.title, cells)
    without = {(Model(*(row[field] for field in Model._fields)), row["metric"], row["shots"]): row
               for row in easiest.scores_without(report)}  # fmt: skip
    if without:
        table.add_section()
        table.add_row("without two†", style="bold")

        def part(model: Model, metric: str, k: int) -> Average | None:
            row = without.get((model, metric, k))
            return None if row is None else Average(row["value"], row["low"], row["high"], row["n"])

        _add_averages(table, report, part)
    return table


def _whole(report: Report, model: Model, metric: str, k: int) -> Average | None:
    return score_table.average_over(report, model, metric, k, score_table.shared_benchmarks(report, k))


def _add_averages(table: Table, report: Report, average: Averages) -> None:
    for model in score_table.models(report):
        cells = [average(model, metric.name, k) for metric in METRICS for k in score_table.shots(report)]
        _add_average(table, score_table.title(report, model), cells)


def _add_average(table: Table, title: str, cells: list[Average | None]) -> None:
    items = sorted({cell.n for cell in cells if cell})
    values = [f"{cell.value:.1f}" if cell else "—" for cell in cells]
    table.add_row(title, *values, "–".join(map(str, items)) or "0")


def _easiest_notes(report: Report) -> list[str]:
    named = {k: easiest.easiest(report, k) for k in score_table.shots(report)}
    listed = "; ".join(f"k={k}: {', '.join(names)}" for k, names in named.items() if names)
    last = score_table.title(report, score_table.models(report)[-1])
    about = f"† without the two benchmarks at which '{last}' gained most F1 over the best base prompt: "
    return [about + listed] if listed else []


def _benchmark_table(report: Report, k: int) -> Table:
    models = [model for model in score_table.models(report) if not model.oracle]  # with them it is too wide
    table = Table(title=f"F1 by benchmark, k={k}", title_justify="left")
    table.add_column("benchmark", no_wrap=True)
    for model in models:
        table.add_column(score_table.title(report, model).replace(", ", "\n").replace(" ", "\n"), justify="right")
    table.add_column("items", justify="right")
    for benchmark in score_table.benchmarks(report):
        cells = [score_table.cell(report, model, "f1", k, benchmark) for model in models]
        items = sorted({cell["n"] for cell in cells if cell})
        values = [f"{cell['value']:.1f}" if cell else "—" for cell in cells]
        table.add_row(benchmark, *values, "–".join(map(str, items)) or "0")
    return table


def _extra_table(report: Report, k: int) -> Table:
    """What the pack declares beside F1 and ROUGE-L; a baseline stands apart from the models."""
    base = easiest.best_base(report, k, "f1", oracle=False, names=score_table.shared_benchmarks(report, k))
    adapters = [model for model in score_table.models(report) if model.iteration]
    models = [base, *adapters] if base else adapters
    table = Table(title=f"the pack's other metrics, k={k}", title_justify="left")
    table.add_column("benchmark", overflow="fold")
    table.add_column("metric")
    for model in models:
        table.add_column(score_table.title(report, model).replace(", ", "\n").replace(" ", "\n"), justify="right")
    table.add_column("always the\ncommonest", justify="right")
    for benchmark, metric in score_table.extra_metrics(report):
        cells = [score_table.cell(report, model, metric, k, benchmark) for model in models]
        cells.append(score_table.baseline(report, benchmark, metric))
        values = [f"{cell['value']:.1f}" if cell else "—" for cell in cells]
        table.add_row(benchmark, metric.replace("_", " "), *values)
    return table


def _lift_table(report: Report) -> Table:
    table = Table(title="F1 lift over the best base prompt, 95 % paired bootstrap interval", title_justify="left")
    for name in ("k", "row", "base", "adapter", "lift", "interval", "p", "over"):
        table.add_column(name, justify="left" if name in ("row", "over") else "right")
    for number, rows in enumerate((report.lift, easiest.lift_without(report))):
        if number and rows:
            table.add_section()
        for row in [row for row in rows if row["metric"] == "f1"]:
            table.add_row(
                str(row["k"]),
                score_table.adapter_title(report.named.recipe, row["iteration"]) + ("†" if number else ""),
                f"{row['base']:.1f}",
                f"{row['adapter']:.1f}",
                f"{row['lift']:+.1f}",
                f"{row['low']:+.1f} … {row['high']:+.1f}",
                p_value(row["p_value"]),
                row["base_variant"] + ("*" if row["oracle"] else ""),
            )
    return table


def _further_lift_table(report: Report) -> Table:
    """The best base prompt and the iterations over each further model."""
    table = Table(title="F1 lift over further models, 95 % paired bootstrap interval", title_justify="left")
    for name in ("k", "row", "over", "other", "own", "lift", "interval", "p"):
        words = name in ("row", "over")
        table.add_column(name, justify="left" if words else "right", overflow="fold", no_wrap=not words)
    for row in [row for row in report.further_lift if row["metric"] == "f1"]:
        table.add_row(
            str(row["k"]),
            score_table.title(report, Model(row["iteration"], False, row["own_variant"])).replace(", ", "\n"),
            f"{row['model']}\n{row['variant']}",
            f"{row['further']:.1f}",
            f"{row['own']:.1f}",
            f"{row['lift']:+.1f}",
            f"{row['low']:+.1f} … {row['high']:+.1f}",
            p_value(row["p_value"]),
        )
    return table


def print_ablations(table: ablation_table.AblationTable) -> None:
    """The paper's Table 2 of one domain."""
    title = f"{table.pattern} × {table.domain}, k={table.k}: F1 and ROUGE-L, 0–100, with 95 % intervals"
    printing.line(title)
    printing.table(_ablation_table(table))
    for line in table.notes:
        printing.line(line)


def _ablation_table(found: ablation_table.AblationTable) -> Table:
    table = Table()
    table.add_column("")
    for metric in METRICS:
        table.add_column(metric.title, justify="right")
    for scope in found.scopes:
        table.add_section()
        table.add_row(scope.title, style="bold")
        group = ""
        for line in found.lines:
            if line.group != group:
                table.add_row(group := line.group)
            averages = [line.averages[scope.name, metric.name] for metric in METRICS]
            table.add_row(f"  {line.label}", *[ablation_table.with_interval(average) for average in averages])
    return table
