"""What a recipe has to offer for questions: its base and every adapter that is made, on one copy of the weights."""

from collections.abc import Sequence
from dataclasses import dataclass

from selfspec_assets.base import home
from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.base.progress import Report
from selfspec_assets.method.decoding import StopRules, encode_prompt
from selfspec_assets.method.decoding.stream import TextStream
from selfspec_assets.method.instructions.asking import answer_stop
from selfspec_assets.method.prompts import Example, evaluation_prompt
from selfspec_assets.models.language_model import LanguageModel
from selfspec_assets.models.source import conversion_note
from selfspec_assets.recipe.recipe import NamedRecipe
from selfspec_assets.steps.lineage import Lineage
from selfspec_assets.warehouse import Warehouse

ADAPTER_PROMPT = "alpaca"  # what adapters are tuned and scored in
BASE = "base"


@dataclass(frozen=True)
class Sampling:
    """How tokens are chosen: ``temperature`` 0 takes the likeliest; above, they are drawn by ``seed``."""

    max_new_tokens: int
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0
    stop_texts: tuple[str, ...] = ()


@dataclass(frozen=True)
class ServedModel:
    """One model that can be asked.

    Attributes:
        name: ``base``, or domain and iteration: ``sports-1``.
        domain: whose adapter it is, and whose response prompt names the labels that end an answer.
        iteration: 0 for the base.
        adapter: the name under which it is loaded; None for the base.
        prompt: the registered prompt that evaluation asks it with.
        rules: where its answers end.
    """

    name: str
    domain: str
    iteration: int
    adapter: str | None
    prompt: str
    rules: StopRules

    @property
    def title(self) -> str:
        """As ``selfspec scores`` calls it, with the domain of an adapter."""
        return f"{self.domain}, iteration {self.iteration}" if self.iteration else f"base, {self.prompt}"

    def question(self, instruction: str, context: str, demonstrations: Sequence[Example] = ()) -> str:
        """The text that evaluation would ask it, of an instruction and its input.

        Raises:
            SelfspecError: the prompt is a plug-in's and fails.
        """
        return evaluation_prompt(self.prompt)(instruction, context, demonstrations).rstrip()


@dataclass(frozen=True)
class Served:
    """A loaded model and its names."""

    lm: LanguageModel
    models: tuple[ServedModel, ...]
    max_new_tokens: int  # what evaluation allows an answer

    def stream(self, model: ServedModel, prompt: str, sampling: Sampling) -> TextStream:
        """A text that is wanted of a model.

        Raises:
            ValueError: the prompt is empty.
            SelfspecError: the model's chat template cannot be rendered.
        """
        return TextStream(
            encode_prompt(self.lm.tokenizer, prompt),
            model.adapter,
            sampling.max_new_tokens,
            model.rules,
            sampling.temperature,
            sampling.top_p,
            sampling.seed,
            sampling.stop_texts,
        )


def load_served(named: NamedRecipe, domains: Sequence[str], base_prompt: str | None, report: Report) -> Served:
    """The base and every adapter of these domains that the warehouse shows.

    Args:
        base_prompt: what the base is asked in; None: the first of ``scores.base_variants``.
        report: told what takes time, and which adapters the recipe would make otherwise by now.

    Raises:
        SelfspecError: no adapter is made yet, no such prompt, or model or adapter cannot be loaded.
    """
    lineage, warehouse = Lineage(named), Warehouse(home.warehouse_folder())
    prompt = base_prompt or named.recipe.scores.base_variants[0]
    evaluation_prompt(prompt)  # a wrong name shows before weights are read
    made = [
        (domain, iteration, signature)
        for domain in domains
        for iteration in range(1, named.recipe.iterations + 1)
        if (signature := warehouse.current(lineage.key("adapter", domain, iteration))) is not None
    ]
    if not made:
        of = f" --domain {domains[0]}" if len(domains) == 1 else ""
        reason = f"no adapter of {', '.join(domains)} has been made yet"
        raise SelfspecError(f"recipe '{named.name}'", reason, f"selfspec run {named.name}{of}")
    rules = {
        domain: answer_stop(lineage.model_spec, lineage.pack(domain).response_prompt)
        for domain in dict.fromkeys(domain for domain, _, _ in made)
    }
    _say_what_is_stale(lineage, made, report)
    if (note := conversion_note(lineage.model_spec)) is not None:
        report(note)
    report(f"loading {lineage.model_spec.path_or_id}")
    lm = LanguageModel.load(lineage.model_spec)
    report(lm.held)
    first = made[0][0]
    models = [ServedModel(BASE, first, 0, None, prompt, rules[first])]
    for domain, iteration, signature in made:
        name = f"{domain}-{iteration}"
        lm.add_adapter(warehouse.folder(signature, "adapter"), name)
        models.append(ServedModel(name, domain, iteration, name, ADAPTER_PROMPT, rules[domain]))
    return Served(lm, tuple(models), named.recipe.scores.max_new_tokens)


def _say_what_is_stale(lineage: Lineage, made: Sequence[tuple[str, int, str]], report: Report) -> None:
    for domain, iteration, signature in made:
        try:
            if lineage.signature("adapter", domain, iteration) != signature:
                report(f"{domain}-{iteration} was made from other settings or files than the recipe's of now")
        except SelfspecError as error:
            report(f"whether the recipe would make {domain}-{iteration} as it is cannot be told: {error.reason}")
