"""Scores a model folder on the development items: ``python -m nano.probe FOLDER``.

Choices about the text and the training are made with these figures; the test items
are for the pipeline alone. The prompts are the pipeline's.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.utils import logging

from nano.build_bundled import PACKS
from nano.world.mixture import DOMAINS
from selfspec_assets.method.prompts import alpaca_prompt, cue_prompt, plain_prompt
from selfspec_assets.method.scoring.metrics import item_scores
from selfspec_assets.packs.pack import Pack, load_pack

# The tasks whose answers are names out of the text.
COPIED = ("factoid", "list", "entities")
Row = dict[str, Any]
Table = dict[str, dict[str, float]]


def prompts_of(pack: Pack) -> dict[str, Callable[[Row], str]]:
    """Every way to ask: the base's three, and the response prompt without and with the nearest passage."""

    def expert(row: Row, passage: str) -> str:
        return pack.response_prompt.render(instruction=row["instruction"], input=row["input"], passage=passage)

    return {
        "plain": lambda row: plain_prompt(row["instruction"], row["input"]),
        "cue": lambda row: cue_prompt(row["instruction"], row["input"]),
        "alpaca": lambda row: alpaca_prompt(row["instruction"], row["input"]),
        "expert": lambda row: expert(row, ""),
        "expert+passage": lambda row: expert(row, row["passage"]),
    }


@torch.no_grad()
def answer(model: Any, tokenizer: Any, prompts: list[str], new: int = 40) -> list[str]:
    """Answer prompts greedily, in batches of similar length."""
    order = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))
    answers = [""] * len(prompts)
    for start in range(0, len(order), 32):
        ids = order[start : start + 32]
        batch = tokenizer([prompts[i] for i in ids], return_tensors="pt", padding=True)
        out = model.generate(
            **batch,
            max_new_tokens=new,
            do_sample=False,
            pad_token_id=tokenizer.pad_token_id,
            eos_token_id=tokenizer.eos_token_id,
        )
        width = batch["input_ids"].shape[1]
        for i, row in zip(ids, out, strict=True):
            answers[i] = tokenizer.decode(row[width:], skip_special_tokens=True)
    return answers


def score(
    folder: Path, domain: str, limit: int, show: int = 0, tasks: Collection[str] = (), prompts: Collection[str] = ()
) -> Table:
    """F1 of each benchmark under each prompt, cut at the first blank line; ``*`` marks the first line alone.

    ``tasks``, ``prompts``: these alone, if any are given.
    """
    tokenizer = AutoTokenizer.from_pretrained(folder)
    logging.disable_progress_bar()  # it would stand among the lines of the training
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    ways = {name: way for name, way in prompts_of(load_pack(domain)).items() if not prompts or name in prompts}
    asked: list[tuple[str, str, int, Row]] = []
    for path in sorted((PACKS / domain / "bundled" / "benchmarks" / "dev").glob("*.jsonl")):
        if not tasks or path.stem in tasks:
            rows = [json.loads(line) for line in path.read_text().splitlines()][:limit]
            asked += [(path.stem, name, number, row) for name in ways for number, row in enumerate(rows)]
    # All at once: few large batches take much less time than many small ones.
    answers = answer(model, tokenizer, [ways[name](row) for _, name, _, row in asked])
    points: dict[str, dict[str, list[float]]] = {}
    for (task, name, number, row), text in zip(asked, answers, strict=True):
        for mark, end in (("", "\n\n"), ("*", "\n")):
            cut = text.lstrip().split(end)[0].strip()
            points.setdefault(task, {}).setdefault(name + mark, []).append(item_scores(cut, row["references"])["f1"])
        if number < show:
            print(f"{domain} {task} {name}: {text!r} for {row['references'][0]!r}")
    return {task: {name: sum(many) / len(many) for name, many in row.items()} for task, row in points.items()}


def copying(folder: Path, limit: int = 6) -> float:
    """Mean F1 of an expert's answers that are copied out of the input; few items, for the curve of a training run."""
    tables = [score(folder, domain.name, limit, tasks=COPIED, prompts=("expert",)) for domain in DOMAINS]
    points = [row["expert"] for table in tables for row in table.values()]
    return sum(points) / len(points)


def main() -> None:
    """Print a table for each domain."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--domains", nargs="+", default=[domain.name for domain in DOMAINS])
    parser.add_argument("--limit", type=int, default=30)
    parser.add_argument("--show", type=int, default=0)
    options = parser.parse_args()
    for domain in options.domains:
        table = score(options.folder, domain, options.limit, options.show)
        columns = list(next(iter(table.values())))
        print(f"{domain:12s}" + "".join(f"{name:>16s}" for name in columns))
        for name, row in table.items():
            print(f"{name:12s}" + "".join(f"{row[column]:16.1f}" for column in columns))
        means = {column: sum(row[column] for row in table.values()) / len(table) for column in columns}
        print(f"{'mean':12s}" + "".join(f"{value:16.1f}" for value in means.values()))


if __name__ == "__main__":
    main()
