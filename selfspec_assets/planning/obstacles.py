"""What would stop a step before it begins, found in recipe, pack and files alone: asked by ``plan`` and ``run``."""

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.packs.census import has_corpus, no_corpus
from selfspec_assets.packs.pack import load_training_items, no_training_split
from selfspec_assets.packs.scored_benchmarks import read_present, scored_benchmarks, too_few_demonstrations
from selfspec_assets.packs.seed_sample import recipe_seeds, too_few_to_show
from selfspec_assets.steps.lineage import Lineage


def obstacle(lineage: Lineage, step: str, domain: str) -> SelfspecError | None:
    """What is in the way of a step, or None. Its inputs are not looked at: their own steps tell."""
    check = {
        "seeds": _seeds,
        "corpus": _corpus,
        "benchmarks": _benchmarks,
        "training_items": _training_items,
        "instructions": _shown_seeds,
        "base_predictions": _demonstrations,
        "predictions": _demonstrations,
    }.get(step)
    try:
        return check(lineage, domain) if check else None
    except SelfspecError as found:
        return found


def stopped_by(error: SelfspecError) -> str:
    """What stands in the way, in words: ``by PLACE: reason (remedy: …)``."""
    return f"by {error.place}: {error.reason} (remedy: {error.remedy})"


def _seeds(lineage: Lineage, domain: str) -> None:
    recipe_seeds(lineage.pack(domain), lineage.recipe)


def _corpus(lineage: Lineage, domain: str) -> SelfspecError | None:
    pack, kind = lineage.pack(domain), lineage.recipe.data
    return None if has_corpus(pack, kind) else no_corpus(pack, kind)


def _benchmarks(lineage: Lineage, domain: str) -> None:
    pack, kind = lineage.pack(domain), lineage.recipe.data
    scored_benchmarks(lineage.named, pack)
    read_present(pack, kind, lineage.recipe.scores.benchmarks)


def _training_items(lineage: Lineage, domain: str) -> SelfspecError | None:
    pack, kind = lineage.pack(domain), lineage.recipe.data
    found = any(load_training_items(pack, one, kind) for one in scored_benchmarks(lineage.named, pack))
    return None if found else no_training_split(pack, kind)


def _shown_seeds(lineage: Lineage, domain: str) -> SelfspecError | None:
    return too_few_to_show(lineage.named, domain, len(recipe_seeds(lineage.pack(domain), lineage.recipe)))


def _demonstrations(lineage: Lineage, domain: str) -> SelfspecError | None:
    pack = lineage.pack(domain)
    return too_few_demonstrations(lineage.named, pack, recipe_seeds(pack, lineage.recipe))
