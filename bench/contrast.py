"""Contrasted answers (Eq. 3): one mixed batch on one copy of the weights against two models and two passes.

    python -m bench.contrast [--quick] [--model FOLDER] [--questions 64] [--batch 8] [--longest 200] [--repeats 3]

The aligned side is the model under a random adapter. The peer holds it merged into weights of its own, beside the bare
model; a logits processor on ``generate`` asks the bare one at every token, with a cache of its own.
"""

import copy
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, DynamicCache

from bench.answering import (
    check_equal,
    engine_answers,
    loaded,
    options_of,
    query,
    questions,
    static_batches,
    trackers,
)
from bench.memory import Peak
from bench.timing import compared, ratio_line
from selfspec_assets.method.decoding.processor import MixtureChooser
from selfspec_assets.method.decoding.types import ContrastSettings
from selfspec_assets.models.language_model import LanguageModel, model_folder, write_adapter_record


def with_adapter(lm: LanguageModel, folder: Path) -> Any:
    """A random adapter is loaded as ``aligned``; returns another copy of the model that it is merged into."""
    torch.manual_seed(3)
    model = AutoModelForCausalLM.from_pretrained(str(model_folder(lm.spec)), dtype=lm.model.dtype).to(lm.device)
    adapted = get_peft_model(model, LoraConfig(r=8, lora_alpha=16, target_modules="all-linear", task_type="CAUSAL_LM"))
    for name, weight in adapted.named_parameters():
        if "lora_" in name:
            weight.data.normal_(0, 0.01)
    adapted.save_pretrained(str(folder), save_embedding_layers=False)
    write_adapter_record(folder, lm.digest)
    lm.add_adapter(folder, "aligned")
    return adapted.merge_and_unload().eval()


def weaker_beside(model: Any) -> Callable[[], Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]]:
    """For ``static_batches``: the bare model's scores below the aligned ones."""

    def begin() -> Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]:
        cache = DynamicCache(config=model.config)

        def extend(ids: torch.Tensor, mask: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
            seen = torch.cat([mask, mask.new_ones(len(ids), ids.shape[1] - mask.shape[1])], dim=1)
            positions = (seen.cumsum(-1) - 1).clamp(min=0)
            past = cache.get_seq_length()
            out = model(
                input_ids=ids[:, past:],
                attention_mask=seen,
                position_ids=positions[:, past:],
                past_key_values=cache,
                logits_to_keep=1,
            )
            return torch.cat([scores, out.logits[:, -1].float()])

        return extend

    return begin


def bytes_of(*models: Any) -> int:
    """Of all weights; those that several share count once."""
    held = {weight.data_ptr(): weight.numel() * weight.element_size() for one in models for weight in one.parameters()}
    return sum(held.values())


def main() -> None:
    options = options_of(__doc__)
    lm, bare = loaded(options.model), loaded(options.model)
    merged = copy.copy(bare)
    with tempfile.TemporaryDirectory() as folder:
        merged.model = with_adapter(lm, Path(folder))
    settings, weights = ContrastSettings(), [[1.0]] * options.questions
    prompts = questions(options.questions, 1)
    mixed = [query(lm, texts, ["aligned", None]) for texts in prompts]
    one_side = [query(lm, texts, [None]) for texts in prompts]
    made: dict[str, list[list[int]]] = {}

    def engine() -> None:
        choose = MixtureChooser(weights, settings, lm.device)
        made["engine"] = engine_answers(lm, mixed, choose, options.longest, options.batch)

    def peer() -> None:
        ends = trackers(lm, len(mixed), options.longest)
        chooser = MixtureChooser(weights, settings, lm.device)
        made["two models"] = static_batches(merged, one_side, chooser, ends, options.batch, weaker_beside(bare.model))

    peak = Peak()
    seconds = compared(
        {"engine": peak.of("engine", engine), "two models": peak.of("two models", peer)}, options.repeats
    )
    agreement = check_equal(made)
    ours, theirs = bytes_of(lm.model), bytes_of(bare.model, merged.model)
    tokens = sorted(map(len, made["engine"]))
    print(
        f"{options.model}, {torch.get_num_threads()} threads: {len(mixed)} questions, one passage, "
        f"answers of {tokens[0]} to {tokens[-1]} tokens, {sum(tokens)} in all"
    )
    print(agreement)
    for name, taken in seconds.items():
        print(f"{name:>12}: {taken}, peak memory {peak.megabytes[name]:.0f} MB with the weights of both sides loaded")
    print(f"weights: {ours / 2**20:.0f} MB with the adapter, {theirs / 2**20:.0f} MB of two models")
    print(ratio_line("contrast", seconds["two models"].median / seconds["engine"].median, 1.2))
    print(ratio_line("contrast-weights", ours / theirs, 0.52, at_least=False))


if __name__ == "__main__":
    main()
