"""LoRA on generated-like examples: this project's tuner against TRL's ``SFTTrainer`` with packing.

    python -m bench.tuning [--quick] [--model FOLDER] [--examples 2000] [--batch 32] [--micro-batch 8] [--repeats 1]

The examples are Alpaca prompts with their answers, of items of the training splits, some with as much context as
brings the mean to 140 tokens. Both sides: float32, r 8 on all linear layers from the same first weights, AdamW, cosine
schedule, 32 examples a step, the loss on the answers alone, one epoch; timed from the files of the base to those of the
adapter.

The peer is told what makes it fastest on a CPU: no bfloat16 (its default), no gradient checkpointing (its default), no
padding. ``packing`` fills rows of 1,024 tokens with whole examples (best fit), one row at a time; ``padding_free`` lays
the examples of a micro-batch end to end. Both see one example at a time through position ids. The faster on a part of
the examples is the peer.

Checked first: the curve of losses. ``padding_free`` in the order of our tuner has our batches, step for step, so each
step's loss must be ours. Relative differences up to 1e-4 are let through: attention over a common beginning adds the
same numbers in another order, float32 rounds each sum to 1e-7, and AdamW divides by gradients that are near zero, so
the differences grow from step to step (the embedded model, four steps: 1e-6). With ``packing`` the steps hold other
examples, so only its speed is compared.

A token counts once for each example that it stands in; padding does not count. Needs ``pip install 'selfspec[bench]'``.
"""

import argparse
import logging
import math
import random
import statistics
import tempfile
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch

from bench.answering import loaded
from bench.memory import Peak
from bench.timing import Seconds, compared, ratio_line
from selfspec_assets.method.prompts import alpaca_prompt
from selfspec_assets.method.tuning.examples import NO_LOSS, Example, encode_examples, training_order
from selfspec_assets.method.tuning.tune import TuningSettings, tune
from selfspec_assets.models.language_model import LanguageModel, ModelSpec, model_folder
from selfspec_assets.packs.items import load_training_items
from selfspec_assets.packs.pack import load_pack

GOAL = 1.5
MEAN = 140  # tokens of an example
LONGEST = 512
ROW = 1024  # tokens of a packed row
TOLERANCE = 1e-4  # of each step's loss, relative
SIDES = ("selfspec", "TRL packing", "TRL padding_free")


def pairs(lm: LanguageModel, count: int) -> list[tuple[str, str]]:
    """Prompts and answers; about ``MEAN`` tokens on average, where an item's own text is too short with others' before.

    Raises:
        SystemExit: the mean is more than a tenth off.
    """
    pack, drawing = load_pack("biomedicine"), random.Random(13)
    asked = [
        (benchmark.instruction, item.input, item.references[0])
        for benchmark in pack.present("bundled")
        for item in load_training_items(pack, benchmark, "bundled")
    ]
    made, tokens = list[tuple[str, str]](), 0
    while len(made) < count:
        instruction, text, answer = drawing.choice(asked)
        # Short and long ones: with the mean as the aim of each, there would be no padding to save.
        aim = min(LONGEST - 64, MEAN * math.exp(drawing.gauss(-0.1, 0.45)))
        while (length := len(lm.tokenizer(alpaca_prompt(instruction, text)).input_ids)) < aim - 20:
            text = f"{drawing.choice(asked)[1]} {text}".strip()
        if length > LONGEST - 64:
            continue
        made.append((alpaca_prompt(instruction, text), answer))
        tokens += length
    if abs(tokens / count - MEAN) > 0.1 * MEAN:
        raise SystemExit(f"the examples have {tokens / count:.0f} tokens on average, not {MEAN}")
    return made


def ours(spec: ModelSpec, examples: Sequence[tuple[str, str]], settings: TuningSettings, folder: Path) -> list[float]:
    """Each step's loss."""
    return [point.loss for point in tune(spec, examples, settings, folder).losses]


def theirs(
    lm: LanguageModel, encoded: Sequence[Example], settings: TuningSettings, folder: Path, packing: bool
) -> list[float]:
    """Each step's loss; the examples in the order of our tuner, which ``packing`` then changes."""
    from datasets import Dataset
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM, PrinterCallback, set_seed
    from trl import SFTTrainer

    model = AutoModelForCausalLM.from_pretrained(str(model_folder(lm.spec)), dtype=torch.float32).to(lm.device)
    set_seed(settings.seed)  # as our tuner: the same first weights
    config = LoraConfig(r=settings.r, lora_alpha=settings.alpha, target_modules="all-linear", task_type="CAUSAL_LM")
    adapted = get_peft_model(model, config)
    lengths = [len(example.ids) for example in encoded]
    rows = [encoded[place] for place in training_order(lengths, 1, settings.batch_size, settings.seed)]
    dataset = Dataset.from_dict(
        {
            "input_ids": [row.ids for row in rows],
            "labels": [[NO_LOSS] * row.answer_start + row.ids[row.answer_start :] for row in rows],
        }
    )
    trainer = SFTTrainer(
        model=adapted,
        args=peer_arguments(settings, folder, packing, lengths, lm.device.type == "cpu"),
        train_dataset=dataset,
        processing_class=lm.tokenizer,
    )
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    trainer.save_model(str(folder / "adapter"))
    return [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]


def peer_arguments(settings: TuningSettings, folder: Path, packing: bool, lengths: Sequence[int], on_cpu: bool) -> Any:
    """The peer's own settings; what is learnt, and how, is as ours."""
    from trl import SFTConfig

    at_a_time = 1 if packing else settings.micro_batch_size
    of_a_step = max(1, round(settings.batch_size * statistics.mean(lengths) / ROW)) if packing else settings.batch_size
    units = math.ceil(sum(lengths) / ROW) if packing else len(lengths)
    return SFTConfig(
        output_dir=str(folder),
        packing=packing,
        padding_free=not packing,
        max_length=ROW if packing else None,
        num_train_epochs=1,
        per_device_train_batch_size=at_a_time,
        gradient_accumulation_steps=of_a_step // at_a_time,
        learning_rate=settings.learning_rate,
        lr_scheduler_type="cosine",
        warmup_steps=int(0.03 * math.ceil(units / of_a_step)),
        max_grad_norm=1.0,
        optim="adamw_torch",
        weight_decay=0.0,
        seed=settings.seed,
        train_sampling_strategy="sequential",
        bf16=False,
        gradient_checkpointing=False,
        use_cpu=on_cpu,
        dataloader_pin_memory=not on_cpu,
        logging_strategy="steps",
        logging_steps=1,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
    )


def agreement(mine: Sequence[float], others: Sequence[float]) -> str:
    """What is said of how far two curves agree.

    Raises:
        SystemExit: the numbers of steps differ, or a step's losses do by more than ``TOLERANCE``.
    """
    if len(mine) != len(others):
        raise SystemExit(f"selfspec took {len(mine)} steps, TRL {len(others)}")
    off = [abs(one - other) / abs(one) for one, other in zip(mine, others, strict=True)]
    worst = max(range(len(off)), key=off.__getitem__)
    if off[worst] > TOLERANCE:
        raise SystemExit(f"step {worst + 1}: the loss is {mine[worst]:.5g}, with TRL {others[worst]:.5g}")
    return (
        f"losses of {len(mine)} steps, {mine[0]:.4f} to {mine[-1]:.4f}, are TRL's padding_free's on the same batches: "
        f"largest relative difference {off[worst]:.1e} (up to {TOLERANCE:g})"
    )


def check_peer() -> None:
    """Ends the bench with the remedy where TRL is missing."""
    try:
        import trl
    except ImportError:
        raise SystemExit("bench.tuning: TRL is not installed: pip install 'selfspec[bench]'") from None
    from datasets import disable_progress_bars

    disable_progress_bars()
    warnings.filterwarnings("ignore", category=FutureWarning)
    for name in ("trl", "transformers", "peft"):
        logging.getLogger(name).setLevel(logging.ERROR)
    print(f"trl {trl.__version__}")


def sides_on(
    lm: LanguageModel, examples: Sequence[tuple[str, str]], settings: TuningSettings, folder: Path
) -> dict[str, Callable[[], list[float]]]:
    """All that can be compared, by name; each tunes on these examples."""
    encoded = encode_examples(lm.tokenizer, examples, LONGEST)
    peers = {
        side: partial(theirs, lm, encoded, settings, folder / side, packing=side == "TRL packing") for side in SIDES[1:]
    }
    return {"selfspec": partial(ours, lm.spec, examples, settings, folder / "selfspec"), **peers}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="32 examples, 8 a step, once")
    parser.add_argument("--model", default="smollm2-135m-instruct", help="a known model's name, or a folder")
    parser.add_argument("--examples", type=int, default=2000)
    parser.add_argument("--batch", type=int, default=32, help="examples of an optimiser step")
    parser.add_argument("--micro-batch", type=int, default=8)
    parser.add_argument("--repeats", type=int, default=1)
    options = parser.parse_args()
    if options.quick:
        options.examples, options.batch = min(options.examples, 32), 8
    check_peer()
    lm = loaded(options.model)
    settings = TuningSettings(
        epochs=1, batch_size=options.batch, micro_batch_size=options.micro_batch, max_length=LONGEST
    )
    examples = pairs(lm, options.examples)
    few = examples[: 4 * options.batch]
    made: dict[str, list[float]] = {}
    peak = Peak()

    def timed(chosen: Sequence[tuple[str, str]], names: Sequence[str], repeats: int) -> dict[str, Seconds]:
        def keep(side: str, action: Callable[[], list[float]]) -> None:
            made[side] = action()

        with tempfile.TemporaryDirectory() as folder:
            sides = sides_on(lm, chosen, settings, Path(folder))
            actions = {side: peak.of(side, partial(keep, side, sides[side])) for side in names}
            return compared(actions, repeats, warm_up=False)

    timed(examples[:2], SIDES, 1)  # what is imported and set up once
    seconds = timed(few, SIDES, 1)
    print(agreement(made["selfspec"], made["TRL padding_free"]))
    print(f"on {len(few)} examples:", "; ".join(f"{side} {taken}" for side, taken in seconds.items()))
    peer = min(SIDES[1:], key=lambda side: seconds[side].median)
    if len(few) < len(examples):
        seconds = timed(examples, ("selfspec", peer), options.repeats)
    lengths = [len(example.ids) for example in encode_examples(lm.tokenizer, examples, LONGEST)]
    tokens = sum(lengths)
    print(
        f"{options.model}, {torch.get_num_threads()} threads: {len(lengths)} examples of {min(lengths)} to "
        f"{max(lengths)} tokens, {tokens / len(lengths):.0f} on average, {options.batch} a step"
    )
    for side in ("selfspec", peer):
        taken = seconds[side]
        print(
            f"{side:>18}: {taken}, {tokens / taken.median:.0f} tokens/s, memory +{peak.added[side]:.0f} MB, "
            f"last loss {made[side][-1]:.3f}"
        )
    print(ratio_line("tuning", seconds[peer].median / seconds["selfspec"].median, GOAL))


if __name__ == "__main__":
    main()
