"""Which pictures a step has, and where their rows come from."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from selfspec_assets.reports.pictures.canvas import Drawing, Form, Picture, Rows, drawing
from selfspec_assets.reports.pictures.instruction_pictures import keywords, verbs_and_objects
from selfspec_assets.reports.pictures.loss import loss
from selfspec_assets.reports.pictures.rejections import outcomes, rejections
from selfspec_assets.reports.pictures.scores_by_rank import scores_by_rank
from selfspec_assets.reports.pictures.scores_picture import averages, scores
from selfspec_assets.reports.pictures.token_sources import token_sources
from selfspec_assets.reports.query import in_domain, query_rows

Tables = Mapping[str, Rows]
Drawn = Iterator[Drawing | None]


def _instructions(tables: Tables) -> Drawn:
    yield verbs_and_objects(tables["instructions"])
    yield keywords(tables["instructions"])
    yield rejections({"instructions": outcomes(tables["instructions"])})


def _passages(tables: Tables) -> Drawn:
    yield scores_by_rank(tables["passages"])


def _responses(tables: Tables) -> Drawn:
    yield token_sources(tables["responses"], tables["response_tokens"], tables["passages"])
    yield rejections({"responses": outcomes(tables["responses"])})


def _adapter(tables: Tables) -> Drawn:
    yield loss(tables["losses"])


def _scores(tables: Tables) -> Drawn:
    yield scores(averages(tables["scores"]))


# Columns that are read, by table. A loop of thousands of answers has a million tokens: some answers are enough.
_COLUMNS = {
    "instructions": "instruction, input, kept, reason",
    "passages": "instruction_id, rank, title, score",
    "responses": "instruction_id, instruction, verdict, reason",
    "response_tokens": "instruction_id, position, token, posterior",
    "verdicts": "step, verdict, reason",
    "losses": "step, epoch, loss",
    "scores": "iteration, model, variant, oracle, shots, benchmark, metric, value, low, high",
}
_ANSWERS = 200
_OF: dict[str, tuple[tuple[str, ...], Callable[[Tables], Drawn]]] = {
    "instructions": (("instructions",), _instructions),
    "passages": (("passages",), _passages),
    "responses": (("responses", "response_tokens", "passages"), _responses),
    "adapter": (("losses",), _adapter),
    "base_scores": (("scores",), _scores),
    "further_scores": (("scores",), _scores),
    "scores": (("scores",), _scores),
}
STEPS = tuple(_OF)
_VERDICTS = "verdicts"  # the table of every refining step, which its rows name
_OF_ALL_ITERATIONS = ("base_scores", "further_scores", "scores")


def of_step(step: str, tables: Tables, form: Form = "png") -> list[Picture]:
    """The pictures of one step's rows; none of a step that has no picture.

    Args:
        tables: table -> rows, each column -> value; a table that is not given has no rows.
    """
    with drawing():
        return [drawn.rendered(form) for drawn in _drawings(step, tables) if drawn is not None]


def _drawings(step: str, tables: Tables) -> Drawn:
    if step in _OF:
        names, drawn = _OF[step]
        yield from drawn({name: tables.get(name, ()) for name in names})
    else:
        yield rejections({step: outcomes([row for row in tables.get(_VERDICTS, ()) if row["step"] == step])})


def of_partition(
    database: Path, recipe: str, domain: str, iteration: int, step: str, form: Form = "png"
) -> list[Picture]:
    """The same of one partition, read from the published database.

    Raises:
        SelfspecError: there is no database.
    """
    where = in_domain(recipe, domain)
    if step not in _OF_ALL_ITERATIONS:
        where += f" AND iteration = {iteration}"
    names = _OF[step][0] if step in _OF else (_VERDICTS,)
    return of_step(step, {name: _rows(database, name, where) for name in names}, form)


def of_domain(database: Path, recipe: str, domain: str, form: Form = "png") -> list[Picture]:
    """What all steps and iterations kept and rejected, as one picture (``rejections``); none where nothing was made.

    Raises:
        SelfspecError: there is no database.
    """
    where = in_domain(recipe, domain)
    counts: dict[str, Counter[str]] = {}
    for table, step in (("instructions", "'instructions'"), ("responses", "'responses'"), ("verdicts", "step")):
        kept = "kept" if table == "instructions" else "verdict = 'kept'"
        grouped = f"SELECT iteration, {step} AS step, {kept} AS kept, reason, count(*) AS n FROM {table} WHERE {where}"
        for row in query_rows(database, f"{grouped} GROUP BY ALL ORDER BY iteration, step"):
            entry = f"iteration {row['iteration']}, {row['step']}"
            counts.setdefault(entry, Counter()).update(dict.fromkeys(outcomes([row]), row["n"]))
    with drawing():
        drawn = rejections({entry: counts[entry] for entry in sorted(counts, key=lambda entry: entry.split(",")[0])})
        return [drawn.rendered(form)] if drawn else []


def _rows(database: Path, table: str, where: str) -> Rows:
    if table == "response_tokens":
        first = f"SELECT instruction_id FROM responses WHERE {where} ORDER BY verdict <> 'kept', instruction_id"
        where += f" AND instruction_id IN ({first} LIMIT {_ANSWERS})"
    return query_rows(database, f"SELECT {_COLUMNS[table]} FROM {table} WHERE {where} ORDER BY ALL")
