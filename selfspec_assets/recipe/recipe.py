"""The recipe: one YAML file, one section per asset, few keys beside; no inheritance, no interpolation.

What a step's result depends on is its *slice* of the recipe (``settings_for``). ``EXCLUDED`` names every key that
changes speed or memory only; it is the whole list, and a test holds that each other key changes some signature.
"""

import math
import os
import re
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from pydantic import AfterValidator, Field, model_validator

from selfspec_assets.base import home
from selfspec_assets.base.errors import SelfspecError, did_you_mean
from selfspec_assets.base.strict import Strict, load_yaml
from selfspec_assets.recipe.sections import (
    EMBEDDED,
    AdapterSection,
    BaseModelSection,
    ChecksSection,
    DataKind,
    ExecutionSection,
    InstructionsSection,
    PassagesSection,
    ResponsesSection,
    ScoresSection,
    SeedsSection,
    Slug,
    StepUse,
    unique,
)

MAX_ITERATIONS = 9
_NAME = re.compile(r"\w[\w.-]*")


def _each_step_once(steps: tuple[StepUse, ...]) -> tuple[StepUse, ...]:
    unique(tuple(step.name for step in steps))
    return steps


class Loop(NamedTuple):
    """The sections of what a reference recipe leaves out."""

    instructions: InstructionsSection
    passages: PassagesSection
    responses: ResponsesSection


class Recipe(Strict):
    """A whole recipe; ``name`` is its file's name."""

    base_model: BaseModelSection
    data: DataKind
    domains: Annotated[tuple[Slug, ...], Field(min_length=1, strict=False), AfterValidator(unique)]
    iterations: Annotated[int, Field(ge=1, le=MAX_ITERATIONS)]
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    seeds: SeedsSection = SeedsSection()
    instructions: InstructionsSection | None = None  # None for a reference only, as ``_whole`` holds
    passages: PassagesSection = PassagesSection()
    responses: ResponsesSection | None = None
    adapter: AdapterSection
    scores: ScoresSection
    steps: Annotated[tuple[StepUse, ...], Field(strict=False), AfterValidator(_each_step_once)] = ()  # added by name
    checks: ChecksSection = ChecksSection()
    execution: ExecutionSection = ExecutionSection()
    automation: bool = False  # Dagster makes by itself what is missing or stale

    def step_options(self, name: str) -> dict[str, Any]:
        """What ``steps`` give the step of that name, as it was written; nothing where they give or name none."""
        return next((use.options for use in self.steps if use.name == name), {})

    @property
    def is_reference(self) -> bool:
        """The adapter is tuned on given answers, once: nothing is generated."""
        return self.adapter.data in ("seeds", "supervised")

    @property
    def loop(self) -> Loop:
        """The sections that only a recipe of the loop has; not to be asked of a reference."""
        assert self.instructions is not None
        assert self.responses is not None
        return Loop(self.instructions, self.passages, self.responses)

    @model_validator(mode="after")
    def _whole(self) -> "Recipe":
        if self.is_reference:
            if self.iterations != 1:
                raise ValueError(
                    f"key 'iterations' must be 1 with adapter.data: {self.adapter.data}, not {self.iterations}: "
                    "such an adapter is tuned once, on given answers"
                )
            return self
        for name in ("instructions", "responses"):
            if getattr(self, name) is None:
                raise ValueError(f"key '{name}' is missing; only adapter.data: seeds or supervised does without it")
        return self

    @model_validator(mode="after")
    def _consistent(self) -> "Recipe":
        if self.data == "bundled" and self.base_model.model != EMBEDDED:
            raise ValueError(
                "data: bundled is the embedded model's own small world; use data: starter or published with "
                f"base_model '{self.base_model.model}'"
            )
        other = next((one for one in self.scores.further_models if one.model != EMBEDDED), None)
        if self.data == "bundled" and other is not None:
            raise ValueError(
                f"key 'scores.further_models': data: bundled is the embedded model's own small world, which "
                f"'{other.model}' cannot know; use data: starter or published"
            )
        if not self.is_reference and not isinstance(self.passages.k, int) and len(self.passages.k) != self.iterations:
            raise ValueError(f"passages.k lists {len(self.passages.k)} values for {self.iterations} iterations")
        if not self.is_reference and not self.adapter.with_seeds:
            most = math.ceil(self.loop.instructions.target * self.adapter.epochs / self.adapter.batch_size)
            if most < self.adapter.min_steps:
                raise ValueError(
                    f"key 'adapter.min_steps' asks for {self.adapter.min_steps} optimiser steps, but "
                    f"instructions.target {self.loop.instructions.target} makes {most} at most with "
                    f"adapter.batch_size {self.adapter.batch_size} and epochs {self.adapter.epochs}"
                )
        if not self.is_reference and self.iterations > 1:
            contrast = self.loop.responses.contrast
            if contrast.form != "none" and contrast.alpha == 1:
                raise ValueError(
                    "key 'responses.contrast.alpha' must be below 1: at 1 only the likeliest token is left, and the "
                    "contrast can choose no other; set it lower, or responses.contrast.form: none"
                )
        return self


class NamedRecipe(Strict):
    """A recipe with its name and file."""

    name: str
    path: Path
    recipe: Recipe

    @property
    def key(self) -> str:
        """The name as Dagster takes it: letters, digits, underscores."""
        return re.sub(r"[^A-Za-z0-9_]", "_", self.name)


def with_workers(named: NamedRecipe, workers: int) -> NamedRecipe:
    """The recipe with another number of workers; no signature changes."""
    execution = named.recipe.execution.model_copy(update={"workers": workers})
    return named.model_copy(update={"recipe": named.recipe.model_copy(update={"execution": execution})})


# Keys that change speed and memory, when to give up, when to warn or who starts a run: never a kept row. Left out of
# every signature.
EXCLUDED = frozenset(
    {
        "base_model.devices",
        "instructions.batch_size",
        "instructions.min_kept",
        "responses.batch_size",
        "responses.min_kept",
        "adapter.micro_batch_size",
        "adapter.min_steps",
        "scores.batch_size",
        *(f"checks.{key}" for key in ChecksSection.model_fields),
        *(f"execution.{key}" for key in ExecutionSection.model_fields),
        "automation",
    }
)


def recipe_names() -> list[str]:
    names: set[str] = set()
    for base in home.search_folders():
        names.update(path.stem for path in (base / "recipes").glob("*.yaml"))
    return sorted(names)


def own_recipe_names() -> list[str]:
    """The recipes of the project's own ``recipes/``; all in reach where it holds none."""
    return sorted(path.stem for path in (home.project_folder() / "recipes").glob("*.yaml")) or recipe_names()


def load_recipe(name: str) -> NamedRecipe:
    """A recipe by name, or by the path of its file.

    Raises:
        SelfspecError: no such recipe, or a problem in it (file, line, key, remedy).
    """
    path = Path(name) if name.endswith((".yaml", ".yml")) else home.find(f"recipes/{name}.yaml")
    if path is None or not os.path.isfile(path):  # False, too, for a name that no file can have
        known = recipe_names()
        remedy = f"{did_you_mean(name, known)}choose one of: {', '.join(known) or 'none'}; or write recipes/{name}.yaml"
        raise SelfspecError(f"recipe '{name}'", "no such recipe", remedy)
    return NamedRecipe(name=checked_name(path.stem, path), path=path, recipe=load_yaml(path, Recipe))


def checked_name(name: str, path: Path) -> str:
    """The name, which folders of the warehouse can have.

    Raises:
        SelfspecError: they cannot.
    """
    if not _NAME.fullmatch(name):
        remedy = "rename the file: letters, digits, '_', '-' and '.', and no '.' or '-' in front"
        raise SelfspecError(path, f"'{name}' cannot be the name of a recipe", remedy)
    return name


def matching_recipes(pattern: str) -> list[NamedRecipe]:
    """The recipes that a name, a file's path, or a glob over names (``ablation_*``) stands for, sorted by name.

    Raises:
        SelfspecError: as ``load_recipe``, or the glob matches none.
    """
    return [load_recipe(name) for name in matching_names(pattern)]


def matching_names(pattern: str) -> list[str]:
    """What ``matching_recipes`` loads; a name or path stands for itself, and a glob that matches none is an error."""
    if not is_glob(pattern):
        return [pattern]
    matching = [name for name in recipe_names() if fnmatchcase(name, pattern)]
    if not matching:
        known = ", ".join(recipe_names()) or "none"
        raise SelfspecError(f"recipes '{pattern}'", "no recipe's name matches", f"there are: {known}")
    return matching


def is_glob(pattern: str) -> bool:
    return any(sign in pattern for sign in "*?[")


def load_recipes() -> list[NamedRecipe]:
    """All recipes in lookup order, sorted by name; two whose Dagster keys are equal are an error."""
    recipes = [load_recipe(name) for name in recipe_names()]
    by_key: dict[str, NamedRecipe] = {}
    for recipe in recipes:
        if recipe.key in by_key:
            raise SelfspecError(
                recipe.path,
                f"clashes with {by_key[recipe.key].path}: both are '{recipe.key}' in Dagster",
                "rename one of the files",
            )
        by_key[recipe.key] = recipe
    return recipes


def settings_for(recipe: Recipe, *sections: str) -> dict[str, object]:
    """The recipe's slice for a signature: the named sections (or scalar keys) without the excluded keys."""
    dumped = recipe.model_dump(mode="json")
    slice_: dict[str, object] = {}
    for section in sections:
        value = dumped[section]
        if isinstance(value, dict):
            value = {key: inner for key, inner in value.items() if f"{section}.{key}" not in EXCLUDED}
        slice_[section] = value
    return slice_
