"""Metrics by their registered names: an answer against its references, 0 to 100."""

import math
from collections.abc import Callable, Mapping, Sequence

from selfspec_assets import plugins
from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.method.scoring.extra_metrics import CORPUS, ITEM
from selfspec_assets.method.scoring.metrics import METRICS

ItemMetric = Callable[[str, Sequence[str]], float]


def best_of(score: Callable[[str, str], float]) -> ItemMetric:
    """The same against several references: the best of its scores."""

    def metric(answer: str, references: Sequence[str]) -> float:
        return max(score(answer, reference) for reference in references)

    return metric


for _name, _score in {**METRICS, **ITEM}.items():
    plugins.metric(_name, version="1")(best_of(_score))
for _name, _whole in CORPUS.items():
    plugins.metric(_name, version="1")(_whole)


def item_metric(name: str, options: Mapping[str, object], place: object) -> ItemMetric:
    """The metric of that name; what it gives is looked at before it is a score.

    Args:
        place: who names it, for messages.

    Raises:
        SelfspecError: no such metric, or an option that it does not take. The metric itself raises it where it fails,
            or gives something else than a number from 0 to 100.
    """
    plugin = plugins.REGISTRY.get("metric", name, place)
    given = plugin.options(options, place)

    def metric(answer: str, references: Sequence[str]) -> float:
        with plugin.named_in_failures(answer):
            value = plugin.target(answer, references, **given)
        if isinstance(value, bool) or not isinstance(value, float | int) or not 0 <= value <= 100 or math.isnan(value):
            reason = f"scored {answer!r:.80} with {value!r}, not a number from 0 to 100"
            raise SelfspecError(str(plugin), reason, "correct the plug-in")
        return float(value)

    return metric
