"""A small finished loop written by hand, of which a test knows every number: two iterations, a judge, a reference."""

import typing
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from selfspec_assets.base.signature import signed_text, text_digest
from selfspec_assets.warehouse import StepKey, Warehouse
from selfspec_assets.warehouse.parquet import R
from selfspec_assets.warehouse.rows import (
    AdapterRow,
    BenchmarkItemRow,
    InstructionRow,
    PassageRow,
    RequestRow,
    ResponseRow,
    ResponseTokenRow,
    Row,
    RunRow,
    SeedRow,
    TooLongRow,
    TrainingItemRow,
    VerdictRow,
)
from selfspec_assets.warehouse.score_rows import BaselineRow, ItemScoreRow, LiftRow, ScoreRow

RECIPE, DOMAIN = "quickstart", "sports"
_PLAIN: dict[object, object] = {int: 0, float: 0.0, str: "", bool: False}


def row(kind: type[R], **values: Any) -> R:
    """A row with what a test says and something harmless elsewhere."""
    hints = typing.get_type_hints(kind)
    names = [field.name for field in fields(typing.cast(Any, kind))]
    harmless = {
        name: [] if typing.get_origin(hints[name]) is list else _PLAIN.get(hints[name])  # else it may be NULL
        for name in names
    }
    return kind(**{**harmless, **values})


class Loop:
    """Commits steps of one recipe, each signed with the revisions that the steps before it show."""

    def __init__(self, warehouse: Warehouse, recipe: str = RECIPE) -> None:
        self.warehouse, self.recipe = warehouse, recipe

    def signature(self, step: str, iteration: int) -> str:
        current = self.warehouse.current(StepKey(self.recipe, step, DOMAIN, iteration))
        assert current is not None
        return current

    def make(
        self,
        step: str,
        iteration: int,
        needs: list[tuple[str, int]],
        *rows: Row,
        empty: tuple[type[Row], ...] = (),
        settings: object = None,
        seconds: float = 1.0,
    ) -> str:
        """Commits a step and returns its signature; ``settings`` tells one making from another."""
        inputs = {f"{name}|{n}": self.signature(name, n) for name, n in needs}
        signed = signed_text(step, "1", {"settings": settings, "iteration": iteration}, {**inputs, "model": "m"})
        signature = text_digest(signed)
        tables: dict[type[Row], list[Row]] = {kind: [] for kind in empty}
        for one in rows:
            tables.setdefault(type(one), []).append(one)
        run = row(RunRow, step=step, signature=signature, seconds=seconds, output_tokens=int(10 * seconds))
        key = StepKey(self.recipe, step, DOMAIN, iteration)
        self.warehouse.commit(key, signature, tables, run=run, signed=signed)
        return signature


def instruction(number: int, reason: str | None = None) -> InstructionRow:
    words = f"task {number}"
    return row(
        InstructionRow,
        instruction_id=number,
        request=number // 2,
        instruction=words,
        kept=reason is None,
        reason=reason,
        seed_ids=["s0", "s1"] if number % 2 else ["s0"],
    )


def passages(*numbers: int) -> list[PassageRow]:
    return [
        row(PassageRow, instruction_id=n, rank=rank, document_id=f"d{rank}", title=title, text=f"{title}.", p_ret=p_ret)
        for n in numbers
        for rank, title, p_ret in ((1, "Tennis", 0.7), (2, "Golf", 0.3))
    ]


def response(number: int, text: str, reason: str | None = None, *, failed: bool = False) -> ResponseRow:
    return row(
        ResponseRow,
        instruction_id=number,
        instruction=f"task {number}",
        response=text,
        verdict="failed" if failed else "rejected" if reason else "kept",
        reason=reason,
        passages=2,
        tokens=len(text.split()),
        marginal_changed=1 if text else 0,
    )


def tokens(number: int, *pieces: tuple[str, float]) -> list[ResponseTokenRow]:
    """Tokens with the first passage's share of each."""
    return [
        row(ResponseTokenRow, instruction_id=number, position=place, token=word, posterior=[first, 1 - first])
        for place, (word, first) in enumerate(pieces)
    ]


def verdict(number: int, reason: str | None = None, step: str = "other_form") -> VerdictRow:
    word = "rejected" if reason else "kept"
    return row(VerdictRow, step=step, refines="responses", row=number, verdict=word, reason=reason)


def averages(model: str, variant: str, f1: float) -> list[ScoreRow]:
    return [
        row(ScoreRow, model=model, variant=variant, benchmark=benchmark, metric=metric, value=value, low=value - 2,
            high=value + 2, n=2)
        for benchmark in ("average", "quiz")
        for metric, value in (("f1", f1), ("rouge_l", f1 + 1))
    ]  # fmt: skip


def item_scores(model: str, variant: str, *values: float) -> list[ItemScoreRow]:
    return [
        row(ItemScoreRow, model=model, variant=variant, benchmark="quiz", item=item, metric="f1", value=value)
        for item, value in enumerate(values)
    ]


def finished_loop(root: Path) -> Loop:
    """Two iterations that learn from all answers so far and the seeds, and a reference on labelled items."""
    loop = Loop(Warehouse(root))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Warehouse, "publish", lambda warehouse: None)  # once at the end is as good, and ten times faster
        base(loop)
        first_iteration(loop)
        second_iteration(loop)
        reference(Loop(loop.warehouse, "reference_supervised"))
    loop.warehouse.publish()
    return loop


def base(loop: Loop) -> None:
    seeds = [row(SeedRow, seed=n, seed_id=f"s{n}", instruction=f"seed {n}", output=f"worked {n}") for n in range(2)]
    loop.make("seeds", 0, [], *seeds)
    items = [
        row(BenchmarkItemRow, benchmark="quiz", item=n, item_id=f"q{n}", input=f"question {n}", references=["yes"])
        for n in range(2)
    ]
    loop.make("benchmarks", 0, [], *items)
    always_yes = row(BaselineRow, baseline="majority", benchmark="quiz", answer="yes", metric="f1", value=25.0)
    scores = [*averages("base", "plain", 10.0), *averages("base", "alpaca", 20.0)]
    loop.make("base_scores", 0, [("benchmarks", 0)], *scores, *item_scores("base", "alpaca", 0.0, 40.0), always_yes)


def first_iteration(loop: Loop) -> None:
    requests = [row(RequestRow, request=n) for n in range(3)]
    kept = [instruction(n) for n in range(4)]
    loop.make("instructions", 1, [("seeds", 0)], *requests, *kept, instruction(4, "not_novel"), seconds=4.0)
    loop.make("passages", 1, [("instructions", 1)], *passages(0, 1, 2, 3))
    answers = [response(0, "a b"), response(1, "no"), response(2, "c d", "truncated"), response(3, "e f")]
    spoken = [*tokens(0, ("a", 0.9), ("b", 0.1)), *tokens(1, ("no", 0.2)), *tokens(3, ("e", 0.6), ("f", 0.7))]
    loop.make("responses", 1, [("instructions", 1), ("passages", 1)], *answers, *spoken, seconds=6.0)
    loop.make("other_form", 1, [("responses", 1)], verdict(0), verdict(1, "too_short"), verdict(3))
    adapter(loop, 1, 3, TooLongRow("seeds", 0, 1, None, 900))
    scored(loop, 1, 30.0, 20.0, 30.0)


def second_iteration(loop: Loop) -> None:
    requests = [row(RequestRow, request=n) for n in range(2)]
    kept = [instruction(n) for n in range(3)]
    loop.make("instructions", 2, [("seeds", 0)], *requests, *kept, instruction(3, "not_novel"), seconds=4.0)
    loop.make("passages", 2, [("instructions", 2)], *passages(0, 1, 2))
    answers = [response(0, "g h"), response(1, "i j"), response(2, "", "prompt_too_long", failed=True)]
    loop.make("responses", 2, [("instructions", 2), ("passages", 2)], *answers, *tokens(0, ("g", 0.8)), seconds=6.0)
    loop.make("other_form", 2, [("responses", 2)], verdict(0), verdict(1))
    adapter(loop, 2, 4, TooLongRow("seeds", 0, 1, None, 900), TooLongRow("responses", 1, 3, None, 800))
    scored(loop, 2, 40.0, 60.0, 20.0)


def adapter(loop: Loop, iteration: int, examples: int, *too_long: TooLongRow) -> None:
    read = [(step, n) for n in range(1, iteration + 1) for step in ("responses", "other_form")]
    tuned = row(AdapterRow, examples=examples, too_long=len(too_long), optimiser_steps=2)
    loop.make("adapter", iteration, [("seeds", 0), *read], tuned, *too_long, seconds=20.0)


def scored(loop: Loop, iteration: int, f1: float, *items: float) -> None:
    gain = row(
        LiftRow, base_variant="alpaca", benchmark="average", metric="f1", base=20.0, adapter=f1, lift=f1 - 20,
        low=f1 - 32, high=f1, p_value=0.5 / iteration**3, n=2,
    )  # fmt: skip
    rows = [*averages("adapter", "alpaca", f1), *item_scores("adapter", "alpaca", *items), gain]
    loop.make("scores", iteration, [("benchmarks", 0), ("adapter", iteration)], *rows)


def reference(loop: Loop) -> None:
    items = [
        row(
            TrainingItemRow, benchmark=name, item=n, instruction=f"{name} {n}", references=[f"gold {name} {n}", "other"]
        )
        for name in ("quiz", "trivia")
        for n in range(2)
    ]
    loop.make("training_items", 0, [], *items)
    too_long = TooLongRow("training_items", 0, 1, "trivia", 700)
    tuned = row(AdapterRow, examples=3, too_long=1, optimiser_steps=1)
    loop.make("adapter", 1, [("training_items", 0)], tuned, too_long)
