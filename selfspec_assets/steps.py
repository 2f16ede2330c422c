"""The steps: what each needs, which files it reads, which tables it fills. ``lineage`` makes signatures of it. Pure."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from selfspec_assets.corpora.sources import corpus_digests
from selfspec_assets.corpus_contract import PIPELINE
from selfspec_assets.errors import SelfspecError
from selfspec_assets.pack_readers import is_shared
from selfspec_assets.recipe import Recipe
from selfspec_assets.rows import (
    AdapterRow,
    BaselineRow,
    BenchmarkItemRow,
    BenchmarkRemarkRow,
    BenchmarkRow,
    CorpusCountRow,
    CorpusDropRow,
    CorpusRow,
    InstructionRow,
    ItemScoreRow,
    LiftRow,
    LossRow,
    PassageRow,
    PredictionRow,
    RequestRow,
    ResponseRow,
    ResponseTokenRow,
    RetrievalRow,
    Row,
    ScoreRow,
    SeedRow,
    TrainingItemRow,
    TrainingRemarkRow,
)
from selfspec_assets.seed_sample import benchmarks_to_demonstrate_by_hand
from selfspec_assets.signature import canonical_json, file_digest_once, folder_files, text_digest

if TYPE_CHECKING:
    from selfspec_assets.lineage import Lineage

Need = tuple[str, int]  # (step, iteration); iteration 0 for what belongs to the domain alone


@dataclass(frozen=True)
class Step:
    """One asset. Raise ``code_version`` when the same inputs would give other rows."""

    name: str
    per_iteration: bool
    code_version: str
    tables: tuple[type[Row], ...]
    settings: tuple[str, ...]
    needs: Callable[["Lineage", int], list[Need]]
    files: Callable[["Lineage", str, int], dict[str, str]]


def previous_adapters(iteration: int, how_many: int) -> list[Need]:
    return [("adapter", n) for n in range(iteration - 1, max(iteration - 1 - how_many, 0), -1)]


def _instructions_needs(lineage: "Lineage", iteration: int) -> list[Need]:
    if iteration > 1 and lineage.recipe.loop.instructions.later_iterations == "same":
        return [("instructions", 1)]
    earlier: list[Need] = [("instructions", n) for n in range(1, iteration)]
    return [("seeds", 0), ("benchmarks", 0), *earlier, *previous_adapters(iteration, 1)]


def _passages_needs(lineage: "Lineage", iteration: int) -> list[Need]:
    corpus: list[Need] = [("corpus", 0)] if lineage.recipe.passages.k_of(iteration) else []
    return [*corpus, ("instructions", iteration)]


def _responses_needs(lineage: "Lineage", iteration: int) -> list[Need]:
    # Eq. 3: the writer is adapter n-1; its weaker ancestor is adapter n-2, or the base in iteration 2.
    adapters = previous_adapters(iteration, 2 if lineage.contrasts else 1)
    return [("instructions", iteration), ("passages", iteration), *adapters]


def _adapter_needs(lineage: "Lineage", iteration: int) -> list[Need]:
    if lineage.recipe.is_reference:
        return [("seeds" if lineage.recipe.adapter.data == "seeds" else "training_items", 0)]
    first = 1 if lineage.recipe.adapter.data == "union" else iteration
    responses: list[Need] = [("responses", n) for n in range(first, iteration + 1)]
    return [*responses, *(previous_adapters(iteration, 1) if lineage.recipe.adapter.start == "previous" else [])]


def _no_files(lineage: "Lineage", domain: str, iteration: int) -> dict[str, str]:
    return {}


def _seed_files(lineage: "Lineage", domain: str, iteration: int) -> dict[str, str]:
    if lineage.recipe.seeds.sample_train is not None:
        # The test splits count, too: what stands in one is not drawn.
        splits = _training_files(lineage, domain, iteration).items()
        pack, recipe = lineage.pack(domain), lineage.recipe
        by_hand = benchmarks_to_demonstrate_by_hand(pack, recipe)
        return {
            **({"file": cached_file_digest(pack.seeds_path(recipe.data))} if by_hand else {}),
            **_benchmark_files(lineage, domain, iteration),
            "comparison": "2",  # raise it when other items would count as those of a test split
            **{f"{name}/train": digest for name, digest in splits},
        }
    return {"file": cached_file_digest(lineage.pack(domain).seeds_path(lineage.recipe.data))}


def _corpus_files(lineage: "Lineage", domain: str, iteration: int) -> dict[str, str]:
    pack, kind = lineage.pack(domain), lineage.recipe.data
    corpus = pack.data(kind).corpus
    if corpus.prepared is not None:
        return {"file": cached_file_digest(pack.corpus_path(kind))}
    # Passages that hold text of a benchmark are dropped, so its files count as well.
    benchmarks = text_digest(canonical_json(_benchmark_files(lineage, domain, iteration)))
    return {**corpus_digests(corpus, pack.data_root(kind)), "pipeline": PIPELINE, "benchmarks": benchmarks}


def _benchmark_files(lineage: "Lineage", domain: str, iteration: int) -> dict[str, str]:
    pack, kind = lineage.pack(domain), lineage.recipe.data
    benchmarks = pack.data(kind).benchmarks
    digests: dict[str, str] = {}
    for benchmark in benchmarks:
        for place, path in enumerate(pack.benchmark_paths(benchmark, kind)):
            name = f"{benchmark.name}/{place}" if place else benchmark.name
            digests[name] = _data_digest(path)
        # A training split counts for ``training_items`` alone: declaring one must not remake the loop.
        digests[f"{benchmark.name}/declared"] = text_digest(benchmark.model_dump_json(exclude={"train"}))
    if not all(is_shared(pack.folder, reader) for reader in {benchmark.reader for benchmark in benchmarks}):
        digests["readers"] = cached_file_digest(pack.folder / "readers.py")
    return digests


def _declared_metrics(lineage: "Lineage", domain: str, iteration: int) -> dict[str, str]:
    """What a pack declares is for scoring alone: the questions and the answers to them stay as they are."""
    benchmarks = lineage.pack(domain).data(lineage.recipe.data).benchmarks
    return {f"{one.name}/metrics": text_digest(" ".join(one.metrics)) for one in benchmarks if one.metrics}


def _training_files(lineage: "Lineage", domain: str, iteration: int) -> dict[str, str]:
    pack, kind = lineage.pack(domain), lineage.recipe.data
    paths = {benchmark.name: pack.training_path(benchmark, kind) for benchmark in pack.data(kind).benchmarks}
    return {name: _data_digest(path) for name, path in paths.items() if path is not None}


def _data_digest(path: Path) -> str:
    """Of a file, or of all the files of a folder by name; "absent" where there is neither."""
    if path.is_dir():
        return text_digest(
            canonical_json({name: cached_file_digest(file) for name, file in folder_files(path).items()})
        )
    return cached_file_digest(path) if path.exists() else "absent"


def instruction_files(lineage: "Lineage", domain: str, iteration: int) -> dict[str, str]:
    pack = lineage.pack(domain)
    digests = {
        "model": lineage.model_identity,
        "header": text_digest(pack.instruction_header.source),
        "banned_words": text_digest("\n".join(pack.file.banned_words)),
        "language": pack.file.language,
    }
    if pack.file.filters:
        names = " ".join(pack.file.filters)
        digests["filters"] = text_digest(f"{names} {cached_file_digest(pack.filters.path)}")
    return digests


def _response_files(lineage: "Lineage", domain: str, iteration: int) -> dict[str, str]:
    return {"model": lineage.model_identity, "prompt": text_digest(lineage.pack(domain).response_prompt.source)}


def _model_file(lineage: "Lineage", domain: str, iteration: int) -> dict[str, str]:
    return {"model": lineage.model_identity}


STEPS: dict[str, Step] = {
    step.name: step
    for step in (
        Step("seeds", False, "2", (SeedRow,), (), lambda lineage, n: [], _seed_files),
        Step(
            "corpus", False, "2", (CorpusRow, CorpusCountRow, CorpusDropRow), (), lambda lineage, n: [], _corpus_files
        ),
        Step(
            "benchmarks",
            False,
            "2",
            (BenchmarkRow, BenchmarkItemRow, BenchmarkRemarkRow),
            (),
            lambda lineage, n: [],
            _benchmark_files,
        ),
        Step(
            "training_items",
            False,
            "2",
            (TrainingItemRow, TrainingRemarkRow),
            (),
            lambda lineage, n: [("benchmarks", 0)],
            _training_files,
        ),
        Step(
            "base_predictions",
            False,
            "2",
            (PredictionRow,),
            ("seed", "scores"),
            lambda lineage, n: [("seeds", 0), ("benchmarks", 0)],
            _model_file,
        ),
        Step(
            "base_scores",
            False,
            "5",
            (ItemScoreRow, ScoreRow, BaselineRow),
            ("seed",),
            lambda lineage, n: [("benchmarks", 0), ("base_predictions", 0)],
            _declared_metrics,
        ),
        Step(
            "instructions",
            True,
            "2",
            (RequestRow, InstructionRow),
            ("seed", "instructions"),
            _instructions_needs,
            instruction_files,
        ),
        Step("passages", True, "2", (RetrievalRow, PassageRow), (), _passages_needs, _no_files),
        Step(
            "responses", True, "1", (ResponseRow, ResponseTokenRow), ("responses",), _responses_needs, _response_files
        ),
        Step("adapter", True, "1", (AdapterRow, LossRow), ("seed", "adapter"), _adapter_needs, _model_file),
        Step(
            "predictions",
            True,
            "2",
            (PredictionRow,),
            ("seed", "scores"),
            lambda lineage, n: [("seeds", 0), ("benchmarks", 0), ("adapter", n)],
            _model_file,
        ),
        Step(
            "scores",
            True,
            "5",
            (ItemScoreRow, ScoreRow, LiftRow),
            ("seed",),
            lambda lineage, n: [("benchmarks", 0), ("base_predictions", 0), ("predictions", n)],
            _declared_metrics,
        ),
    )
}
DOMAIN_STEPS = tuple(step.name for step in STEPS.values() if not step.per_iteration)
ITERATION_STEPS = tuple(step.name for step in STEPS.values() if step.per_iteration)
_OF_THE_LOOP = frozenset({"corpus", "instructions", "passages", "responses"})


def belongs_to(step: str, recipe: Recipe) -> bool:
    """Whether a recipe's graph has the step: a reference generates nothing, only one reads training splits."""
    if step == "training_items":
        return recipe.adapter.data == "supervised"
    return not (recipe.is_reference and step in _OF_THE_LOOP)


def cached_file_digest(path: Path) -> str:
    """SHA-256 of a file; see ``signature.file_digest_once``.

    Raises:
        SelfspecError: the file does not exist.
    """
    try:
        return file_digest_once(path)
    except FileNotFoundError as error:
        raise SelfspecError(path, "the file does not exist", "add it, or correct its name in domain.yaml") from error
    except OSError as error:
        raise SelfspecError(path, f"cannot be read: {error.strerror}", "give a file that can be read") from error
