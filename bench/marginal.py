"""Answers over k passages (Eq. 2): the engine against ``generate`` with the reference processor.

    python -m bench.marginal [--quick] [--model FOLDER] [--questions 64] [--batch 8] [--longest 200] [--repeats 3]

Every side mixes the same prompts with the same chooser and ends each answer at the same length, drawn between 10 and
200 tokens. The peer is what a user of transformers writes: a logits processor on ``generate``, in batches of as many
questions as the engine has at a time, and one question after the other.
"""

import torch

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

PASSAGES = 5


def main() -> None:
    options = options_of(__doc__)
    lm = loaded(options.model)
    weights = [[0.4, 0.25, 0.15, 0.12, 0.08]] * options.questions
    queries = [query(lm, prompts, [None]) for prompts in questions(options.questions, PASSAGES)]
    made: dict[str, list[list[int]]] = {}

    def engine() -> None:
        choose = MixtureChooser(weights, None, lm.device)
        made["engine"] = engine_answers(lm, queries, choose, options.longest, options.batch)

    def peer(name: str, batch: int) -> None:
        ends = trackers(lm, len(queries), options.longest)
        made[name] = static_batches(lm, queries, MixtureChooser(weights, None, lm.device), ends, batch)

    peak = Peak()
    static, single = f"generate, {options.batch} questions at a time", "generate, one question at a time"
    seconds = compared(
        {
            "engine": peak.of("engine", engine),
            static: peak.of(static, lambda: peer(static, options.batch)),
            single: peak.of(single, lambda: peer(single, 1)),
        },
        options.repeats,
    )
    agreement = check_equal(made)
    tokens = sorted(map(len, made["engine"]))
    print(
        f"{options.model}, {torch.get_num_threads()} threads: {len(queries)} questions, {PASSAGES} passages, "
        f"{sum(len(row) for one in queries for row in one.rows)} tokens of prompts, "
        f"answers of {tokens[0]} to {tokens[-1]} tokens, {sum(tokens)} in all"
    )
    print(agreement)
    for name, taken in seconds.items():
        print(f"{name:>36}: {taken}, peak memory {peak.megabytes[name]:.0f} MB")
    print(ratio_line("marginal", seconds[static].median / seconds["engine"].median, 3))
    print(ratio_line("marginal-single", seconds[single].median / seconds["engine"].median, 8))


if __name__ == "__main__":
    main()
