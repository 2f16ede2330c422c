"""The page: what is read, put into the template, and written as one file.

Every value is escaped by Jinja; control characters are shown as escapes. A Content-Security-Policy within the page
forbids scripts and requests, so a browser holds to it what the template promises. Pictures are SVG in the page.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined

from selfspec_assets.base import printing
from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.base.files import storing, write_atomically
from selfspec_assets.base.progress import Report as Say
from selfspec_assets.base.signature import file_digest
from selfspec_assets.recipe.recipe import NamedRecipe
from selfspec_assets.reports import pictures
from selfspec_assets.reports.html_report import made, origin, samples
from selfspec_assets.reports.html_report.samples import Sample
from selfspec_assets.reports.html_report.score_tables import in_short, score_tables
from selfspec_assets.reports.html_report.table import Table
from selfspec_assets.reports.pictures import Picture
from selfspec_assets.reports.query import in_domain, query_rows
from selfspec_assets.reports.scores import score_notes, score_table

_PICTURED = ("instructions", "passages", "responses", "adapter")


@dataclass(frozen=True)
class Pictures:
    """The pictures of one iteration."""

    iteration: int
    pictures: Sequence[Picture]


@dataclass(frozen=True)
class DomainPart:
    """All that the page says of one domain."""

    name: str
    short: Sequence[str]
    lacking: Sequence[str]
    yields: Table | None = None
    rejections: Sequence[Picture] = ()
    scores: Sequence[Table] = ()
    score_pictures: Sequence[Picture] = ()
    notes: Sequence[str] = ()
    by_iteration: Sequence[Pictures] = ()
    samples: Sequence[Sample] = ()
    costs: Table | None = None
    licences: Table | None = None
    digests: Table | None = None


def write_report(
    database: Path, named: NamedRecipe, domains: Sequence[str], output: Path, how_many: int, say: Say
) -> None:
    """Writes the page of a recipe, as a whole or not at all.

    Args:
        domains: of the recipe; those of which nothing was made are said to be so.
        how_many: samples of each domain.

    Raises:
        SelfspecError: there is no database, or ``output`` cannot be written.
    """
    parts = []
    for domain in domains:
        say(f"{named.name} × {domain}: reading, drawing")
        parts.append(_part(database, named, domain, how_many))
    html = render(
        recipe=named.name,
        parts=parts,
        recipe_text=named.path.read_text(encoding="utf-8"),
        recipe_file=named.path.name,
        recipe_digest=file_digest(named.path),
        settings=_settings(named),
        versions=origin.versions(database, named, list(domains)),
    )
    if output.is_dir():
        raise SelfspecError(output, "is a folder", "name a file: --output report.html")
    with storing(output.parent):
        write_atomically(output, html.encode("utf-8", "backslashreplace"), "report")


def render(**values: Any) -> str:
    """The template with its values, which are all escaped."""
    folder = resources.files(__package__)
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, finalize=_shown, trim_blocks=True, lstrip_blocks=True
    )
    environment.globals["colours"] = samples.COLOURS
    style = (folder / "page.css").read_text(encoding="utf-8")
    template = environment.from_string((folder / "page.html.j2").read_text(encoding="utf-8"))
    return template.render(style=style, **values)


def _shown(value: object) -> object:
    """Characters that a terminal would obey are none that a page should hold, either."""
    return printing.shown(value, "utf-8").replace("\\r\n", "\n") if type(value) is str else value


def _part(database: Path, named: NamedRecipe, domain: str, how_many: int) -> DomainPart:
    lacking = made.not_made(database, named, domain)
    where = in_domain(named.name, domain)
    if not query_rows(database, f"SELECT step FROM revisions WHERE {where} LIMIT 1"):
        return DomainPart(domain, (), lacking)
    report = score_table.load_domain(database, named, domain)
    answers = query_rows(database, f"SELECT count(*) AS n FROM responses WHERE {where}")[0]["n"]
    return DomainPart(
        domain,
        list(in_short(report)) if report else (),
        lacking,
        made.yields(database, named, domain),
        pictures.of_domain(database, named.name, domain, "svg"),
        score_tables(database, report) if report else (),
        pictures.of_partition(database, named.name, domain, 0, "scores", "svg"),
        score_notes.notes(report) if report else (),
        _by_iteration(database, named, domain),
        samples.load(database, named, domain, how_many) if answers else (),
        made.costs(database, named, domain),
        origin.licences(database, named, domain),
        origin.digests(database, named, domain),
    )


def _by_iteration(database: Path, named: NamedRecipe, domain: str) -> list[Pictures]:
    found = []
    for iteration in range(1, named.recipe.iterations + 1):
        drawn = [
            picture
            for step in _PICTURED
            for picture in pictures.of_partition(database, named.name, domain, iteration, step, "svg")
            if picture.name != "rejections"  # one picture has those of all steps
        ]
        if drawn:
            found.append(Pictures(iteration, drawn))
    return found


def _settings(named: NamedRecipe) -> list[tuple[str, str]]:
    """The few values of the recipe that a reader wants to know before the numbers."""
    recipe = named.recipe
    found = [
        ("base model", recipe.base_model.model),
        ("data", recipe.data),
        ("iterations", str(recipe.iterations)),
        ("seed", str(recipe.seed)),
        ("shots", ", ".join(f"k={k}" for k in recipe.scores.shots)),
        ("items per benchmark", str(recipe.scores.items_per_benchmark or "all")),
    ]
    if recipe.is_reference:
        return [*found, ("tuned on", f"{recipe.adapter.data}: a reference, for which nothing is generated")]
    return [
        *found,
        ("tasks wanted", str(recipe.loop.instructions.target)),
        ("passages per answer", str(recipe.passages.k)),
        ("contrast from iteration 2 on", recipe.loop.responses.contrast.form),
        ("judges", ", ".join(use.name for use in recipe.steps) or "none"),
    ]
