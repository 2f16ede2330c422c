"""A recipe that stands in another Dagster project's ``defs.yaml``, as the attributes of a component."""

from pathlib import Path
from typing import Any

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.base.strict import Strict, load_yaml
from selfspec_assets.recipe.recipe import NamedRecipe, Recipe, checked_name, load_recipe

NAME = "defs.yaml"


class Attributes(Recipe):
    """The recipe's keys, its name, and where its project lies."""

    name: str | None = None
    project: str | None = None


class ComponentFile(Strict):
    """What Dagster reads; of its own keys only those that can stand beside one component."""

    type: str
    attributes: Attributes
    template_vars_module: Any = None
    requirements: Any = None
    post_processing: Any = None


def recipe_of(attributes: Attributes, path: Path) -> NamedRecipe:
    """The recipe by itself; without a name it has that of its folder.

    Raises:
        SelfspecError: it cannot have that name.
    """
    name = checked_name(attributes.name or path.parent.name, path)
    values = {key: getattr(attributes, key) for key in Recipe.model_fields}
    return NamedRecipe(name=name, path=path, recipe=Recipe.model_construct(attributes.model_fields_set, **values))


def load_again(path: Path) -> NamedRecipe:
    """The recipe that a file holds now: a recipe's own file, or a component's.

    Raises:
        SelfspecError: as ``load_recipe``.
    """
    if path.name != NAME:
        return load_recipe(str(path))
    if not path.is_file():
        raise SelfspecError(path, "does not exist any more", "write it again, or delete what it made")
    return recipe_of(load_yaml(path, ComponentFile).attributes, path)
