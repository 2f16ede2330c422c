"""Work that meets bad input: the commands that a person types, and the assets themselves, as Dagster calls them."""

from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import Any

import dagster as dg
from typer.testing import CliRunner

from selfspec_assets.base import printing
from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.cli.app import app
from selfspec_assets.orchestration.builder import asset_of
from selfspec_assets.planning.check import check_recipe
from selfspec_assets.recipe.recipe import load_recipe
from selfspec_assets.steps.lineage import Lineage
from tests.bad_input.trial import made_once
from tests.conftest import Project

Way = Callable[[Project, Any], object]
_RUN = CliRunner()


def command(*arguments: str) -> Way:
    """A command that ends with its error's message and 1; the error itself is raised here."""

    def way(project: Project, given: Any) -> None:
        done = _RUN.invoke(app, [*arguments, *(given if isinstance(given, list) else [])])
        error: BaseException | None = done.exception
        while error is not None and not isinstance(error, SelfspecError):
            error = error.__cause__ or error.__context__
        if error is None:
            raise AssertionError(f"ended with {done.exit_code}: {done.output}") from done.exception
        assert done.exit_code == 1, done.exit_code
        assert printing.shown(str(error), "utf-8") in done.stderr, "the message is not shown whole"
        raise error

    return way


def check(project: Project, given: Any) -> None:
    """``selfspec check tiny``, whose errors are collected."""
    _, problem = check_recipe(load_recipe("tiny"), "botany")
    if problem is not None:
        raise problem


def make(step: str) -> Way:
    """The asset of a step: guard, lock, work, checks, commit."""

    def way(project: Project, given: Any) -> None:
        lineage = Lineage(load_recipe("tiny"))
        asset = asset_of(lineage, lineage.step(step))
        try:
            list(asset(dg.build_asset_context(partition_key="botany", instance=_instance())))  # type: ignore[call-overload]
        except dg.Failure as failure:
            raise failure.__cause__ or failure from None

    return way


def _make_benchmarks(project: Project) -> None:
    with suppress(dg.DagsterInvariantViolationError):  # called by itself, an asset's checks are not passed on
        make("benchmarks")(project, None)


benchmarks_made = made_once(_make_benchmarks)  # what the corpus and the training splits need


@cache
def _instance() -> dg.DagsterInstance:
    """In memory; making one takes longer than all the rest of a case."""
    return dg.DagsterInstance.ephemeral()
