"""Which step needs which, and each step's expected signature. Pure: nothing is run and no model is loaded.

A signature covers the step's code version, its slice of the recipe, the digests of the files it reads and the
signatures of the steps it needs. So what a recipe would make is known before anything runs, two recipes that agree up
to a step share its revision, and a step whose inputs are stale can be refused.
"""

from functools import cached_property
from pathlib import Path

from selfspec_assets import home
from selfspec_assets.domain import Pack, load_pack
from selfspec_assets.language_model import ModelSpec, model_digest
from selfspec_assets.model_weights import precision_of
from selfspec_assets.recipe import NamedRecipe, settings_for
from selfspec_assets.recipe_sections import EMBEDDED
from selfspec_assets.signature import signature, signed_text, text_digest
from selfspec_assets.steps import (
    DOMAIN_STEPS,
    ITERATION_STEPS,
    STEPS,
    Need,
    belongs_to,
    cached_file_digest,
    instruction_files,
    previous_adapters,
)
from selfspec_assets.warehouse import StepKey

REQUESTS = "1"  # raise it when the same settings would ask the model for other lists of instructions
__all__ = ["DOMAIN_STEPS", "ITERATION_STEPS", "STEPS", "Lineage", "cached_file_digest"]


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

    def pack(self, domain: str) -> Pack:
        if domain not in self._packs:
            self._packs[domain] = load_pack(domain)
        return self._packs[domain]

    @cached_property
    def model_spec(self) -> ModelSpec:
        section = self.recipe.base_model
        if section.model == EMBEDDED:
            where = str(home.embedded_model_folder())
        elif section.is_hub_id:
            where = section.model
        else:
            where = str((home.project_folder() / Path(section.model).expanduser()).resolve())
        return ModelSpec(where, section.revision, section.dtype, section.quantization, section.chat_template)

    @cached_property
    def model_identity(self) -> str:
        """The weights' digest with the precision they are used in, and whether prompts wear the chat template.

        ``auto`` stands for a CPU's float32; on a GPU it is bfloat16, and the two must never pass for each other.
        """
        spec = self.model_spec
        chat = " chat" if spec.chat_template == "always" else ""
        on_gpu = spec.dtype == "auto" and precision_of(spec) == "bfloat16"
        return f"{model_digest(spec)} {'bfloat16' if on_gpu else spec.dtype} {spec.quantization}{chat}"

    def key(self, step: str, domain: str, iteration: int) -> StepKey:
        return StepKey(self.named.name, step, domain, iteration if STEPS[step].per_iteration else 0)

    def steps(self, iteration: int) -> tuple[str, ...]:
        """The recipe's steps in flow order: of the domain alone (iteration 0), or of an iteration."""
        kind = ITERATION_STEPS if iteration else DOMAIN_STEPS
        return tuple(step for step in kind if belongs_to(step, self.recipe))

    def needs(self, step: str, iteration: int) -> list[Need]:
        return STEPS[step].needs(self, iteration)

    def signature(self, step: str, domain: str, iteration: int) -> str:
        """SHA-256 of everything that decides the step's rows."""
        key = self.key(step, domain, iteration)
        if key not in self._signatures:
            self._signatures[key] = text_digest(self.signed(step, domain, iteration))
        return self._signatures[key]

    def signed(self, step: str, domain: str, iteration: int) -> str:
        """The text that the signature is the SHA-256 of; a needed step stands in it as ``name|iteration``."""
        definition = STEPS[step]
        inputs = {f"{name}|{n}": self.signature(name, domain, n) for name, n in self.needs(step, iteration)}
        inputs.update(definition.files(self, domain, iteration))
        return signed_text(step, definition.code_version, self.settings(step, iteration), inputs)

    def work_signature(self, step: str, domain: str, iteration: int) -> str:
        """Names the folder of the step's unfinished work: the signature, or that of the raw requests."""
        if step == "instructions" and self.needs(step, iteration) != [("instructions", 1)]:
            return self.request_signature(domain, iteration)
        return self.signature(step, domain, iteration)

    def request_signature(self, domain: str, iteration: int) -> str:
        """Of the raw instruction requests alone: what decides which items are kept throws none of them away."""
        settings = self.settings("instructions", iteration)
        section = dict(settings["instructions"])  # type: ignore[call-overload]
        for key in ("target", "max_requests", "max_rouge_l"):
            section.pop(key)
        needed = [("seeds", 0), *previous_adapters(iteration, 1)]
        inputs = {f"{name}|{n}": self.signature(name, domain, n) for name, n in needed}
        inputs.update(instruction_files(self, domain, iteration))
        for key in ("banned_words", "filters", "language"):  # what is kept of a list, not what is asked for
            inputs.pop(key, None)
        return signature("instruction_requests", REQUESTS, {"seed": settings["seed"], "instructions": section}, inputs)

    def settings(self, step: str, iteration: int) -> dict[str, object]:
        """The step's slice of the recipe: all of it that is in the signature."""
        settings = settings_for(self.recipe, *STEPS[step].settings)
        recipe = self.recipe
        if step == "seeds" and recipe.seeds.sample_train is not None:
            settings = {**settings_for(recipe, "seed", "seeds"), "benchmarks": recipe.scores.benchmarks}
        if step == "passages":
            k = recipe.passages.k_of(iteration)
            settings["passages"] = {**recipe.passages.model_dump(mode="json"), "k": k} if k else {"k": 0}
        if step == "responses":
            section = dict(settings["responses"])  # type: ignore[call-overload]
            if iteration == 1:
                section.pop("contrast")
            settings["responses"] = section
        if step == "instructions" and iteration == 1:
            section = dict(settings["instructions"])  # type: ignore[call-overload]
            section.pop("later_iterations")
            settings["instructions"] = section
        if step == "adapter" and iteration == 1 and not recipe.is_reference:
            # Nothing comes before it: every way to go on from earlier iterations is the same.
            section = dict(settings["adapter"])  # type: ignore[call-overload]
            settings["adapter"] = {**section, "data": "iteration", "start": "base"}
        if step in ("predictions", "base_predictions"):
            section = dict(settings["scores"])  # type: ignore[call-overload]
            section.pop("resamples")
            if step == "predictions":
                section.pop("base_variants")
            settings["scores"] = section
        if step == "training_items":
            settings["scores"] = {"benchmarks": recipe.scores.benchmarks}
        if step in ("scores", "base_scores"):
            settings["scores"] = {"resamples": recipe.scores.resamples}
        return settings

    @property
    def contrasts(self) -> bool:
        return self.recipe.loop.responses.contrast.form != "none"
