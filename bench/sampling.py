"""Sampled lists of tasks against stock ``generate(do_sample=True, top_p=…)``, on the same prompts in the same run.

    python -m bench.sampling [--quick] [--model FOLDER ...] [--lists 24] [--tokens 300] [--repeats 3]

The prompts are those of the step `instructions`: the pack's header, two seeds, a list to go on with. Both sides write
lists of exactly so many tokens (no end token, no other stop) in batches of twelve, temperature 0.8, top-p 0.95. The
peer is told top_k=0, as its default of 50 is another distribution; `default` is the peer as it comes.

Checked before anything is timed: at a temperature near zero both write what greedy decoding writes, and 4,000 draws
from one real distribution follow the peer's probabilities (chi-square, 0.1 %). One warm-up, then medians of repeats
taken in turn. Then the same choice of tokens alone, on the logits of a real step.
"""

import argparse
import math
import random
from functools import partial
from typing import Any

import torch
from transformers import LogitsProcessorList
from transformers.generation.logits_process import TemperatureLogitsWarper, TopPLogitsWarper

from bench.memory import Peak
from bench.timing import compared, ratio_line
from selfspec_assets.base.home import embedded_model_folder, models_folder
from selfspec_assets.method.decoding import StopRules, sample
from selfspec_assets.method.decoding.sampling import GumbelSampler
from selfspec_assets.method.prompts import instruction_list_prompt
from selfspec_assets.models.language_model import LanguageModel, ModelSpec
from selfspec_assets.packs.pack import load_pack
from selfspec_assets.packs.records import load_seeds

GOAL = 2
BATCH = 12
TEMPERATURE, TOP_P = 0.8, 0.95
DRAWS = 4_000


def prompts(lists: int) -> list[str]:
    """As many list prompts as lists."""
    pack = load_pack("sports")
    seeds, drawing = load_seeds(pack.seeds_path("starter")), random.Random(7)
    made = [instruction_list_prompt(pack.instruction_header, drawing.sample(seeds, 2), 20) for _ in range(lists)]
    return [f"{prompt}{opening}" for prompt, opening in made]


def stock(lm: LanguageModel, texts: list[str], tokens: int, **settings: Any) -> list[list[int]]:
    """The ids that transformers' own ``generate`` writes."""
    written = []
    for start in range(0, len(texts), BATCH):
        batch = lm.tokenizer(texts[start : start + BATCH], return_tensors="pt", padding=True, padding_side="left")
        out = lm.model.generate(**batch, max_new_tokens=tokens, pad_token_id=lm.pad_id, **settings)
        written += out[:, batch["input_ids"].shape[1] :].tolist()
    return written


def ours(lm: LanguageModel, texts: list[str], tokens: int, temperature: float = TEMPERATURE) -> list[list[int]]:
    """The ids that this project's decoder writes."""
    made = sample(
        lm,
        texts,
        range(len(texts)),
        temperature=temperature,
        top_p=TOP_P,
        max_new_tokens=tokens,
        stop=StopRules(),
        adapter=None,
        batch_size=BATCH,
    )
    return [list(text.token_ids) for text in made]


def step_logits(lm: LanguageModel, texts: list[str]) -> torch.Tensor:
    """[rows, V] float32 behind each prompt."""
    batch = lm.tokenizer(texts, return_tensors="pt", padding=True, padding_side="left")
    logits: torch.Tensor = lm.model(**batch, logits_to_keep=1).logits[:, -1].float()
    logits[:, lm.vocabulary_size :] = -math.inf
    return logits


WARPERS = LogitsProcessorList([TemperatureLogitsWarper(TEMPERATURE), TopPLogitsWarper(TOP_P)])


def peers_choice(logits: torch.Tensor) -> torch.Tensor:
    """[rows] ids, chosen as ``generate`` does it."""
    return torch.multinomial(WARPERS(None, logits).softmax(dim=-1), num_samples=1)[:, 0]


def check_distribution(logits: torch.Tensor) -> str:
    """Draws from one row against the peer's probabilities.

    Raises:
        SystemExit: they differ more than one of a thousand fair tries does.
    """
    expected = DRAWS * WARPERS(None, logits[:1]).softmax(dim=-1)[0].double()
    counts = torch.zeros_like(expected)
    for start in range(0, DRAWS, 100):
        seeds = range(start, start + 100)
        drawn = GumbelSampler(seeds, TEMPERATURE, TOP_P, logits.device)(logits[:1].expand(100, -1), range(100))
        counts += torch.bincount(drawn, minlength=len(counts))
    if bool(counts[expected == 0].any()):
        raise SystemExit("a token outside the peer's nucleus was drawn")
    often = expected >= 5  # what is rarer counts as one, as the test's approximation wants it
    pairs = [*zip(counts[often].tolist(), expected[often].tolist(), strict=True)]
    if (rest := float(expected[~often].sum())) >= 5:
        pairs.append((float(counts[~often].sum()), rest))
    statistic, freedom = sum((seen - mean) ** 2 / mean for seen, mean in pairs), len(pairs) - 1
    # Wilson and Hilferty: the cube root is nearly normal; 3.09 is its upper 0.1 %.
    critical = max(freedom, 1) * (1 - 2 / (9 * max(freedom, 1)) + 3.09 * math.sqrt(2 / (9 * max(freedom, 1)))) ** 3
    if statistic > critical:
        raise SystemExit(f"draws differ from the peer's distribution: chi-square {statistic:.0f} > {critical:.0f}")
    return f"chi-square {statistic:.0f} at {freedom} degrees of freedom (critical {critical:.0f})"


def check_greedy(lm: LanguageModel, texts: list[str]) -> str:
    """Both sides near temperature zero against greedy decoding.

    Raises:
        SystemExit: more texts differ than near-ties explain.
    """
    plain = stock(lm, texts, 24, do_sample=False, eos_token_id=None)
    same = sum(one == other for one, other in zip(ours(lm, texts, 24, temperature=1e-4), plain, strict=True))
    if same < 0.8 * len(texts):
        raise SystemExit(f"only {same} of {len(texts)} texts are those of greedy decoding")
    return f"{same}/{len(texts)} texts are greedy decoding's"


def measure(folder: str, lists: int, tokens: int, repeats: int) -> str:
    """Prints one model's figures; its RATIO line."""
    lm = LanguageModel.load(ModelSpec(folder, dtype="float32"))
    lm.eos_ids = frozenset()
    name, texts = folder.rstrip("/").rsplit("/", 1)[-1], prompts(lists)
    few = texts[:BATCH]
    print(f"{name}: vocabulary {lm.vocabulary_size:,}, {lists} lists of {tokens} tokens, {BATCH} at a time")
    logits = step_logits(lm, few)
    print(f"  checked: {check_greedy(lm, few[:6])}; {check_distribution(logits)}")
    sampling = {"do_sample": True, "temperature": TEMPERATURE, "top_p": TOP_P, "eos_token_id": None}
    peer = partial(stock, lm, texts, tokens, top_k=0, **sampling)
    sides = {"ours": partial(ours, lm, texts, tokens), "peer": peer}
    peak = Peak()
    taken = compared({side: peak.of(side, action) for side, action in sides.items()}, repeats)
    for side, seconds in taken.items():
        print(f"  {side}: {seconds}, {lists * tokens / seconds.median:.0f} tokens/s, memory +{peak.added[side]:.0f} MB")
    default = compared({"": partial(stock, lm, few, tokens, **sampling)}, 1)[""].median * lists / len(few)
    print(f"  peer as it comes, with top_k=50: {default:.3g} s for as many lists")
    sampler = GumbelSampler(range(len(few)), TEMPERATURE, TOP_P, lm.device)
    alone = {
        "ours": lambda: sampler(logits, range(len(few))),
        "peer": lambda: peers_choice(logits),
    }
    for side, seconds in compared(alone, 20).items():
        print(f"  the choice of {len(few)} tokens alone, {side}: {seconds}")
    return ratio_line(f"sampling {name}", taken["peer"].median / taken["ours"].median, GOAL)


def folders() -> list[str]:
    """The known models that this project has; without any the embedded one, whose vocabulary is no measure."""
    there = sorted(str(path) for path in models_folder().glob("*-float32") if (path / "config.json").is_file())
    return there or [str(embedded_model_folder())]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="12 lists of 24 tokens, once")
    parser.add_argument("--model", nargs="+", help="folders; default: what `selfspec models get` put into models/")
    parser.add_argument("--lists", type=int)
    parser.add_argument("--tokens", type=int)
    parser.add_argument("--repeats", type=int)
    options = parser.parse_args()
    lists, tokens, repeats = (12, 24, 1) if options.quick else (24, 300, 3)
    torch.set_grad_enabled(False)
    torch.manual_seed(1)
    lines = [
        measure(folder, options.lists or lists, options.tokens or tokens, options.repeats or repeats)
        for folder in options.model or folders()
    ]
    print(*lines, sep="\n")


if __name__ == "__main__":
    main()
