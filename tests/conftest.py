"""Shared fixtures: a tiny random model, and a project of its own with a domain that the package has never heard of."""

import gc
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import event
from sqlalchemy.engine import Engine

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("SELFSPEC_PICTURES", "off")  # five seconds of drawing a run; tests of pictures switch it on

_status: list[int] = []
# Begun first, or one worker waits for the other's.
LONGEST = (
    "kill/test_steps.py",
    "test_pipeline.py",
    "orchestration/test_ui.py",
    "bench/test_evidence.py",
    "nano/test_model.py",
    "test_plugins.py",
)


def pip_installed(distribution: Path, factory: pytest.TempPathFactory) -> Path:
    """Where pip has put a stranger's distribution: beside this environment, without a network."""
    source, target = factory.mktemp("source") / distribution.name, factory.mktemp("installed")
    shutil.copytree(distribution, source)
    options = ["--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--disable-pip-version-check"]
    command = [sys.executable, "-m", "pip", "install", *options, "--target", str(target), str(source)]
    subprocess.run(command, check=True, capture_output=True, text=True)
    return target


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    first = [Path(__file__).parent / name for name in LONGEST]
    if lost := [str(path) for path in first if not path.is_file()]:
        raise pytest.UsageError(f"tests/conftest.py: LONGEST names what is not there: {', '.join(lost)}")
    items.sort(key=lambda item: first.index(item.path) if item.path in first else len(first))


def pytest_collection_finish() -> None:
    """What the imports left behind stays for good; else every collection of garbage goes through it again."""
    gc.collect()
    gc.freeze()


@event.listens_for(Engine, "connect")
def _not_waiting_for_the_disk(connection: sqlite3.Connection, record: object) -> None:
    """Dagster's event files outlive this process, not a power cut; a step writes about fifty times into them."""
    connection.execute("PRAGMA synchronous = OFF")


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    _status.append(int(exitstatus))


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    # As in cli/app.py: DuckDB's binding prints a page of noise when the interpreter is torn down after torch has been
    # at work, and would bury the summary.
    sys.stdout.flush()
    sys.stderr.flush()
    if _status:
        os._exit(_status[-1])


PLANTS = ("fern", "moss", "oak", "birch", "clover", "nettle", "thistle", "willow", "heather", "sorrel")
PARTS = ("root", "leaf", "stem", "bark", "seed", "spore", "petal", "bud", "thorn", "catkin")


def write_lines(path: Path, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def corpus_rows() -> list[dict[str, Any]]:
    return [
        {
            "id": f"d{i}",
            "title": f"The {plant}",
            "text": f"The {part} of the {plant} is brown and number {i} on our list.",
        }
        for i, (plant, part) in enumerate((p, q) for p in PLANTS for q in PARTS[:4])
    ]


def seed_rows() -> list[dict[str, Any]]:
    rows = []
    for i, plant in enumerate(PLANTS):
        rows.append(
            {
                "id": f"s{i}",
                "task": "colour",
                "demonstrates": "colours",
                "source": "written for this test",
                "instruction": f"Which colour has the {PARTS[i]} of the plant named here?",
                "input": f"The {plant}.",
                "output": "brown",
            }
        )
    rows.append(
        {
            "id": "s10",
            "task": "essay",
            "demonstrates": "essay",
            "source": "written for this test",
            "instruction": "Praise moss.",
            "input": "",
            "output": "Moss is soft.",
        }
    )
    return rows


def item_rows() -> list[dict[str, Any]]:
    return [
        {"id": f"q{i}", "input": f"Is the {plant} number {i} in the book?", "references": ["brown", "dark brown"]}
        for i, plant in enumerate(PLANTS)
    ]


def training_rows() -> list[dict[str, Any]]:
    """Labelled items of the same benchmark; no test uses their plants."""
    return [
        {"id": f"t{i}", "input": f"Is the {plant} in the book?", "references": ["green", "dark green"]}
        for i, plant in enumerate(("larch", "poplar", "alder", "hazel", "rowan", "yew"))
    ]


PACK = {
    "contract": 1,
    "title": "Botany",
    "prompts": {"instructions": "list.j2", "response": "answer.j2"},
    "banned_words": ["photograph"],
    "published": {
        "corpus": "corpus.jsonl",
        "benchmarks": [
            {"name": "colours", "task": "colour", "instruction": "Name the colour.", "file": "colours.jsonl"}
        ],
    },
}

RECIPE: dict[str, Any] = {
    "base_model": {"model": "./model"},
    "data": "published",
    "domains": ["botany"],
    "iterations": 2,
    "seed": 3,
    "instructions": {"target": 16, "min_kept": 4, "max_requests": 40, "max_new_tokens": 60, "batch_size": 8},
    "passages": {"k": 3},
    "responses": {"max_new_tokens": 16, "min_kept": 0.01, "contrast": {"alpha": 0.0}},  # it writes at random
    "adapter": {
        "max_length": 512,
        "epochs": 4,
        "batch_size": 4,
        "micro_batch_size": 4,
        "learning_rate": 0.01,
        "min_steps": 1,
    },
    "scores": {
        "shots": [0, 2],
        "items_per_benchmark": 4,
        "max_new_tokens": 6,
        "resamples": 200,
        "base_variants": ["plain", "cue"],
    },
}


class Project:
    """A project folder in the making; ``recipe`` is written anew by ``save``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.recipe: dict[str, Any] = json.loads(json.dumps(RECIPE))
        self.pack: dict[str, Any] = json.loads(json.dumps(PACK))

    def save(self) -> None:
        for relative, value in (("recipes/tiny.yaml", self.recipe), ("domains/botany/domain.yaml", self.pack)):
            path = self.folder / relative
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(yaml.safe_dump(value), encoding="utf-8")

    def add_training_split(self) -> None:
        """Gives the benchmark labelled items."""
        write_lines(self.folder / "data" / "colours_train.jsonl", training_rows())
        self.pack["published"]["benchmarks"][0]["train"] = "colours_train.jsonl"
        self.save()

    def enter(self, patch: pytest.MonkeyPatch) -> None:
        """Sets the environment to this project."""
        patch.setenv("SELFSPEC_HOME", str(self.folder))
        patch.setenv("SELFSPEC_DATA", str(self.folder / "data"))
        patch.delenv("SELFSPEC_WAREHOUSE", raising=False)
        patch.setenv("DAGSTER_HOME", str(self.folder / ".dagster"))

    @property
    def declared(self) -> dict[str, bytes]:
        """Relative path → bytes of recipes, packs, seeds and data."""
        folders = ("recipes", "domains", "seeds", "data")
        files = (path for folder in folders for path in (self.folder / folder).rglob("*") if path.is_file())
        return {str(path.relative_to(self.folder)): path.read_bytes() for path in files}

    @property
    def database(self) -> Path:
        return self.folder / "warehouse" / "selfspec.duckdb"


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random Llama of two layers with a byte-level BPE of the test's own words."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("model")
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    texts = [json.dumps(row) for row in corpus_rows() + seed_rows() + item_rows()]
    bpe.train_from_iterator(
        texts,
        trainers.BpeTrainer(
            vocab_size=420, special_tokens=["<eos>", "<pad>"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
        ),
    )
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=bpe, eos_token="<eos>", pad_token="<pad>")
    torch.manual_seed(0)
    # A wide initialisation: choices depend on the context, and ties do not happen.
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=4,
        max_position_embeddings=2048,
        eos_token_id=0,
        pad_token_id=1,
        bos_token_id=None,
        initializer_range=0.3,
        tie_word_embeddings=False,
    )
    model = LlamaForCausalLM(config)
    with torch.no_grad():
        model.lm_head.weight[0] *= 2  # the end token wins now and then, so that answers end
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def make_project(folder: Path, model: Path, patch: pytest.MonkeyPatch) -> Project:
    """A whole project: recipe `tiny`, pack `botany`, its data, the tiny model, and the environment set."""
    project = Project(folder)
    project.save()
    pack = folder / "domains" / "botany"
    (pack / "list.j2").write_text("Write {{ count }} tasks about plants.")
    (pack / "answer.j2").write_text(
        "You are a botanist.\n\nInstruction: {{ instruction }}\n{% if input %}\nInput: {{ input }}\n{% endif %}\n"
        "{% if passage %}\nPassage: {{ passage }}\n{% endif %}\nResponse:\n"
    )
    write_lines(folder / "data" / "corpus.jsonl", corpus_rows())
    write_lines(folder / "data" / "colours.jsonl", item_rows())
    write_lines(folder / "seeds" / "botany.jsonl", seed_rows())
    (folder / "model").symlink_to(model)
    project.enter(patch)
    return project


@pytest.fixture
def project(tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    return make_project(tmp_path / "project", tiny_model, monkeypatch)


def _run(iterations: int) -> None:
    from selfspec_assets.orchestration.runner import run_recipe
    from selfspec_assets.recipe.recipe import load_recipe

    run_recipe(load_recipe("tiny"), ["botany"], iterations, lambda line: None)


def copied(project: Project, folder: Path, patch: pytest.MonkeyPatch) -> Project:
    shutil.copytree(project.folder, folder, symlinks=True)
    copy = Project(folder)
    copy.enter(patch)
    return copy


@pytest.fixture(scope="session")
def _one_iteration(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Project:
    with pytest.MonkeyPatch.context() as patch:
        project = make_project(tmp_path_factory.mktemp("begun") / "project", tiny_model, patch)
        _run(1)
    return project


@pytest.fixture(scope="session")
def _three_iterations(tmp_path_factory: pytest.TempPathFactory, _one_iteration: Project) -> Project:
    with pytest.MonkeyPatch.context() as patch:
        project = copied(_one_iteration, tmp_path_factory.mktemp("finished") / "project", patch)
        project.recipe["iterations"] = 3
        project.save()
        _run(3)
    return project


@pytest.fixture
def begun(_one_iteration: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project of its own whose first iteration of two has run."""
    return copied(_one_iteration, tmp_path / "begun", monkeypatch)


@pytest.fixture(scope="module")
def finished(_three_iterations: Project) -> Iterator[Project]:
    """A project whose three iterations have run; for tests that do not change it: the next module gets it, too."""
    before = _three_iterations.declared
    with pytest.MonkeyPatch.context() as patch:
        _three_iterations.enter(patch)
        yield _three_iterations
    assert _three_iterations.declared == before, "a test changed the project that others read: take `begun`"
