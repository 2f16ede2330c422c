"""What would stop a step before it begins, found in recipe, pack and files alone: asked by ``plan`` and ``run``."""

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.models.source import model_obstacle
from selfspec_assets.steps.lineage import Lineage


def obstacle(lineage: Lineage, step: str, domain: str) -> SelfspecError | None:
    """What is in the way of a step, or None. Its inputs are not looked at: their own steps tell."""
    try:
        found: SelfspecError | None = lineage.step(step).obstacle(lineage, domain)
        if found is None and lineage.step(step).holds_model:
            found = model_obstacle(lineage.model_spec)
    except SelfspecError as error:
        return error
    return found


def stopped_by(error: SelfspecError) -> str:
    """What stands in the way, in words: ``by PLACE: reason (remedy: …)``."""
    return f"by {error.place}: {error.reason} (remedy: {error.remedy})"
