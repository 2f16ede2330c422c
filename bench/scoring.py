"""Benchmark answers with five demonstrations: this project's scoring against lm-evaluation-harness's ``hf`` model.

    python -m bench.scoring [--quick] [--model FOLDER] [--items 200] [--shots 5] [--batch 16] [--repeats 1]
                            [--demonstrations per_benchmark|per_item]

Both sides answer the same prompts, greedily, in float32, with at most as many new tokens, and end an answer at the same
strings. Ours is the schedule of the step `predictions`: prompts of like length in calls of four batches, the engine,
and what prompts begin with alike computed once. The peer is ``HFLM.generate_until``, as every task of the harness runs
it; its batch size is the fastest of several on a part of the items. The harness's tasks show the same demonstrations
before every item (``fewshot_config: {sampler: first_n}``), and so does this bench; ``per_item`` draws them for each.

Every string is compared. A near-tie that round-off turns in one of the two gives another answer: they are counted, and
with more of them than one in fifty (or one in all) no ratio is printed. Needs ``pip install 'selfspec[bench]'``.
"""

import argparse
import logging
import random
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch

from bench.answering import loaded
from bench.memory import Peak
from bench.timing import compared, ratio_line
from selfspec_assets.method.decoding.encoding import encode_prompt
from selfspec_assets.method.decoding.generate import decode, to_text
from selfspec_assets.method.decoding.prefill import Query
from selfspec_assets.method.decoding.processor import greedy_choice
from selfspec_assets.method.decoding.stop import StopRules, StopTracker
from selfspec_assets.method.prompts import alpaca_prompt
from selfspec_assets.models.language_model import LanguageModel, model_folder
from selfspec_assets.packs.items import load_items
from selfspec_assets.packs.pack import load_pack
from selfspec_assets.packs.records import demonstrating, load_seeds
from selfspec_assets.steps.predictions import CHUNK, askable

GOAL = 2.5
FLIPS = 0.02  # of the answers may differ: round-off turns near-ties
NEW_TOKENS = 48
UNTIL = ("\n\n", "\n### Instruction", "\n### Input", "\n### Response")  # of an exported task, and a blank line
BATCHES = (1, 4, 16, 32)  # the peer's, tried
QUICK_BATCH = 8


class Until(StopTracker):
    """An answer that ends where one of the strings stands, as the harness has it: no other rule."""

    def __init__(self, decode: Callable[[Sequence[int]], str], eos_ids: frozenset[int]) -> None:
        super().__init__(decode, eos_ids, StopRules())

    def add(self, token_id: int) -> None:
        super().add(token_id)
        if self.finish is None and any(string in self._decode(self.ids[-12:]) for string in UNTIL):
            self.finish = "label"

    @property
    def text(self) -> str:
        """Up to the first of the strings, white space and all."""
        return before_stops(self._decode(self.ids))


def before_stops(text: str) -> str:
    """What stands before the first of the strings.

    >>> before_stops(" yes\\n\\n### Instruction:")
    ' yes'
    """
    return text[: min((place for place in map(text.find, UNTIL) if place >= 0), default=len(text))]


def prompts(items: int, shots: int, per_item: bool) -> list[str]:
    """Alpaca prompts of items of the pack `biomedicine`, drawn over its benchmarks, each with ``shots`` seeds."""
    pack, drawing = load_pack("biomedicine"), random.Random(3)
    seeds = load_seeds(pack.seeds_path("bundled"))
    texts = []
    for benchmark in pack.present("bundled"):
        own = demonstrating(seeds, benchmark.name, benchmark.task)
        if len(own) < shots:
            continue
        for item in load_items(pack, benchmark, "bundled"):
            shown = drawing.sample(own, shots) if per_item else own[:shots]
            texts.append(alpaca_prompt(benchmark.instruction, item.input, shown))
    return drawing.sample(texts, min(items, len(texts)))


def ours(lm: LanguageModel, texts: Sequence[str], batch: int) -> list[str]:
    """The answers as the step `predictions` makes them, ended at the harness's strings."""
    places = askable(lm, texts, NEW_TOKENS)
    answers = dict[int, str]()
    for first in range(0, len(places), CHUNK * batch):
        chunk = places[first : first + CHUNK * batch]
        rows = [tuple(encode_prompt(lm.tokenizer, texts[place])) for place in chunk]
        queries = [Query((row,), (None,)) for row in rows]
        ends = [Until(to_text(lm), lm.eos_ids) for _ in chunk]
        order = sorted(range(len(rows)), key=lambda place: (-len(rows[place]), place))
        for _ in decode(lm, queries, greedy_choice, ends, NEW_TOKENS, order, batch):
            pass
        answers.update((place, end.text) for place, end in zip(chunk, ends, strict=True))
    return [answers[place] for place in range(len(texts))]


def harness(folder: str, device: str) -> Any:
    """The peer's model, loaded by the harness itself."""
    try:
        from lm_eval.models.huggingface import HFLM
    except ImportError:
        raise SystemExit(
            "bench.scoring: lm-evaluation-harness is not installed: pip install 'selfspec[bench]'"
        ) from None
    logging.getLogger("lm_eval").setLevel(logging.ERROR)
    return HFLM(pretrained=folder, dtype="float32", device=device, batch_size=1)


def theirs(peer: Any, texts: Sequence[str], batch: int) -> list[str]:
    """The answers of the harness, which sorts the requests by length itself."""
    from lm_eval.api.instance import Instance

    peer.batch_size_per_gpu = batch
    settings = {"until": list(UNTIL), "do_sample": False, "max_gen_toks": NEW_TOKENS}
    requests = [Instance("generate_until", {}, (text, settings), number) for number, text in enumerate(texts)]
    answers: list[str] = peer.generate_until(requests, disable_tqdm=True)
    return answers


def best_batch(peer: Any, texts: Sequence[str]) -> int:
    """The peer's fastest batch size on these prompts; each is told."""
    batches = [batch for batch in BATCHES if batch <= len(texts)]
    taken = compared({str(batch): partial(theirs, peer, texts, batch) for batch in batches}, 1, warm_up=False)
    print(f"lm-eval on {len(texts)} items:", "; ".join(f"batch {name}: {taken[name].median:.3g} s" for name in taken))
    return min(batches, key=lambda batch: taken[str(batch)].median)


def agreement(mine: Sequence[str], others: Sequence[str]) -> str:
    """What is said of how far the strings agree.

    Raises:
        SystemExit: more differ than near-ties explain; the first is shown.
    """
    pairs = list(zip(mine, others, strict=True))
    different = [pair for pair in pairs if pair[0] != pair[1]]
    if len(different) > max(1, FLIPS * len(pairs)):
        raise SystemExit(
            f"only {len(pairs) - len(different)} of {len(pairs)} answers are the same string; selfspec: "
            f"{different[0][0]!r}, lm-eval: {different[0][1]!r}"
        )
    return (
        f"{len(pairs) - len(different)} of {len(pairs)} answers are the same string, {len(different)} near-ties differ"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--quick", action="store_true", help=f"16 items, once; the peer with batches of {QUICK_BATCH}, untried"
    )
    parser.add_argument("--model", default="smollm2-135m-instruct", help="a known model's name, or a folder")
    parser.add_argument("--items", type=int, default=200)
    parser.add_argument("--shots", type=int, default=5)
    parser.add_argument("--batch", type=int, default=16, help="ours: a recipe's scores.batch_size")
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--demonstrations", choices=("per_benchmark", "per_item"), default="per_benchmark")
    options = parser.parse_args()
    items = min(options.items, 16) if options.quick else options.items
    torch.set_grad_enabled(False)
    lm = loaded(options.model)
    peer = harness(str(model_folder(lm.spec)), str(lm.device))
    texts = prompts(items, options.shots, options.demonstrations == "per_item")
    batch = QUICK_BATCH if options.quick else best_batch(peer, texts[:32])
    ours(lm, texts[:2], options.batch), theirs(peer, texts[:2], 2)
    made: dict[str, list[str]] = {}

    def run(name: str, answers: Callable[[], list[str]]) -> None:
        made[name] = answers()

    peak = Peak()
    sides: dict[str, Callable[[], list[str]]] = {
        "selfspec": partial(ours, lm, texts, options.batch),
        "lm-eval": partial(theirs, peer, texts, batch),
    }
    actions = {name: peak.of(name, partial(run, name, answers)) for name, answers in sides.items()}
    seconds = compared(actions, options.repeats, warm_up=False)  # the trial and the few before have done so
    said = agreement(made["selfspec"], made["lm-eval"])
    tokens = [len(lm.tokenizer(text).input_ids) for text in texts]
    print(
        f"{options.model}, {torch.get_num_threads()} threads: {len(texts)} items, {options.shots} demonstrations "
        f"{options.demonstrations}, prompts of {min(tokens)} to {max(tokens)} tokens, at most {NEW_TOKENS} new ones"
    )
    print(said)
    for name, taken in seconds.items():
        rows = options.batch if name == "selfspec" else batch
        print(
            f"{name:>10}: {taken}, batch {rows}, {len(texts) / taken.median:.2f} items/s, "
            f"memory +{peak.added[name]:.0f} MB beside the weights"
        )
    print(ratio_line("scoring", seconds["lm-eval"].median / seconds["selfspec"].median, GOAL))


if __name__ == "__main__":
    main()
