"""selfspec in somebody else's Dagster project: definitions of recipes, and a component whose YAML is a recipe."""

from pathlib import Path
from typing import Any, Self

import dagster as dg
from pydantic import BaseModel

from selfspec_assets.base import home
from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.orchestration.builder import definitions_of
from selfspec_assets.recipe.component_file import NAME, Attributes, recipe_of
from selfspec_assets.recipe.recipe import NamedRecipe, load_recipe


def definitions_for(*recipes: str | Path, project: str | Path | None = None) -> dg.Definitions:
    """Assets, checks, jobs and automation of recipes, to be merged with a project's own definitions.

    Nothing is said of the project's executor: the recipes' jobs run in one process, so that a model is loaded once.

    Args:
        recipes: files, or names as on the command line.
        project: the folder of packs, seeds, models and warehouse; relative files of recipes lie in it. Without it
            ``SELFSPEC_HOME`` or the current folder, as on the command line.

    Raises:
        SelfspecError: a recipe is missing or wrong (file, line, key), or another project is in use in this process.
    """
    if project is not None:
        home.use_project(Path(project))
    loaded = [load_recipe(_file(str(recipe), project)) for recipe in recipes]
    if not loaded:
        raise SelfspecError("definitions_for", "no recipe is named", 'definitions_for("recipe.yaml")')
    return definitions_of(loaded, executor=None)


def _file(recipe: str, project: str | Path | None) -> str:
    is_file = recipe.endswith((".yaml", ".yml"))
    return str(Path(project, recipe)) if is_file and project is not None else recipe


class SelfSpecialization(dg.Component):
    """A recipe as a component: its attributes are the recipe's keys, and ``name`` and ``project``.

    ``name``: of the recipe, without it the folder's. ``project``: the folder of packs, seeds, models and warehouse,
    from the component's own folder.
    """

    def __init__(self, named: NamedRecipe) -> None:
        self.named = named

    @classmethod
    def get_model_cls(cls) -> type[BaseModel]:
        return Attributes

    @classmethod
    def load(cls, attributes: BaseModel | None, context: dg.ComponentLoadContext) -> Self:
        if not isinstance(attributes, Attributes):
            raise SelfspecError(context.path, "the component has no attributes", "give it the keys of a recipe")
        folder = context.path if context.path.is_dir() else context.path.parent
        if attributes.project is not None:
            home.use_project(folder / attributes.project)
        return cls(recipe_of(attributes, folder / NAME))

    def build_defs(self, context: Any) -> dg.Definitions:
        return definitions_of([self.named], executor=None)
