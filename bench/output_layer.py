"""What it costs to give the output layer a view with gaps, as transformers does, in place of one block of memory.

    python -m bench.output_layer --model FOLDER [--dtype bfloat16] [--rows 12] [--new-tokens 8] [--repeats 3]

Both ways are taken in turn, in one process, on the same prompts; a hook lays the block out with gaps again for the old
way. Printed are medians of the layer alone and of the whole, and the products that torch made of it: ``bmm`` is one for
each row, with all of the vocabulary's weights each time. How much slower that is hangs on the CPU: very much where it
has matrix units (AMX), not at all where it has none.
"""

import argparse
import statistics
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile

from bench.timing import median_seconds
from selfspec_assets.method.decoding import StopRules, greedy
from selfspec_assets.models.language_model import LanguageModel, ModelSpec

PROMPT = "Question: what does aspirin do to the platelets in the blood of a patient? " * 8


@contextmanager
def gaps(layer: Any) -> Iterator[None]:
    """Within the block the layer's input is the last place of each row of a larger tensor."""

    def spread(layer: Any, given: tuple[torch.Tensor]) -> tuple[torch.Tensor]:
        rows, _, size = given[0].shape
        larger = given[0].new_zeros(rows, 100, size)
        larger[:, -1:] = given[0]
        return (larger[:, -1:],)

    hook = layer.register_forward_pre_hook(spread)
    try:
        yield
    finally:
        hook.remove()


def products(run: Callable[[], object]) -> dict[str, float]:
    """Seconds in each kind of matrix product and in attention."""
    with profile(activities=[ProfilerActivity.CPU]) as seen:
        run()
    kinds = ("aten::mm", "aten::bmm", "aten::addmm")
    found = {one.key: one.self_cpu_time_total / 1e6 for one in seen.key_averages()}
    return {key: seconds for key, seconds in found.items() if key in kinds or ("attention" in key and seconds > 0.001)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--dtype", default="bfloat16", choices=("bfloat16", "float32"))
    parser.add_argument("--rows", type=int, default=12)
    parser.add_argument("--new-tokens", type=int, default=8)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    torch.set_grad_enabled(False)
    lm = LanguageModel.load(ModelSpec(options.model, dtype=options.dtype))
    layer = lm.model.get_output_embeddings()
    texts = [f"{PROMPT}{number}\nAnswer:" for number in range(options.rows)]
    block = torch.randn(options.rows, 1, layer.weight.shape[1], dtype=layer.weight.dtype)

    def answers() -> list[Any]:
        asked = {"max_new_tokens": options.new_tokens, "stop": StopRules(), "adapter": None}
        return greedy(lm, texts, batch_size=options.rows, **asked)

    def old(run: Callable[[], object]) -> Callable[[], object]:
        def within() -> object:
            with gaps(layer):
                return run()

        return within

    ways = {"one block": (lambda: layer(block), answers), "with gaps": (old(lambda: layer(block)), old(answers))}
    alone: dict[str, list[float]] = {name: [] for name in ways}
    whole: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(options.repeats):
        for name, (one, all_of_it) in ways.items():
            alone[name].append(median_seconds(one, 3))
            whole[name].append(median_seconds(all_of_it, 1))
    print(f"{options.model}, {options.dtype}, {options.rows} rows, {torch.get_num_threads()} threads")
    for name, (_, all_of_it) in ways.items():
        a_second = options.rows / statistics.median(whole[name])
        times = {key: round(seconds, 3) for key, seconds in products(all_of_it).items()}
        print(f"{name}: the layer {statistics.median(alone[name]):.3f} s, answers {a_second:.2f} a second, {times}")


if __name__ == "__main__":
    main()
