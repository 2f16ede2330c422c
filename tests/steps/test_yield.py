"""Too few answers or optimiser steps stop a run before it tunes, and what was written stays."""

import json
from typing import Any

import duckdb
import pytest
from typer.testing import CliRunner

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.cli.app import app
from selfspec_assets.orchestration import runner
from selfspec_assets.recipe.recipe import load_recipe
from selfspec_assets.steps import responses
from selfspec_assets.steps.adapter import optimiser_steps
from tests.conftest import Project


def run() -> list[str]:
    told: list[str] = []
    runner.run_recipe(load_recipe("tiny"), ["botany"], 1, told.append)
    return told


def test_few_answers_then_few_steps_stop_the_run_before_it_tunes(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[int] = []
    answer = responses.answer

    def counted(*given: Any, **named: Any) -> Any:
        written.append(len(given[1]))
        return answer(*given, **named)

    monkeypatch.setattr(responses, "answer", counted)
    project.recipe["responses"]["min_kept"] = 1.0
    project.save()
    with pytest.raises(
        SelfspecError, match=r"(?s)responses\.min_kept.*only \d+ of \d+ answers.*\d+ kept, \d"
    ) as refused:
        run()
    asked = sum(written)
    assert f" of {asked} answers" in str(refused.value)
    assert not list((project.folder / "warehouse").rglob("adapter_model.safetensors"))
    project.recipe["responses"]["min_kept"] = 0.01
    project.recipe["adapter"]["min_steps"] = 17
    project.save()
    with pytest.raises(SelfspecError, match=r"min_steps' asks for 17 .* makes 16 at most"):
        load_recipe("tiny")
    project.recipe["adapter"]["min_steps"] = 16
    project.save()
    with pytest.raises(SelfspecError, match=r"(?s)adapter\.min_steps.*\d+ examples make \d+ optimiser steps"):
        run()
    assert sum(written) == asked, "the answers are taken from the work folder"
    project.recipe["adapter"]["min_steps"] = 1
    project.save()
    run()
    assert sum(written) == asked
    shown = json.loads(CliRunner().invoke(app, ["scores", "tiny", "--json"]).stdout)
    (line,) = shown["yield"]
    with duckdb.connect(str(project.database), read_only=True) as database:
        kept = database.execute("SELECT count(*) FROM responses WHERE verdict = 'kept'").fetchone()
    assert kept is not None
    assert (line["iteration"], line["asked"], line["kept"]) == (1, asked, kept[0])
    assert line["trained_on"] == kept[0]
    assert line["steps"] == optimiser_steps(kept[0], load_recipe("tiny").recipe.adapter)
    assert sum(line["rejected"].values()) == asked - kept[0]
    printed = CliRunner().invoke(app, ["scores", "tiny"]).stdout
    assert f"iteration 1: {asked} answers asked, {kept[0]} kept (not kept: " in printed
    limits = {(row["iteration"], row["variant"], row["k"]): row for row in shown["at_the_limit"]}
    assert set(limits) == {(0, variant, k) for variant in ("plain", "cue") for k in (0, 2)} | {
        (1, "alpaca", k) for k in (0, 2)
    }
    assert all(0 <= row["truncated"] <= 1 for row in limits.values())
