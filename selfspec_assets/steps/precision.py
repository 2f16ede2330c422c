"""When `dtype: auto` is decided on a CPU: before the first step that runs the model, once for all that follows."""

from selfspec_assets.base import home
from selfspec_assets.models.precision import Choice, choose, chosen, is_small, layer_shapes, machine, tried
from selfspec_assets.models.source import local_folder, model_digest, model_folder
from selfspec_assets.models.weights import has_gpu
from selfspec_assets.recipe.recipe import NamedRecipe
from selfspec_assets.recipe.sections import EMBEDDED
from selfspec_assets.steps.lineage import Lineage
from selfspec_assets.warehouse import Warehouse


def settle_precision(named: NamedRecipe, *, fetch: bool) -> str | None:
    """Decide for the recipe's model, where nobody has; signatures that are asked for afterwards hold the choice.

    Where the warehouse holds what was made with the model in float32, it stays float32, so nothing is made again.

    Args:
        fetch: whether weights that are not here are fetched or converted for it; if not, nothing is decided yet.

    Returns:
        What was chosen and why, for a person; None where nothing is to be chosen: the recipe names a precision, a GPU
        computes, or the model is so small that it makes no difference.

    Raises:
        SelfspecError: the record of choices is damaged, or the weights cannot be had.
    """
    spec = Lineage(named).model_spec
    if spec.dtype != "auto" or spec.quantization != "none" or has_gpu() or named.recipe.base_model.model == EMBEDDED:
        return None
    if (known := chosen(spec)) is not None:
        return str(known)
    folder = local_folder(spec)
    if folder is not None and is_small(layer_shapes(folder)):
        return None
    if _holds_float32(f"{model_digest(spec)} auto "):
        return str(choose(spec, lambda: Choice("float32", "what is stored here was made in it", machine())))
    if folder is None and not fetch:
        return None
    shapes = layer_shapes(folder or model_folder(spec))
    return None if is_small(shapes) else str(choose(spec, lambda: tried(shapes)))


def _holds_float32(identity: str) -> bool:
    """Whether anything in the warehouse was made with this model before a precision was chosen for it."""
    warehouse = Warehouse(home.warehouse_folder())
    signatures = {entry.signature for entry in warehouse.entries() if warehouse.has(entry.signature)}
    return any(identity in (warehouse.revision(signature).signed or "") for signature in signatures)
