"""Base and adapter as one model: merged, scored again, prompted through its chat template."""

from pathlib import Path
from typing import Any, NamedTuple

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.models.folder import check_adapter, check_model_folder
from selfspec_assets.models.language_model import end_ids, load_tokenizer, model_digest, model_folder
from selfspec_assets.models.memory import free_memory
from selfspec_assets.models.weights import load_weights
from selfspec_assets.reports.exports.cards.model_card import write_model_card
from selfspec_assets.reports.exports.chat_template import alpaca_chat_template, template_obstacle
from selfspec_assets.reports.exports.formats import Dtype
from selfspec_assets.reports.exports.rescoring import Comparison, compare, require_predictions
from selfspec_assets.reports.exports.tuned import Tuned


class Merging(NamedTuple):
    """How weights are merged.

    Attributes:
        score: ask the recipe's questions again.
        bound: the largest difference of a macro average, in points, with which the merged model is called equal.
    """

    dtype: Dtype = "bfloat16"
    score: bool = True
    bound: float = 1.0


def write_merged(tuned: Tuned, folder: Path, merging: Merging) -> tuple[list[str], bool]:
    """A model folder as transformers and vLLM load it; returns lines to print, and whether it may be called equal.

    True, too, where it was not scored: the lines and the card say which.

    Raises:
        SelfspecError: the base or the adapter is missing or damaged, the stored answers to compare with are missing,
            or the merged weights hold what is no number.
    """
    if merging.score:
        require_predictions(tuned)
    notes = merge_weights(tuned, folder, merging.dtype)
    comparison = None
    if merging.score:
        # Half precision is computed in float32: a CPU has no fast arithmetic for it, and rounding is in the weights.
        precision = "bfloat16" if merging.dtype == "bfloat16" else "float32"
        comparison = compare(tuned, folder, precision, merging.bound)
    notes += write_prompting(tuned, folder)
    said = comparison.lines() if comparison else ["not scored"]
    write_model_card(tuned, folder, "transformers", [*_use(merging.dtype), *notes, "", *_scored(comparison)])
    return [*notes, *said], comparison is None or comparison.is_equal


def merge_weights(tuned: Tuned, folder: Path, dtype: Dtype) -> list[str]:
    """Writes the merged weights with the base's own tokenizer.

    A base that the recipe holds in 4 bits is merged as it was published, in ``dtype``; any other in float32, and
    rounded once.

    Raises:
        SelfspecError: see ``write_merged``.
    """
    import torch
    from peft import PeftModel

    spec = tuned.lineage.model_spec
    base = model_folder(spec)
    check_model_folder(base)
    check_adapter(tuned.folder, model_digest(spec))
    tuned.job("adapter").release_model()
    quantised = spec.quantization != "none"
    held = "bfloat16" if quantised and dtype != "float32" else "float32"
    model = load_weights(spec.model_copy(update={"quantization": "none", "dtype": held}), base)
    try:
        merged: Any = PeftModel.from_pretrained(model, str(tuned.folder)).merge_and_unload(safe_merge=True)
    except ValueError as error:
        raise SelfspecError(tuned.folder, f"cannot be merged: {error}", "make the adapter again") from error
    merged = merged.to(getattr(torch, dtype))
    _refuse_infinite(merged, dtype)
    tokenizer = load_tokenizer(spec)
    merged.generation_config = _generation_config(tuned, merged, tokenizer)
    merged.save_pretrained(str(folder))
    tokenizer.save_pretrained(str(folder))
    del model, merged
    free_memory()
    return (
        ["the base was held in 4 bits while tuning and is merged as published: scores may differ"] if quantised else []
    )


def _refuse_infinite(model: Any, dtype: str) -> None:
    import torch

    for name, weight in model.named_parameters():
        if not bool(torch.isfinite(weight).all()):
            raise SelfspecError(name, f"does not fit {dtype}: it holds infinity or NaN", "merge with --dtype bfloat16")


def _generation_config(tuned: Tuned, model: Any, tokenizer: Any) -> Any:
    """Greedy, the recipe's length, and every token that ends an answer."""
    from transformers import GenerationConfig

    ends = sorted(end_ids(model, tokenizer))
    pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else ends[0]
    return GenerationConfig(
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=ends,
        pad_token_id=pad,
        do_sample=False,
        max_new_tokens=tuned.recipe.scores.max_new_tokens,
    )


def write_prompting(tuned: Tuned, folder: Path) -> list[str]:
    """Puts the Alpaca prompt into the tokenizer's chat template; returns what a person should know."""
    tokenizer = load_tokenizer(tuned.lineage.model_spec)
    template = alpaca_chat_template(tokenizer)
    obstacle = template_obstacle(tokenizer, template)
    tokenizer.chat_template = template
    tokenizer.save_pretrained(str(folder))
    return [f"WARNING: the chat template {obstacle}: prompt with plain text"] if obstacle else []


def _use(dtype: str) -> list[str]:
    return [
        f"Base and adapter merged, in {dtype}. The tokenizer's chat template writes the Alpaca prompt that the adapter "
        "was tuned and scored in: `[{'role': 'user', 'content': instruction, 'input': input}]`, `input` left out where "
        "there is none. The answer follows after one space.",
        "",
    ]


def _scored(comparison: Comparison | None) -> list[str]:
    if comparison is None:
        return ["The merged weights were not scored; the scores below are of base and adapter apart."]
    return ["Scored again after merging, on the same questions:", "", *(f"- {line}" for line in comparison.lines())]
