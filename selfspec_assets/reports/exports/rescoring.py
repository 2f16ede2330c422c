"""Whether merged weights answer as base and adapter do: the recipe's own questions, asked and scored again."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from selfspec_assets.base.progress import Progress
from selfspec_assets.models.language_model import LanguageModel, ModelSpec
from selfspec_assets.models.memory import free_memory
from selfspec_assets.reports.exports.tuned import Tuned
from selfspec_assets.steps.exam import AVERAGE, score_rows
from selfspec_assets.steps.predictions import TOO_LONG, Question, ask, askable, prediction_row, questions_of
from selfspec_assets.steps.scores import exam_of, series_of
from selfspec_assets.warehouse.score_rows import PredictionRow


@dataclass(frozen=True)
class Comparison:
    """Macro averages (0 to 100) of the stored answers and of those given again, by k and metric.

    Attributes:
        same: answers that are the same, character by character, of all ``asked``.
        bound: the largest difference of an average with which the two are called equal.
    """

    stored: dict[tuple[int, str], float]
    again: dict[tuple[int, str], float]
    same: int
    asked: int
    bound: float
    precision: str

    @property
    def widest(self) -> float:
        """The largest difference of an average."""
        keys = self.stored.keys() | self.again.keys()
        return max((abs(self.again.get(key, 0.0) - self.stored.get(key, 0.0)) for key in keys), default=0.0)

    @property
    def is_equal(self) -> bool:
        return self.widest <= self.bound

    @property
    def verdict(self) -> str:
        if self.is_equal:
            return f"equal within {self.bound:g} points (the widest difference is {self.widest:.2f})"
        return f"NOT equal: an average differs by {self.widest:.2f} points, more than {self.bound:g}"

    def lines(self) -> list[str]:
        averages = [
            f"k={shots}, {metric}: adapter {self.stored[shots, metric]:.2f}, "
            f"merged {self.again.get((shots, metric), 0.0):.2f}"
            for shots, metric in sorted(self.stored)
        ]
        answers = f"{self.same} of {self.asked} answers are the same, computed in {self.precision}"
        return [*averages, answers, self.verdict]


def require_predictions(tuned: Tuned) -> None:
    """Before any work.

    Raises:
        SelfspecError: the adapter's stored answers are missing or stale.
    """
    tuned.job("scores").require_inputs()


def compare(tuned: Tuned, folder: Path, precision: str, bound: float) -> Comparison:
    """Asks the model in ``folder`` what the adapter was asked, and compares answers and averages.

    Args:
        folder: the merged weights with the base's own tokenizer.
        precision: what they are computed in, ``bfloat16`` or ``float32``.
    """
    job = tuned.job("predictions")
    job.release_model()
    questions, stored = questions_of(job), tuned.rows("predictions", PredictionRow)
    spec = ModelSpec(str(folder), dtype=precision, chat_template=tuned.lineage.model_spec.chat_template)
    model = LanguageModel.load(spec)
    again = _answers(job, model, questions)
    digest = model.digest
    del model
    free_memory()
    rows = [prediction_row("merged", question, question.prompt, made, digest, None) for question, made in again]
    pairs = list(zip(stored, rows, strict=True))
    same = sum(one.prediction == other.prediction for one, other in pairs)
    return Comparison(_averages(tuned, stored), _averages(tuned, rows), same, len(pairs), bound, precision)


def _answers(job: Any, model: LanguageModel, questions: Sequence[Question]) -> list[tuple[Question, dict[str, Any]]]:
    """Each question with its answer, in the batches of the step ``predictions``."""
    prompts = [question.prompt for question in questions]
    section = job.recipe.scores
    order = askable(model, prompts, section.max_new_tokens)
    made: dict[int, dict[str, Any]] = {}
    progress = Progress("scored again", len(order), job.report)
    for start in range(0, len(order), section.batch_size):
        places = order[start : start + section.batch_size]
        answers = ask(job, model, [prompts[i] for i in places], None)
        made.update(
            (i, {"text": a.text, "finish": a.finish, "tokens": a.tokens}) for i, a in zip(places, answers, strict=True)
        )
        progress.to(len(made))
    too_long = {"text": "", "finish": TOO_LONG, "tokens": 0}
    return [(question, made.get(i, too_long)) for i, question in enumerate(questions)]


def _averages(tuned: Tuned, rows: Sequence[PredictionRow]) -> dict[tuple[int, str], float]:
    exam = exam_of(tuned.job("scores"))
    return {
        (row.shots, row.metric): row.value
        for series in series_of(exam, rows)
        for row in score_rows(exam, series)
        if row.benchmark == AVERAGE
    }
