"""Checks that only warn: figures of what a step made, each beside the threshold of it in the recipe's ``checks``.

They are no part of any signature and reject nothing; whoever wants rows rejected adds a refining step.
"""

import inspect
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.base.words import comparable, count_words, words
from selfspec_assets.method.refining import is_stretch_of
from selfspec_assets.packs.corpora.ngrams import word_hashes
from selfspec_assets.packs.corpora.overlap import BenchmarkText
from selfspec_assets.packs.records import without_marks
from selfspec_assets.packs.seed_sample import recipe_seeds
from selfspec_assets.steps.exam import AVERAGE
from selfspec_assets.steps.job import Job, Tables
from selfspec_assets.steps.step import Check, Step
from selfspec_assets.warehouse.rows import AdapterRow, BenchmarkItemRow, InstructionRow, LossRow, ResponseRow
from selfspec_assets.warehouse.score_rows import ScoreRow

Measure = Callable[[str, Job, Tables], Check]
LABEL_WORDS = 3  # an answer of so many words at most counts as a label
FEWEST_LABELS = 10  # of fewer no share is told
TEXT_WORDS = 8  # a shorter text has too few of a language's common words to tell it by
COMMON_WORDS = 50  # of the seeds: what they hold most often is a language's grammar
LEAST_COMMON = 0.1  # share of them in a text of the same language; running text has four times as much


def checks_of(job: Job, step: Step, tables: Tables) -> list[Check]:
    """The warnings of a step's rows; one that cannot be measured passes, and says so."""
    checks = []
    for name, measure in MEASURES.get(step.name, {}).items():
        try:
            checks.append(measure(name, job, tables))
        except SelfspecError as error:  # what it compares with is not there: no reason to stop
            checks.append(Check(name, True, f"not measured: {error.place}: {error.reason}", warns=True))
    return checks


def described(step: Step) -> dict[str, str]:
    """The names of what ``checks_of`` gives, and what each measures."""
    return {name: (inspect.getdoc(measure) or "") for name, measure in MEASURES.get(step.name, {}).items()}


def _at_most(name: str, what: str, share: float, limit: float, **figures: float) -> Check:
    told = f"{share:.1%} of {what}; checks.{_KEYS[name]} allows {limit:.1%}"
    return Check(name, share <= limit, told, True, {"share": round(share, 4), "threshold": limit, **figures})


def _at_least(name: str, what: str, share: float, limit: float, **figures: float) -> Check:
    told = f"{share:.1%} of {what}; checks.{_KEYS[name]} asks for {limit:.1%}"
    return Check(name, share >= limit, told, True, {"share": round(share, 4), "threshold": limit, **figures})


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _rows(tables: Tables, row_type: type[Any]) -> Sequence[Any]:
    return tables[row_type]


def _kept(tables: Tables, row_type: type[Any]) -> list[Any]:
    return [row for row in _rows(tables, row_type) if row.is_kept]


def novelty(name: str, job: Job, tables: Tables) -> Check:
    """Of the instructions that were compared with seeds and earlier ones, how many were new (Section 3.2)."""
    rows = [row for row in _rows(tables, InstructionRow) if row.kept or row.reason == "not_novel"]
    if not rows:
        return Check(name, True, "no instruction was compared", True)
    new = sum(row.kept for row in rows)
    return _at_least(name, "the comparable instructions are new", _share(new, len(rows)), job.recipe.checks.min_novel)


def instruction_language(name: str, job: Job, tables: Tables) -> Check:
    """Kept instructions that read like the language of the seeds, told by their commonest words."""
    texts = [f"{row.instruction} {row.input}" for row in _kept(tables, InstructionRow)]
    return _language(name, job, "instructions", texts)


def answer_language(name: str, job: Job, tables: Tables) -> Check:
    """Kept answers that read like the language of the seeds, told by their commonest words."""
    return _language(name, job, "answers", [row.response for row in _kept(tables, ResponseRow)])


def _language(name: str, job: Job, what: str, texts: Sequence[str]) -> Check:
    """By the words that the seeds hold most often: no list of a language's words is needed for that."""
    counted = Counter(
        word
        for seed in recipe_seeds(job.pack, job.recipe)
        for word in words(f"{seed.instruction} {seed.input} {seed.output}")
    )
    common = {word for word, _ in counted.most_common(COMMON_WORDS)}
    long = [found for found in map(words, texts) if len(found) >= TEXT_WORDS]
    if not long:
        return Check(name, True, f"no {what} of {TEXT_WORDS} words or more", True)
    alike = sum(sum(word in common for word in text) >= LEAST_COMMON * len(text) for text in long)
    told = f"the {len(long)} {what} of {TEXT_WORDS} words or more read like the seeds' language"
    return _at_least(name, told, _share(alike, len(long)), job.recipe.checks.min_in_language)


def usable(name: str, job: Job, tables: Tables) -> Check:
    """Answers that are empty, ran into the limit or repeat themselves, each with its figure."""
    rows = _rows(tables, ResponseRow)
    counts = Counter(row.reason for row in rows if row.reason in ("empty", "truncated", "repeats_itself"))
    figures = {f"share_{reason}": round(_share(count, len(rows)), 4) for reason, count in counts.items()}
    bad = _share(counts.total(), len(rows))
    return _at_most(
        name, "the answers are empty, cut off or repetitive", bad, job.recipe.checks.max_unusable, **figures
    )


def copied(name: str, job: Job, tables: Tables) -> Check:
    """As the refining step ``copied_input`` sees it: eight words or more, all of them copied."""
    rows = _kept(tables, ResponseRow)
    copies = sum(is_stretch_of(row.response, row.input) or is_stretch_of(row.response, row.instruction) for row in rows)
    return _at_most(
        name, "the kept answers are a part of their input", _share(copies, len(rows)), job.recipe.checks.max_copied
    )


def label_balance(name: str, job: Job, tables: Tables) -> Check:
    """One label throughout teaches that label and nothing else."""
    rows = [row for row in _kept(tables, ResponseRow) if count_words(row.response) <= LABEL_WORDS]
    if len(rows) < FEWEST_LABELS:
        return Check(name, True, f"{len(rows)} answers of {LABEL_WORDS} words or fewer: too few to tell", True)
    ((label, count),) = Counter(comparable(row.response) for row in rows).most_common(1)
    what = f"the {len(rows)} short answers are the same, '{label:.40}'"
    return _at_most(name, what, _share(count, len(rows)), job.recipe.checks.max_same_label)


def contamination(name: str, job: Job, tables: Tables) -> Check:
    """Kept answers with 13 words in a row of a benchmark's item; instructions with such are rejected anyway."""
    items = job.read("benchmarks", BenchmarkItemRow, 0)
    text = BenchmarkText(
        (f"{item.benchmark}/{item.item_id}", [without_marks(item.input), *item.references]) for item in items
    )
    rows = _kept(tables, ResponseRow)
    found = [text.find(tokens := words(row.response), word_hashes(tokens)) for row in rows]
    first = next((f", the first of {hit[0]}" for hit in found if hit), "")
    what = f"the kept answers repeat 13 words of a benchmark's item{first}"
    share = _share(sum(hit is not None for hit in found), len(rows))
    return _at_most(name, what, share, job.recipe.checks.max_contaminated)


def loss_falls(name: str, job: Job, tables: Tables) -> Check:
    """The mean loss of the last epoch against that of the first: tuning that ends above it has taught nothing."""
    (row,), losses = _rows(tables, AdapterRow), _rows(tables, LossRow)
    last = max(loss.epoch for loss in losses)
    first_mean = _mean([loss.loss for loss in losses if loss.epoch <= 1] or [losses[0].loss])
    last_mean = _mean([loss.loss for loss in losses if loss.epoch > last - 1])
    ratio, limit = last_mean / first_mean if first_mean else 0.0, job.recipe.checks.max_loss_ratio
    left_out = _share(row.too_long, row.too_long + row.examples)
    told = (
        f"the mean loss went from {first_mean:.3f} in the first epoch to {last_mean:.3f} in the last; "
        f"checks.max_loss_ratio allows {limit:g} times as much; {left_out:.1%} of the examples were too long"
    )
    figures = {"ratio": ratio, "threshold": limit, "logit_change": row.logit_change, "share_too_long": left_out}
    return Check(name, ratio <= limit, told, True, {key: round(value, 4) for key, value in figures.items()})


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def no_worse(name: str, job: Job, tables: Tables) -> Check:
    """The macro averages of F1 against those of the iteration before; of the first against the best base prompt."""
    now = _averages(_rows(tables, ScoreRow))
    step, n = ("scores", job.iteration - 1) if job.iteration > 1 else ("base_scores", 0)
    before = _averages(job.read(step, ScoreRow, n))
    gains = {k: round(now[k] - before[k], 2) for k in now.keys() & before.keys()}
    other = f"iteration {n}" if n else "the best base prompt"
    if not gains:
        return Check(name, True, f"no number of shots in common with {other}", True)
    limit = job.recipe.checks.max_score_drop
    told = ", ".join(f"k={k}: {gain:+.2f}" for k, gain in sorted(gains.items()))
    figures = {f"gain_k{k}": gain for k, gain in gains.items()}
    return Check(
        name,
        min(gains.values()) >= -limit,
        f"average F1 against {other}: {told}; checks.max_score_drop allows -{limit:g}",
        True,
        {**figures, "threshold": limit},
    )


def _averages(rows: Sequence[Any]) -> dict[int, float]:
    """The best average F1 at each number of shots, of rows that a user could have."""
    best: dict[int, float] = {}
    for row in rows:
        if row.benchmark == AVERAGE and row.metric == "f1" and not row.oracle:
            best[row.shots] = max(row.value, best.get(row.shots, 0.0))
    return best


MEASURES: Mapping[str, Mapping[str, Measure]] = {
    "instructions": {"novelty_rate": novelty, "instructions_in_language": instruction_language},
    "responses": {
        "usable_answers": usable,
        "copied_answers": copied,
        "answers_in_language": answer_language,
        "label_balance": label_balance,
        "contamination": contamination,
    },
    "adapter": {"loss_falls": loss_falls},
    "scores": {"no_worse_than_before": no_worse},
}
_KEYS = {  # of the recipe's checks
    "novelty_rate": "min_novel",
    "instructions_in_language": "min_in_language",
    "answers_in_language": "min_in_language",
    "usable_answers": "max_unusable",
    "copied_answers": "max_copied",
    "label_balance": "max_same_label",
    "contamination": "max_contaminated",
}
