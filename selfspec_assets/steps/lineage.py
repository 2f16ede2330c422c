"""Which step needs which, and each step's expected signature. Pure: nothing is run and no model is loaded.

A signature covers the step's code version, its slice of the recipe, the digests of the files it reads and the
signatures of the steps it needs. So what a recipe would make is known before anything runs, two recipes that agree up
to a step share its revision, and a step whose inputs are stale can be refused.
"""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from selfspec_assets import plugins
from selfspec_assets.base import home
from selfspec_assets.base.known_models import OnHub, known_model
from selfspec_assets.base.signature import signed_text, text_digest
from selfspec_assets.models.folder import ModelSpec
from selfspec_assets.models.source import model_digest
from selfspec_assets.models.weights import precision_of
from selfspec_assets.packs.pack import Pack, load_pack
from selfspec_assets.recipe.recipe import NamedRecipe, Recipe
from selfspec_assets.recipe.sections import EMBEDDED, BaseModelSection
from selfspec_assets.warehouse import StepKey
from selfspec_assets.warehouse.rows import Row

Need = tuple[str, int]  # (step, iteration); iteration 0 for what belongs to the domain alone


class Signed(Protocol):
    """What signatures are made of; ``steps.step.Step`` says what each is."""

    name: str
    code_version: str
    per_iteration: bool
    on_demand: bool
    told_by_files: frozenset[str]
    refines: str | None

    @property
    def tables(self) -> tuple[type[Row], ...]: ...
    def belongs_to(self, recipe: Recipe) -> bool: ...
    def needs(self, recipe: Recipe, iteration: int) -> list[Need]: ...
    def settings(self, recipe: Recipe, iteration: int) -> dict[str, Any]: ...
    def files(self, lineage: "Lineage", domain: str, iteration: int) -> dict[str, str]: ...
    def options(self, recipe: Recipe) -> dict[str, Any]: ...
    def work_signature(self, lineage: "Lineage", domain: str, iteration: int) -> str: ...


def every_step() -> dict[str, Any]:
    """All steps by name: selfspec's in flow order, then those that plug-ins add."""
    known = {plugin.name: plugin.target for plugin in plugins.REGISTRY.all("step")}
    return {name: known[name] for name in [*plugins.STEPS, *(name for name in known if name not in plugins.STEPS)]}


def flow(recipe: Recipe) -> list[Any]:
    """The steps of a recipe's graph, each after what it needs; one that is added comes behind what it refines.

    Raises:
        SelfspecError: a step that is added does not exist, or has no such option.
    """
    known = every_step()
    steps = [known[name] for name in plugins.STEPS if known[name].belongs_to(recipe)]
    for use in recipe.steps:
        added = plugins.REGISTRY.get("step", use.name, "recipe: steps").target
        added.options(recipe)
        before = [place for place, step in enumerate(steps) if added.refines in (step.name, step.refines)]
        steps.insert(1 + max(before) if added.refines and before else len(steps), added)
    return steps


def code_version(step: str) -> str:
    """What stands for a step's code in its signature: its version and, of code from elsewhere, all its files."""
    plugin = plugins.REGISTRY.get("step", step, step)
    return plugin.identity if plugin.code else str(plugin.target.code_version)


def previous_adapters(iteration: int, how_many: int) -> list[Need]:
    """The adapters of the last iterations, the newest first; none before iteration 2."""
    return [("adapter", n) for n in range(iteration - 1, max(iteration - 1 - how_many, 0), -1)]


def spec_of(section: BaseModelSection) -> ModelSpec:
    """The model that a recipe names, by where it lies."""
    where, held = section.model, section.held
    if section.model == EMBEDDED:
        where = str(home.embedded_model_folder())
    elif section.is_path:
        where = str((home.project_folder() / Path(section.model).expanduser()).resolve())
    elif section.is_known and isinstance(source := known_model(section.model).source, OnHub):
        where, held["revision"] = source.repository, source.commit
    return ModelSpec(where, **held)


def identity_of(spec: ModelSpec) -> str:
    """The weights' digest with the precision they are used in, and whether prompts wear the chat template.

    ``auto`` stands for a CPU's float32. On a GPU, or where a CPU's trial said so (``models.precision``), it is
    bfloat16, and the two must never pass for each other.
    """
    chat = " chat" if spec.chat_template == "always" else ""
    dtype = "bfloat16" if precision_of(spec) == "bfloat16" else spec.dtype
    return f"{model_digest(spec)} {dtype} {spec.quantization}{chat}"


class Lineage:
    """The expected signatures of one recipe.

    Args:
        packs: packs that are loaded already, by name; recipes that are looked at together share them.
    """

    def __init__(self, named: NamedRecipe, packs: dict[str, Pack] | None = None) -> None:
        self.named = named
        self.recipe = named.recipe
        self._signatures: dict[StepKey, str] = {}
        self._packs: dict[str, Pack] = {} if packs is None else packs

    @cached_property
    def flow(self) -> Sequence[Any]:
        """The recipe's steps, each after what it needs."""
        return tuple(flow(self.recipe))

    def step(self, name: str) -> Any:
        """The step of that name, whether the recipe's graph has it or not.

        Raises:
            KeyError: there is no such step.
        """
        return every_step()[name]

    def pack(self, domain: str) -> Pack:
        if domain not in self._packs:
            self._packs[domain] = load_pack(domain)
        return self._packs[domain]

    @cached_property
    def model_spec(self) -> ModelSpec:
        return spec_of(self.recipe.base_model)

    @cached_property
    def model_identity(self) -> str:
        """Of the base model, as ``identity_of`` has it."""
        return identity_of(self.model_spec)

    def key(self, step: str, domain: str, iteration: int) -> StepKey:
        return StepKey(self.named.name, step, domain, iteration if self.step(step).per_iteration else 0)

    def steps(self, iteration: int) -> tuple[str, ...]:
        """The names of the recipe's steps in flow order: of the domain alone (iteration 0), or of an iteration."""
        return tuple(step.name for step in self.flow if step.per_iteration == bool(iteration))

    def judges(self, step: str, reader: str, iteration: int) -> list[Need]:
        """The refining steps of this recipe whose verdicts count when ``reader`` reads a step's rows."""
        names = [judge.name for judge in self.flow if judge.refines == step]
        if reader in names:  # a judge reads what the judges before it kept
            names = names[: names.index(reader)]
        return [(name, iteration) for name in names]

    def needs(self, step: str, iteration: int) -> list[Need]:
        """The steps that a step reads, and those that judge what it reads."""
        own = self.step(step).needs(self.recipe, iteration)
        return [need for name, n in own for need in ((name, n), *self.judges(name, step, n))]

    def signature(self, step: str, domain: str, iteration: int) -> str:
        """SHA-256 of everything that decides the step's rows."""
        key = self.key(step, domain, iteration)
        if key not in self._signatures:
            self._signatures[key] = text_digest(self.signed(step, domain, iteration))
        return self._signatures[key]

    def signed(self, step: str, domain: str, iteration: int) -> str:
        """The text that the signature is the SHA-256 of; a needed step stands in it as ``name|iteration``."""
        own = self.step(step)
        needs = [(name, n) for name, n in self.needs(step, iteration) if name not in own.told_by_files]
        inputs = {f"{name}|{n}": self.signature(name, domain, n) for name, n in needs}
        inputs.update(own.files(self, domain, iteration))
        return signed_text(step, code_version(step), self.settings(step, iteration), inputs)

    def work_signature(self, step: str, domain: str, iteration: int) -> str:
        """Names the folder of the step's unfinished work."""
        return str(self.step(step).work_signature(self, domain, iteration))

    def settings(self, step: str, iteration: int) -> dict[str, Any]:
        """The step's slice of the recipe: all of it that is in the signature."""
        return dict(self.step(step).settings(self.recipe, iteration))
