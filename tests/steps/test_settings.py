"""What a recipe says of model and adapter reaches those who load and tune."""

from selfspec_assets.recipe.recipe import load_recipe
from selfspec_assets.steps.adapter import tuning_settings
from selfspec_assets.steps.lineage import Lineage
from tests.conftest import Project


def test_all_that_a_recipe_says_of_model_and_adapter_reaches_them(project: Project) -> None:
    project.recipe["base_model"].update(dtype="bfloat16", chat_template="always")
    project.recipe["adapter"].update(dropout=0.25, alpha=5, learning_rate=0.125)
    project.recipe["seed"] = 17
    project.save()
    recipe = load_recipe("tiny").recipe
    held = Lineage(load_recipe("tiny")).model_spec.model_dump(exclude={"path_or_id"})
    assert held == recipe.base_model.model_dump(exclude={"model"})
    settings = tuning_settings(recipe)
    assert settings.model_dump(exclude={"seed"}) == recipe.adapter.model_dump()
    assert settings.seed == 17
