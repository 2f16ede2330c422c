"""What is doubtful in a file of seeds, though it can be read: each doubt in one line."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence, Set

from selfspec_assets.base.errors import did_you_mean
from selfspec_assets.base.words import comparable
from selfspec_assets.method.instructions.novelty import NoveltyIndex
from selfspec_assets.packs.contract import Benchmark
from selfspec_assets.packs.records import Item, Seed, question_key

MAX_ROUGE_L = 0.7  # as for generated instructions (paper, §3.2 after self-instruct)
FEWEST = 4  # seeds of one group, for its labels to be weighed
MOST_OF_ONE_LABEL = 0.75
_SHOWN = 3


def doubts(seeds: Sequence[Seed], benchmarks: Sequence[Benchmark], *, elsewhere: Sequence[Benchmark] = ()) -> list[str]:
    """Duplicates, near-duplicates, demonstrations of nothing or without an input, groups of nearly one label only.

    Args:
        elsewhere: benchmarks of the pack's other data, which a file of seeds that both take may demonstrate as well.
    """
    asked = {name for benchmark in benchmarks for name in (benchmark.name, benchmark.task)}
    known = asked | {name for benchmark in elsewhere for name in (benchmark.name, benchmark.task)}
    return [
        *_line("is asked twice", list(_duplicates(seeds))),
        *_line(f"comes close to another, ROUGE-L above {MAX_ROUGE_L}", list(_near_duplicates(seeds))),
        *_line("demonstrates no benchmark, nor a benchmark's task, nor its own task", list(_misnamed(seeds, known))),
        *_line("has no input, unlike the others that demonstrate its benchmark", list(_empty_inputs(seeds, asked))),
        *_imbalances(seeds),
    ]


def repeats(seeds: Sequence[Seed], items: Sequence[Item], benchmark: str) -> list[str]:
    """Seeds that ask what a benchmark asks, case and punctuation aside: as demonstrations they give its answer away."""
    asked = {question_key(item.input): item.item_id for item in items}
    same = [(seed.seed_id, asked.get(question_key(seed.input))) for seed in seeds if seed.input.strip()]
    return list(_line(f"repeats an item of {benchmark}", [f"{name} (item {item})" for name, item in same if item]))


def _line(what: str, names: list[str]) -> Iterator[str]:
    if names:
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        yield f"seed {', '.join(names[:_SHOWN])}{more}: {what}"


def _asked(seed: Seed) -> str:
    return f"{seed.instruction} {seed.input}"


def _duplicates(seeds: Sequence[Seed]) -> Iterator[str]:
    seen: dict[str, str] = {}
    for seed in seeds:
        text = comparable(_asked(seed))
        if text in seen:
            yield f"{seed.seed_id} (as {seen[text]})"
        seen.setdefault(text, seed.seed_id)


def _near_duplicates(seeds: Sequence[Seed]) -> Iterator[str]:
    """Instruction and input together: seeds of one benchmark may share the instruction. Duplicates are not repeated."""
    index = NoveltyIndex(MAX_ROUGE_L)
    names: dict[str, str] = {}
    for seed in seeds:
        text = comparable(_asked(seed))
        if text in names:
            continue
        nearest = index.nearest(text)
        if nearest is not None:
            yield f"{seed.seed_id} (to {names[nearest[1]]}, {nearest[0]:.2f})"
        names[text] = seed.seed_id
        index.add(text)


def _groups(seeds: Sequence[Seed]) -> list[list[Seed]]:
    groups: defaultdict[str, list[Seed]] = defaultdict(list)
    for seed in seeds:
        groups[seed.demonstrates].append(seed)
    return list(groups.values())


def _misnamed(seeds: Sequence[Seed], asked: Set[str]) -> Iterator[str]:
    """A misspelt name: the seed would be an example of nothing."""
    for seed in seeds:
        if seed.demonstrates not in asked | {seed.task}:
            guess = did_you_mean(seed.demonstrates, sorted(asked | {seed.task})).strip()
            yield f"{seed.seed_id} ('{seed.demonstrates}'{'; ' + guess if guess else ''})"


def _empty_inputs(seeds: Sequence[Seed], asked: Set[str]) -> Iterator[str]:
    """Of seeds for a benchmark only: a free type of task may have some with and some without."""
    for group in _groups(seeds):
        empty = [seed.seed_id for seed in group if not seed.input.strip()]
        if group[0].demonstrates in asked and 2 * len(empty) < len(group):  # most have none: none is wanted
            yield from empty


def _imbalances(seeds: Sequence[Seed]) -> Iterator[str]:
    for group in _groups(seeds):
        answers = Counter(comparable(seed.output) for seed in group)
        answer, count = answers.most_common(1)[0]
        if len(group) >= FEWEST and count >= MOST_OF_ONE_LABEL * len(group):
            yield f"seeds of {group[0].demonstrates}: {count} of {len(group)} answers are '{answer}'"
