"""``selfspec plan --sample``: a short try of the steps that no past run tells about, on the recipe's real model.

A few list prompts, answers, predictions and two optimiser steps, written by the base; nothing is stored. What it
leaves out: loading the model, the second model of a contrast (counted as twice the time), and the steps that need no
model.
"""

import dataclasses
import json
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from selfspec_assets.base.files import size_of
from selfspec_assets.base.progress import Report
from selfspec_assets.base.words import first_words
from selfspec_assets.method.decoding import Generation, Group, answer, encode_example, fits, greedy
from selfspec_assets.method.instructions.asking import ask_for_lists, list_prompts, prediction_stop, response_stop
from selfspec_assets.method.instructions.list_parser import InstructionFilter, parse_instruction_list
from selfspec_assets.method.prompts import alpaca_prompt, evaluation_prompt
from selfspec_assets.method.tuning.tune import TuningSettings, tune
from selfspec_assets.models.language_model import LanguageModel, load_tokenizer
from selfspec_assets.models.memory import free_memory
from selfspec_assets.packs.census import first_documents
from selfspec_assets.packs.items import load_items
from selfspec_assets.packs.records import Seed, demonstrating
from selfspec_assets.packs.seed_sample import recipe_seeds
from selfspec_assets.planning.costs import Cost, Past
from selfspec_assets.steps.lineage import Lineage

T = TypeVar("T")
REQUESTS = ANSWERS = ITEMS = 4


class Sampler:
    """Tries steps, each once per recipe and domain; the model is loaded at the first one."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._models: dict[str, LanguageModel] = {}
        self._found: dict[tuple[str, str, str], Past | None] = {}

    def of(self, lineage: Lineage, step: str, domain: str) -> Past | None:
        """What a few units of a step cost; None for a step without a model, or if nothing fits the context.

        Raises:
            SelfspecError: the model, or a file that the prompts are made from.
        """
        if not lineage.step(step).holds_model:
            return None
        key = (lineage.named.name, step, domain)
        if key not in self._found:
            self._report(f"sample: {step} of {domain}")
            self._found[key] = _Sample(lineage, domain, self).of(step)
        return self._found[key]

    def model(self, lineage: Lineage) -> LanguageModel:
        """The recipe's base, kept for the next sample."""
        identity = lineage.model_identity
        if identity not in self._models:
            self.release()
            self._report(f"sample: loading {lineage.model_spec.path_or_id}")
            self._models[identity] = LanguageModel.load(lineage.model_spec)
        return self._models[identity]

    def release(self) -> None:
        """Free the model's memory."""
        self._models.clear()
        free_memory()


class _Sample:
    def __init__(self, lineage: Lineage, domain: str, sampler: Sampler) -> None:
        self._lineage, self._sampler = lineage, sampler
        self._recipe, self._pack = lineage.recipe, lineage.pack(domain)

    @property
    def _model(self) -> LanguageModel:
        return self._sampler.model(self._lineage)

    @cached_property
    def _seeds(self) -> list[Seed]:
        return recipe_seeds(self._pack, self._recipe)

    def of(self, step: str) -> Past | None:
        if step == "instructions":
            return self._instructions()
        if step == "responses":
            return self._responses()
        if step == "adapter":
            return self._adapter()
        variant = self._recipe.scores.base_variants[0] if step == "base_predictions" else "alpaca"
        return self._predictions(step, variant)

    def _instructions(self) -> Past:
        section = self._recipe.loop.instructions
        numbers = range(REQUESTS)
        _, prompts = list_prompts(self._pack.instruction_header, self._seeds, numbers, section)
        made, seconds = _timed(lambda: ask_for_lists(self._model, prompts, numbers, section, None))
        passes = InstructionFilter(self._pack.file.banned_words, language=self._pack.file.language)
        kept = sum(
            item.problem is None and passes.reason(item.instruction, item.input) is None
            for one in made
            for item in parse_instruction_list(one.text, section.seeds_per_prompt + 1, one.finish == "length")
        )
        return self._past("instructions", made, seconds, {"units": len(made)}, kept)

    def _responses(self) -> Past | None:
        section, k = self._recipe.loop.responses, self._recipe.passages.k_of(1)
        most = self._recipe.passages.max_words
        documents = first_documents(self._pack, self._recipe.data, k)
        passages = [f"{one.title}. {first_words(one.text, most)}" for one in documents] or [""]
        template = self._pack.response_prompt
        groups = [
            Group(
                tuple(template.render(instruction=s.instruction, input=s.input, passage=text) for text in passages),
                tuple(1 / len(passages) for _ in passages),
            )
            for s in self._seeds[:ANSWERS]
        ]
        groups = [one for one in groups if all(fits(self._model, p, section.max_new_tokens) for p in one.prompts)]
        if not groups:
            return None
        made, seconds = _timed(
            lambda: answer(
                self._model,
                groups,
                max_new_tokens=section.max_new_tokens,
                stop=response_stop(self._model.spec),
                aligned=None,
                weaker=None,
                contrast=None,
                batch_size=section.batch_size,
            )
        )
        counts = {"units": len(made), "passages": len(made) * len(documents)}
        return self._past("responses", made, seconds, counts)

    def _predictions(self, step: str, variant: str) -> Past | None:
        section, kind = self._recipe.scores, self._recipe.data
        prompts = []
        for benchmark in self._pack.present(kind, section.benchmarks)[:ITEMS]:
            own = demonstrating(self._seeds, benchmark.name, benchmark.task)
            item = load_items(self._pack, benchmark, kind)[0]
            prompts += [
                evaluation_prompt(variant)(benchmark.instruction, item.input, own[:shots]) for shots in section.shots
            ]
        prompts = [prompt for prompt in prompts if fits(self._model, prompt, section.max_new_tokens)]
        if not prompts:
            return None
        made, seconds = _timed(
            lambda: greedy(
                self._model,
                prompts,
                max_new_tokens=section.max_new_tokens,
                stop=prediction_stop(self._model.spec),
                adapter=None,
                batch_size=section.batch_size,
            )
        )
        return self._past(step, made, seconds, {"units": len(made)})

    def _adapter(self) -> Past | None:
        section = self._recipe.adapter
        pairs = [(alpaca_prompt(seed.instruction, seed.input), seed.output) for seed in self._seeds]
        spec = self._lineage.model_spec
        tokenizer = load_tokenizer(spec)
        lengths = [len(encode_example(tokenizer, *pair)[0]) for pair in pairs]
        fitting = [i for i, length in enumerate(lengths) if length <= section.max_length]
        fitting = fitting[: 2 * section.micro_batch_size]
        batch = len(fitting) // 2
        if not batch:
            return None
        settings = TuningSettings(
            r=section.r, alpha=section.alpha, epochs=1, batch_size=batch, micro_batch_size=batch, warmup_ratio=0.0
        )
        ends: list[float] = []
        self._sampler.release()  # tuning loads its own copy, and two of them might not fit
        with tempfile.TemporaryDirectory() as folder:
            examples = [pairs[i] for i in fitting[: 2 * batch]]
            place = Path(folder) / "adapter"
            tune(spec, examples, settings, place, progress=lambda *_: ends.append(time.monotonic()))
            stored = size_of(place)
        tokens = sum(lengths[i] for i in fitting[: 2 * batch])
        # The first step also waits for what is set up once: both are taken to last as long as the second one.
        cost = Cost(tokens, 0.0, 2 * (ends[1] - ends[0]), stored)
        whole = self._lineage.step("adapter").size({"adapter": {"epochs": 1, "r": section.r}}, {"units": 2 * batch})
        return Past(whole, cost, f"a sample of {2 * batch} examples")

    def _past(
        self, step: str, made: Sequence[Generation], seconds: float, counts: Mapping[str, float], kept: float = 0.0
    ) -> Past:
        settings: dict[str, Any] = self._lineage.settings(step, 1)
        read, written = sum(one.prompt_tokens for one in made), sum(one.tokens for one in made)
        cost = Cost(read, written, seconds, _stored(made))
        return Past(self._lineage.step(step).size(settings, dict(counts)), cost, f"a sample of {len(made)}", kept)


def _stored(made: Iterable[Generation]) -> int:
    """Bytes of the rows as text: Parquet takes less."""
    return sum(len(json.dumps(dataclasses.asdict(one))) for one in made)


def _timed(work: Callable[[], T]) -> tuple[T, float]:
    started = time.monotonic()
    return work(), time.monotonic() - started
