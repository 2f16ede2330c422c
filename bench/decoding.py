"""Greedy answers of the embedded model against stock ``generate``, on the same prompts in the same run.

    python -m bench.decoding [--shots 0 5] [--rows 48] [--repeats 3]

The prompts are those of `base_predictions`: bundled seeds in the Alpaca template, other seeds as demonstrations. Both
sides take one left-padded batch through one model with its cache. Their answers are checked equal before anything is
timed; one warm-up, then medians.
"""

import argparse
import random
from functools import partial
from typing import Any

import torch

from bench.timing import median_seconds
from selfspec_assets.base.home import embedded_model_folder
from selfspec_assets.method.decoding import StopRules, greedy
from selfspec_assets.method.prompts import alpaca_prompt
from selfspec_assets.models.language_model import LanguageModel, ModelSpec
from selfspec_assets.packs.pack import load_pack
from selfspec_assets.packs.records import load_seeds

NEW_TOKENS = 40


def prompts(shots: int, rows: int) -> list[str]:
    """As many prompts as rows, each with so many demonstrations."""
    seeds = load_seeds(load_pack("biomedicine").seeds_path("bundled"))
    rng = random.Random(7)
    return [
        alpaca_prompt(seed.instruction, seed.input, rng.sample(seeds, shots)) for seed in rng.choices(seeds, k=rows)
    ]


def stock(lm: LanguageModel, texts: list[str]) -> list[str]:
    """What transformers' own ``generate`` answers."""
    batch: Any = lm.tokenizer(texts, return_tensors="pt", padding=True, padding_side="left")
    out = lm.model.generate(**batch, max_new_tokens=NEW_TOKENS, do_sample=False, eos_token_id=sorted(lm.eos_ids))
    width = batch["input_ids"].shape[1]
    return [text.strip() for text in lm.tokenizer.batch_decode(out[:, width:], skip_special_tokens=True)]


def ours(lm: LanguageModel, texts: list[str]) -> list[str]:
    """What this project's decoder answers."""
    made = greedy(lm, texts, max_new_tokens=NEW_TOKENS, stop=StopRules(), adapter=None, batch_size=len(texts))
    return [one.text for one in made]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shots", type=int, nargs="+", default=[0, 5])
    parser.add_argument("--rows", type=int, default=48)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    torch.set_grad_enabled(False)
    lm = LanguageModel.load(ModelSpec(str(embedded_model_folder())))
    print(f"{'shots':>6}{'tokens a prompt':>17}{'stock s':>9}{'ours s':>8}{'ratio':>7}{'equal':>9}")
    for shots in options.shots:
        texts = prompts(shots, options.rows)
        one, other = stock(lm, texts), ours(lm, texts)
        equal = sum(a == b for a, b in zip(one, other, strict=True))
        if equal < 0.95 * len(texts):  # round-off may turn a near-tie
            raise SystemExit(f"only {equal} of {len(texts)} answers are those of stock generate")
        length = sum(len(lm.tokenizer(text)["input_ids"]) for text in texts) / len(texts)
        slow = median_seconds(partial(stock, lm, texts), options.repeats)
        fast = median_seconds(partial(ours, lm, texts), options.repeats)
        print(f"{shots:>6}{length:>17.0f}{slow:>9.2f}{fast:>8.2f}{slow / fast:>6.1f}x{equal:>5}/{len(texts)}")


if __name__ == "__main__":
    main()
