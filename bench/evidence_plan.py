"""What ``make evidence`` is to measure: derived recipes, one per seed, and how much of the work is left."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import yaml

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.base.progress import clock
from selfspec_assets.recipe.recipe import NamedRecipe, load_recipe, matching_recipes
from selfspec_assets.steps.lineage import Lineage
from selfspec_assets.warehouse import Warehouse

MAIN = "quickstart"
ABLATION = "ablation_"
SOURCES = (MAIN, "reference_seeds", "reference_supervised", f"{ABLATION}*")
DEFAULT_SEEDS = (42, 43, 44)
ITEMS = 24  # of each benchmark: a demo that is to be over soon scores fewer
_DERIVED = re.compile(r"(.+)_s\d+")


@dataclass(frozen=True)
class Planned:
    """A recipe as it is run: the real one (``source``) with this seed, in these domains."""

    source: str
    seed: int
    named: NamedRecipe

    @cached_property
    def lineage(self) -> Lineage:
        return Lineage(self.named)

    @property
    def iterations(self) -> int:
        return self.named.recipe.iterations

    def is_measured(self, warehouse: Warehouse, domain: str) -> bool:
        """Whether the scores of every iteration are there, made from what the recipe says now."""
        keys = [(self.lineage.key("scores", domain, n), n) for n in range(1, self.iterations + 1)]
        return all(warehouse.current(key) == self.lineage.signature("scores", domain, n) for key, n in keys)


def plan(patterns: Sequence[str], seeds: Sequence[int], domains: Sequence[str] | None, folder: Path) -> list[Planned]:
    """Writes the derived recipes into ``folder/recipes``; seed by seed, so that the first whole seed comes early.

    An ablation is run with the first seed alone: there are many of them, and all are to be over within a night.

    Args:
        patterns: names of real recipes, or globs over them.
        seeds: what ``seed`` is replaced by.
        domains: those wanted; None for all of the main recipe's.
        folder: the project folder that ``SELFSPEC_HOME`` names.

    Raises:
        SelfspecError: a recipe is missing or broken, or a pattern matches none.
    """
    return [
        Planned(source.name, seed, derive(source, seed, own, folder))
        for source, own, seed in _by_seed(_wanted(patterns, domains), seeds)
        if own
    ]


def whole() -> list[tuple[str, str, int]]:
    """(real recipe, domain, seed) of everything that the page shows; planned where nothing is narrowed down."""
    planned = _by_seed(_wanted(SOURCES, None), DEFAULT_SEEDS)
    return [(source.name, domain, seed) for source, own, seed in planned for domain in own]


def _by_seed(
    wanted: Sequence[tuple[NamedRecipe, list[str]]], seeds: Sequence[int]
) -> Iterator[tuple[NamedRecipe, list[str], int]]:
    for seed in seeds:
        for source, own in wanted:
            if seed == seeds[0] or not source.name.startswith(ABLATION):
                yield source, own, seed


def _wanted(patterns: Sequence[str], domains: Sequence[str] | None) -> list[tuple[NamedRecipe, list[str]]]:
    """The main recipe and the references are run in every domain, an ablation in those of its own."""
    chosen = domains if domains is not None else load_recipe(MAIN).recipe.domains
    found = []
    for source in _sources(patterns):
        everywhere = source.name == MAIN or source.recipe.is_reference
        found.append((source, [domain for domain in chosen if everywhere or domain in source.recipe.domains]))
    return found


def _sources(patterns: Sequence[str]) -> list[NamedRecipe]:
    """The real recipes, in the order of the patterns; what an earlier plan derived is not derived from again."""
    found = {named.name: named for pattern in patterns for named in matching_recipes(pattern)}
    derived = {name for name in found if (match := _DERIVED.fullmatch(name)) and match[1] in found}
    return [named for name, named in found.items() if name not in derived]


def derive(source: NamedRecipe, seed: int, domains: Sequence[str], folder: Path) -> NamedRecipe:
    """A copy of a recipe's file as ``<name>_s<seed>``: that seed, these domains, ``ITEMS`` of each benchmark."""
    value = yaml.safe_load(source.path.read_text(encoding="utf-8"))
    value.update(seed=seed, domains=list(domains))
    value["scores"]["items_per_benchmark"] = ITEMS
    name = f"{source.name}_s{seed}"
    text = (
        f"# {source.name}.yaml with another seed, other domains and more items.\n"
        "# Written by bench/evidence.py; changes are lost.\n"
        f"#   selfspec run {name}\n{yaml.safe_dump(value, sort_keys=False)}"
    )
    path = folder / "recipes" / f"{name}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")
    return load_recipe(str(path))


class Remaining:
    """What of a plan is still to be made, counted in steps that recipes do not share, and how long it may take."""

    def __init__(self, planned: Sequence[Planned], warehouse: Warehouse) -> None:
        self._warehouse = warehouse
        self._steps = dict(step for one in planned for step in _steps(one))

    def counts(self) -> tuple[int, int]:
        """(steps made, steps in all)."""
        return sum(map(self._warehouse.has, self._steps)), len(self._steps)

    def seconds(self) -> float | None:
        """Each missing step taken at the mean of its kind; None while a kind that is missing was never timed."""
        timed: dict[str, list[float]] = {}
        missing: list[str] = []
        for signature, step in self._steps.items():
            if not self._warehouse.has(signature):
                missing.append(step)
            elif run := self._warehouse.revision(signature).run:
                timed.setdefault(step, []).append(run.seconds)
        if not all(step in timed for step in missing):
            return None
        return sum(sum(timed[step]) / len(timed[step]) for step in missing)

    def line(self) -> str:
        """``12 of 180 steps made, about 1:20:00 left``."""
        (made, total), seconds = self.counts(), self.seconds()
        left = "time left not known yet" if seconds is None else f"about {clock(seconds)} left"
        return f"{made} of {total} steps made, {left}"


def _steps(one: Planned) -> Iterator[tuple[str, str]]:
    for domain in one.named.recipe.domains:
        for n in range(one.iterations + 1):
            for step in one.lineage.steps(n):
                yield one.lineage.signature(step, domain, n), step


def check(planned: Sequence[Planned]) -> None:
    """Every signature can be made: what is missing of packs, seeds and models shows before hours of work.

    Raises:
        SelfspecError: the first thing that is missing; a recipe that would draw other items under another seed.
    """
    if not planned:
        raise SelfspecError("evidence", "nothing is planned: no recipe has one of these domains", "name others")
    for one in planned:
        scores = one.named.recipe.scores
        if scores.items_per_benchmark is not None and scores.items == "drawn":
            reason = "drawn: every seed would be scored on items of its own, and the page pairs seeds by item"
            raise SelfspecError(f"recipe '{one.source}': scores.items", reason, "set it to 'first', or score all items")
        list(_steps(one))
