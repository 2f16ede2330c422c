"""The step ``further_predictions``: what further models answer on the same items (Figs. 2, 4, 5).

Each has a prompt of its own. What was answered before is taken over as long as all that decides it stays, so a change
of the recipe's list costs the answers of the models that it concerns.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from selfspec_assets import plugins
from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.base.signature import signed_text, text_digest
from selfspec_assets.models.check import check_tokenizer, context_length, load_config
from selfspec_assets.models.language_model import load_tokenizer
from selfspec_assets.models.source import lacks_chat_template, local_folder, model_obstacle
from selfspec_assets.recipe.recipe import NamedRecipe, Recipe
from selfspec_assets.recipe.sections import CHAT, FurtherModelSection
from selfspec_assets.steps.job import Job, Tables
from selfspec_assets.steps.lengths import check_answers_fit
from selfspec_assets.steps.lineage import Lineage, Need, code_version, identity_of, spec_of
from selfspec_assets.steps.predictions import (
    Predictions,
    answered,
    expected_questions,
    question_settings,
    questions_of,
    read_beside,
)
from selfspec_assets.steps.size import Counts, Forecast
from selfspec_assets.steps.step import Outcome
from selfspec_assets.warehouse.score_rows import FurtherModelRow, PredictionRow


@plugins.step("further_predictions", version="1")
class FurtherPredictions(Predictions):
    """`benchmarks`, `seeds` as demonstrations → further models' `predictions`, `further_models`. Figs. 2, 4, 5."""

    per_iteration = False
    tables = (PredictionRow, FurtherModelRow)

    def belongs_to(self, recipe: Recipe) -> bool:
        return bool(recipe.scores.further_models)

    def needs(self, recipe: Recipe, iteration: int) -> list[Need]:
        return [("seeds", 0), ("benchmarks", 0)]

    def settings(self, recipe: Recipe, iteration: int) -> dict[str, Any]:
        settings = question_settings(recipe)
        settings["scores"].pop("base_variants")
        settings["scores"]["further_models"] = {model.name: _signed(model) for model in recipe.scores.further_models}
        return settings

    def files(self, lineage: Lineage, domain: str, iteration: int) -> dict[str, str]:
        identities = {f"model {model.name}": identity(lineage, model) for model in lineage.recipe.scores.further_models}
        return {**identities, **read_beside(lineage, domain)}

    def obstacle(self, lineage: Lineage, domain: str) -> SelfspecError | None:
        for model in lineage.recipe.scores.further_models:
            require_usable(lineage.named, model)
        return super().obstacle(lineage, domain)

    def forecast(self, forecast: Forecast, iteration: int) -> Counts:
        return {"units": expected_questions(forecast, len(forecast.recipe.scores.further_models))}

    def make(self, job: Job) -> Outcome:
        former = _former(job)
        rows: list[PredictionRow] = []
        models: list[FurtherModelRow] = []
        read = written = 0
        for model in job.recipe.scores.further_models:
            signature, whole = self.alone(job.lineage, job.domain, model), identity(job.lineage, model)
            if signature in former:
                job.report(f"{job.name}: the answers of {model.name} are there already, and taken over")
                rows += [replace(row, model=model.name) for row in former[signature]]
            else:
                with said_of(job.lineage.named, model):
                    loaded = job.other_model(spec_of(model), whole)
                    check_answers_fit(job.lineage.named, loaded.context_length)
                questions = questions_of(job, (model.prompt,))
                answers = answered(job, questions, loaded, None, f"predictions_{signature[:16]}", model.name)
                rows, read, written = rows + answers.rows, read + answers.read, written + answers.written
            models.append(
                FurtherModelRow(
                    model=model.name,
                    base_model=model.model,
                    variant=model.prompt,
                    model_digest=whole,
                    answers_signature=signature,
                )
            )
        return Outcome({PredictionRow: rows, FurtherModelRow: models}, input_tokens=read, output_tokens=written)

    def alone(self, lineage: Lineage, domain: str, model: FurtherModelSection) -> str:
        """SHA-256 of all that decides one model's answers: the step's signature without its name and the others."""
        settings = {**self.settings(lineage.recipe, 0), "prompt": _signed(model)}
        settings["scores"].pop("further_models")
        inputs = {f"{step}|{n}": lineage.signature(step, domain, n) for step, n in lineage.needs(self.name, 0)}
        inputs.update({"model": identity(lineage, model), **read_beside(lineage, domain)})
        return text_digest(signed_text(self.name, code_version(self.name), settings, inputs))

    def headline(self, tables: Tables) -> dict[str, Any]:
        rows: Any = tables[PredictionRow]
        counts = Counter((row.model, row.finish) for row in rows)
        return {f"{model}/finish/{finish}": count for (model, finish), count in counts.items()}


def identity(lineage: Lineage, model: FurtherModelSection) -> str:
    """As ``lineage.identity_of``; errors say which of the recipe's models they are about.

    Raises:
        SelfspecError: there is no such model.
    """
    with said_of(lineage.named, model):
        return identity_of(spec_of(model))


def require_usable(named: NamedRecipe, model: FurtherModelSection) -> None:
    """Check what can be known of a further model before it is loaded.

    Raises:
        SelfspecError: it is not here, its terms are not accepted, or ``prompt: chat`` finds no chat template.
    """
    spec = spec_of(model)
    with said_of(named, model):
        identity_of(spec)  # there is such a model
        if model.prompt == CHAT and lacks_chat_template(spec):
            raise SelfspecError(
                spec.path_or_id, "prompt is chat, but the tokenizer has no chat template", "name another prompt"
            )
        if (obstacle := model_obstacle(spec)) is not None:
            raise obstacle


def looked_at(lineage: Lineage, model: FurtherModelSection) -> list[str]:
    """Lines for ``selfspec check`` about a further model.

    Raises:
        SelfspecError: as ``require_usable``; its tokenizer is wrong, or no answer fits its context.
    """
    require_usable(lineage.named, model)
    spec = spec_of(model)
    lines = [f"further model {model.name}: {identity(lineage, model)}, prompt {model.prompt}"]
    with said_of(lineage.named, model):
        folder = local_folder(spec)
        if folder is None:
            return lines
        tokenizer, config = load_tokenizer(spec), load_config(folder)
        check_tokenizer(tokenizer, config, folder)
        context = context_length(config, tokenizer, folder)
        check_answers_fit(lineage.named, context)
    return [*lines, f"  context: {context} tokens"]


@contextmanager
def said_of(named: NamedRecipe, model: FurtherModelSection) -> Iterator[None]:
    """Within it an error's place begins with the recipe's file and the model's name."""
    try:
        yield
    except SelfspecError as error:
        place = f"{named.path}: scores.further_models, '{model.name}': {error.place}"
        remedy = error.remedy.replace("base_model.", "its ")
        raise type(error)(place, error.reason, remedy) from error


def _signed(model: FurtherModelSection) -> Any:
    if model.prompt == CHAT:
        return CHAT  # the plain prompt; that the template is used stands in the model's identity
    return plugins.REGISTRY.get("prompt", model.prompt, "scores.further_models").signed


def _former(job: Job) -> dict[str, list[PredictionRow]]:
    """The answers that the partition shows until now, by the signature of the model's answers."""
    current = job.warehouse.current(job.key)
    if current is None or not job.warehouse.has(current):
        return {}
    try:
        models = job.warehouse.read(current, FurtherModelRow)
        rows = job.warehouse.read(current, PredictionRow)
    except SelfspecError as error:
        job.report(f"{job.name}: all answers are made anew, as those that were there cannot be read: {error.reason}")
        return {}
    return {model.answers_signature: [row for row in rows if row.model == model.model] for model in models}
