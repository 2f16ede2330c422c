"""Every metric of the project as an ``evaluate.Metric``, for use with that library; nothing is fetched."""

from collections.abc import Callable, Sequence
from typing import Any

from selfspec_assets.method.scoring.extra_metrics import ITEM, WHOLE, References
from selfspec_assets.method.scoring.metrics import METRICS

NAMES = (*METRICS, *ITEM, *WHOLE)


def evaluate_metric(name: str) -> Any:
    """``compute(predictions=[…], references=[[…], …])`` returns ``{name: score}``, 0 to 100; nothing is kept on disk.

    The class is made here as importing ``evaluate`` imports torch and transformers, some seconds that scoring itself
    does not need.

    Raises:
        KeyError: a name that is not in ``NAMES``.
    """
    import datasets
    import evaluate

    score, about = _score(name)

    class LocalMetric(evaluate.Metric):  # type: ignore[misc]  # evaluate has no types
        def _info(self) -> Any:
            texts = datasets.Value("string")
            features = datasets.Features({"predictions": texts, "references": datasets.Sequence(texts)})
            return evaluate.MetricInfo(description=about, citation="", features=features)

        def _compute(self, predictions: list[str], references: list[list[str]]) -> dict[str, float]:
            return {name: score(predictions, references)}

    return LocalMetric(keep_in_memory=True)


def _score(name: str) -> tuple[Callable[[Sequence[str], References], float], str | None]:
    if name in WHOLE:
        return WHOLE[name], WHOLE[name].__doc__
    metric = {**METRICS, **ITEM}[name]

    def mean(predictions: Sequence[str], references: References) -> float:
        pairs = list(zip(predictions, references, strict=True))
        return sum(max(metric(prediction, gold) for gold in golds) for prediction, golds in pairs) / len(pairs)

    return mean, metric.__doc__
