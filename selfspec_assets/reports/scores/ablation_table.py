"""The paper's Table 2 over several recipes: base, first iteration by passages, second by instructions and contrast.

Rows are labelled from the recipes' values, not from names; a first iteration that several recipes share is one row.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.recipe.recipe import NamedRecipe, Recipe
from selfspec_assets.reports.scores import score_table
from selfspec_assets.reports.scores.score_table import METRICS, Average, Model, Report

_FORMS = {"difference": "", "log_ratio": ", log ratio", "none": ", no contrast"}
_GROUPS = ("base", "1st iteration", "2nd iteration", "3rd iteration", *(f"{n}th iteration" for n in range(4, 10)))
VARIANTS = ("plain", "cue", "alpaca")  # in this order; a plug-in's prompts and forms come behind
REFERENCE = "reference"


class Scope(NamedTuple):
    """Over which benchmarks a section averages."""

    name: str
    title: str
    benchmarks: tuple[str, ...]


@dataclass(frozen=True)
class Line:
    """One row; ``averages`` by (scope, metric), None where a benchmark has no score."""

    group: str
    label: str
    report: Report
    model: Model
    averages: dict[tuple[str, str], Average | None]


@dataclass(frozen=True)
class AblationTable:
    """One domain's table."""

    pattern: str
    domain: str
    k: int
    scopes: tuple[Scope, ...]
    lines: list[Line]
    notes: list[str]


def group_of(recipe: Recipe, iteration: int) -> str:
    return REFERENCE if recipe.is_reference else _GROUPS[iteration]


def label_of(recipe: Recipe, iteration: int, beside: Iterable[Recipe] = ()) -> str:
    """What sets a row apart in the paper's Table 2: the passages at first, then the instructions and the contrast.

    Args:
        beside: the table's recipes; what not all of them leave undone is named, too ("no seeds", "every answer").
    """
    if recipe.is_reference:
        return score_table.adapter_title(recipe, iteration)
    loop = recipe.loop
    k, form = loop.passages.k_of(1), loop.responses.contrast.form
    first = f"top-{k}" if k else "no documents"
    later = f"{loop.instructions.later_iterations} instructions{_FORMS.get(form, f', {form}')}"
    others = [_undone(other, iteration) for other in beside if not other.is_reference]
    undone = _undone(recipe, iteration)
    shared = set.intersection(*map(set, others)) if others else set(undone)
    own = [name for name in undone if name not in shared]
    return ", ".join([first if iteration == 1 else later, *own])


def _undone(recipe: Recipe, iteration: int) -> list[str]:
    """What the recipe does not do for small models by this iteration; the paper does none of it."""
    section, loop = recipe.loop.instructions, recipe.loop
    means = {
        "tasks written whole": section.inputs == "written",
        "any seeds in a list": section.show == "mixed",
        "the paper's sampling": (section.temperature, section.top_p) == (1.0, 0.98),
        "no demonstrations": not loop.responses.demonstrations,
        "seeds not learnt": not recipe.adapter.with_seeds,
        "every answer": not recipe.steps,
        "tuned from the base": iteration > 1 and recipe.adapter.start == "base",
    }
    return [name for name, undone in means.items() if undone]


def order_of(recipe: Recipe, iteration: int) -> tuple[bool, int, int, bool, int]:
    """The paper's order: iterations, fewer passages first, the same instructions before new ones; references last."""
    if recipe.is_reference:
        return True, 0, 0, False, 0
    loop = recipe.loop
    form = _place(list(_FORMS), loop.responses.contrast.form)
    return False, iteration, loop.passages.k_of(iteration), loop.instructions.later_iterations == "new", form


def closed_book(tasks: dict[str, str]) -> list[str]:
    """The benchmarks that are asked without a text: what the adapter knows, not what it can read."""
    return sorted(name for name, task in tasks.items() if task.replace("_", "") == "closedbook")


def load(database: Path, pattern: str, recipes: list[NamedRecipe], only: str | None) -> list[AblationTable]:
    """A table for each domain in which at least one of the recipes has scores.

    Raises:
        SelfspecError: none of them has any, or they share no number of shots.
    """
    domains = sorted({domain for named in recipes for domain in named.recipe.domains if only in (None, domain)})
    tables = []
    for domain in domains:
        own = [named for named in recipes if domain in named.recipe.domains]
        reports = [report for named in own if (report := score_table.load_domain(database, named, domain))]
        if reports:
            missing = sorted({named.name for named in own} - {report.named.name for report in reports})
            tables.append(_table(pattern, domain, reports, missing))
    if not tables:
        about = f"no scores of {', '.join(domains) or f'a domain {only}'} in {database}"
        raise SelfspecError(f"recipes '{pattern}'", about, f"selfspec run '{pattern}'")
    return tables


def _table(pattern: str, domain: str, reports: list[Report], missing: list[str]) -> AblationTable:
    k = _shared_shots(pattern, reports)
    names = sorted(set.intersection(*(set(score_table.shared_benchmarks(report, k)) for report in reports)))
    scopes = [Scope("all", f"macro average over {len(names)} benchmark{'' if len(names) == 1 else 's'}", tuple(names))]
    if alone := [name for name in closed_book(reports[0].tasks) if name in names]:
        scopes.append(Scope("closed_book", f"closed-book alone: {', '.join(alone)}", tuple(alone)))
    lines = _lines(reports, k, scopes)
    notes = [f"not run yet: selfspec run {name}" for name in missing]
    without = sorted({name for report in reports for name in score_table.asked_benchmarks(report)} - set(names))
    if without:
        notes.append(f"left out, as not every row has a score of it: {', '.join(without)}")
    return AblationTable(pattern, domain, k, tuple(scopes), lines, notes)


def _shared_shots(pattern: str, reports: list[Report]) -> int:
    shared = set.intersection(*(set(score_table.shots(report)) for report in reports))
    if not shared:
        raise SelfspecError(
            f"recipes '{pattern}'", "they share no number of shots", "give them a common one in scores.shots"
        )
    return min(shared)


def _lines(reports: list[Report], k: int, scopes: Iterable[Scope]) -> list[Line]:
    """Rows in the paper's order. What several recipes share has one label and the same numbers, and stands once."""
    models = [(report, model) for report in reports for model in score_table.models(report) if not model.oracle]
    recipes = [report.named.recipe for report in reports]
    found: dict[tuple[object, ...], Line] = {}
    for report, model in sorted(models, key=lambda row: _order(*row)):
        averages = {
            (scope.name, metric.name): score_table.average_over(report, model, metric.name, k, scope.benchmarks)
            for scope in scopes
            for metric in METRICS
        }
        group, label = _label(report, model, recipes)
        found.setdefault((group, label, *averages.values()), Line(group, label, report, model, averages))
    lines = list(found.values())
    labels = [(line.group, line.label) for line in lines]
    return [
        line if labels.count(label) == 1 else replace(line, label=f"{line.label} ({line.report.named.name})")
        for line, label in zip(lines, labels, strict=True)
    ]


def _place(names: Sequence[str], name: str) -> int:
    return names.index(name) if name in names else len(names)


def _label(report: Report, model: Model, recipes: Sequence[Recipe]) -> tuple[str, str]:
    if model.iteration == 0:
        return _GROUPS[0], model.variant
    return group_of(report.named.recipe, model.iteration), label_of(report.named.recipe, model.iteration, recipes)


def _order(report: Report, model: Model) -> tuple[object, ...]:
    recipe = report.named.recipe
    if model.iteration == 0:
        return False, 0, _place(VARIANTS, model.variant)
    return order_of(recipe, model.iteration)


def with_interval(average: Average | None) -> str:
    return "—" if average is None else f"{average.value:.1f} ({average.low:.1f}–{average.high:.1f})"


def rows(table: AblationTable) -> list[dict[str, Any]]:
    """The table as rows of plain values."""
    return [
        {
            "domain": table.domain,
            "recipe": line.report.named.name,
            "iteration": line.model.iteration,
            "group": line.group,
            "label": line.label,
            "k": table.k,
            "benchmarks": list(scope.benchmarks),
            "scope": scope.name,
            "metric": metric.name,
            **average._asdict(),
        }
        for scope in table.scopes
        for line in table.lines
        for metric in METRICS
        if (average := line.averages[scope.name, metric.name])
    ]
