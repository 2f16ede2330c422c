"""Every kind of bad input: ``trial.try_all(KINDS, …)`` tries them, ``trial.counts()`` tells how many were caught."""

from tests.bad_input import benchmarks, corpora, environment, ggufs, models, packs, recipes, seeds, statements
from tests.bad_input.trial import Kind

KINDS: tuple[Kind, ...] = (
    *(recipes.KIND, packs.KIND, seeds.KIND, corpora.KIND, benchmarks.KIND, benchmarks.TRAINING_KIND),
    *(models.MODEL, *ggufs.KINDS, models.TOKENIZER_KIND, models.ADAPTER_KIND, statements.KIND, *environment.KINDS),
)
