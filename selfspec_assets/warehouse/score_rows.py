"""The columns of the tables of evaluation: predictions, scores, baselines, lift."""

from dataclasses import dataclass
from typing import ClassVar

from selfspec_assets.warehouse.rows import Row


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictionRow(Row):
    """A model's raw output on one benchmark item.

    ``model`` is base, adapter, or a further model's name; ``variant`` the prompt: plain, cue, alpaca or chat.
    ``finish`` is eos, blank_line, length, or too_long: the prompt did not fit the model's context, nothing was
    generated, and no score is made of it.
    """

    table: ClassVar[str] = "predictions"
    model: str
    variant: str
    shots: int
    benchmark: str
    item: int
    item_id: str
    demonstration_ids: list[str]
    prompt_digest: str
    model_digest: str
    adapter_digest: str | None
    prediction: str
    finish: str
    output_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemScoreRow(Row):
    """One answer's score, 0 to 100; ``oracle`` as in ``scores``: the base's output cut at its first line."""

    table: ClassVar[str] = "item_scores"
    model: str
    variant: str
    oracle: bool
    shots: int
    benchmark: str
    item: int
    metric: str
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreRow(Row):
    """A mean over items, or (``benchmark = 'average'``) the macro mean over benchmarks; 0 to 100, 95 % interval.

    ``oracle`` marks a row that no user could have: the base's output cut at its first line. ``left_out`` counts
    items whose prompt did not fit the context: no number is made up for them. ``missing`` names the benchmarks that
    an average is without, as none of their prompts fitted.
    """

    table: ClassVar[str] = "scores"
    model: str
    variant: str
    oracle: bool
    shots: int
    benchmark: str
    metric: str
    value: float
    low: float
    high: float
    n: int
    left_out: int
    missing: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class BaselineRow(Row):
    """What always giving ``answer``, the commonest gold answer, scores without any model; 0 to 100, 95 % interval.

    The metric ``majority`` is the share of that answer. A table of its own, so that none is taken for a model's row.
    """

    table: ClassVar[str] = "baselines"
    baseline: str
    benchmark: str
    answer: str
    metric: str
    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LiftRow(Row):
    """Adapter minus base on the same items: paired bootstrap interval and sign-flip p-value.

    ``missing`` names the benchmarks that an average is without, as the two sides have no item of them in common.
    """

    table: ClassVar[str] = "lift"
    base_variant: str
    oracle: bool
    shots: int
    benchmark: str
    metric: str
    base: float
    adapter: float
    lift: float
    low: float
    high: float
    p_value: float
    n: int
    missing: list[str]


@dataclass(frozen=True, slots=True)
class FurtherModelRow(Row):
    """A further model that a recipe has scored: what it is, and what all of its predictions depend on."""

    table: ClassVar[str] = "further_models"
    model: str
    base_model: str
    variant: str
    model_digest: str
    answers_signature: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FurtherLiftRow(Row):
    """An adapter, or the base (iteration 0), minus a further model on the same items: interval and p-value as in lift.

    ``own_variant`` is the prompt of the adapter or base, ``variant`` the further model's.
    """

    table: ClassVar[str] = "further_lift"
    model: str
    variant: str
    own_variant: str
    shots: int
    benchmark: str
    metric: str
    further: float
    own: float
    lift: float
    low: float
    high: float
    p_value: float
    n: int
    missing: list[str]
