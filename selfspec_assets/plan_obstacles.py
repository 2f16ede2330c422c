"""What would stop a step before it begins, found in recipe, pack and files alone."""

from selfspec_assets.corpora.census import has_corpus, no_corpus
from selfspec_assets.domain import load_items, load_training_items, no_training_split
from selfspec_assets.errors import SelfspecError
from selfspec_assets.lineage import Lineage
from selfspec_assets.records import demonstrating
from selfspec_assets.scored_benchmarks import scored_benchmarks
from selfspec_assets.seed_sample import recipe_seeds, too_few_to_show


def obstacle(lineage: Lineage, step: str, domain: str, iteration: int) -> str | None:
    """``by PLACE: reason (remedy: …)``, or None. Its inputs are not looked at: their own rows tell."""
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
        error = check(lineage, domain) if check else None
    except SelfspecError as found:
        error = found
    return None if error is None else stopped_by(error)


def stopped_by(error: SelfspecError) -> str:
    """What stands in the way, in words."""
    return f"by {error.place}: {error.reason} (remedy: {error.remedy})"


def _seeds(lineage: Lineage, domain: str) -> None:
    recipe_seeds(lineage.pack(domain), lineage.recipe)


def _corpus(lineage: Lineage, domain: str) -> SelfspecError | None:
    pack, kind = lineage.pack(domain), lineage.recipe.data
    return None if has_corpus(pack, kind) else no_corpus(pack, kind)


def _benchmarks(lineage: Lineage, domain: str) -> SelfspecError | None:
    pack, kind = lineage.pack(domain), lineage.recipe.data
    scored_benchmarks(lineage.named, pack)
    for one in pack.present(kind):
        load_items(pack, one, kind)
    return None


def _training_items(lineage: Lineage, domain: str) -> SelfspecError | None:
    pack, kind = lineage.pack(domain), lineage.recipe.data
    found = any(load_training_items(pack, one, kind) for one in scored_benchmarks(lineage.named, pack))
    return None if found else no_training_split(pack, kind)


def _shown_seeds(lineage: Lineage, domain: str) -> SelfspecError | None:
    return too_few_to_show(lineage.named, domain, len(recipe_seeds(lineage.pack(domain), lineage.recipe)))


def _demonstrations(lineage: Lineage, domain: str) -> SelfspecError | None:
    """As ``selfspec check``: every benchmark that is scored has seeds enough to show."""
    pack, shots = lineage.pack(domain), max(lineage.recipe.scores.shots)
    seeds = recipe_seeds(pack, lineage.recipe) if shots else []
    for one in scored_benchmarks(lineage.named, pack):
        count = len(demonstrating(seeds, one.name, one.task))
        if count < shots:
            reason = f"asks for {shots}, {count} seeds demonstrate '{one.name}'"
            remedy = "write more seeds for it, or ask for fewer shots"
            return SelfspecError(f"{lineage.named.path}: scores.shots", reason, remedy)
    return None
