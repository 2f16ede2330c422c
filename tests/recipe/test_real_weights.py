"""Weights that nobody here made, on published text: the whole loop, and the adapter that a user takes away."""

from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

from selfspec_assets.base.known_models import Packaged, known_model
from selfspec_assets.models import packages, shelf
from selfspec_assets.models.source import model_folder
from selfspec_assets.orchestration.runner import run_recipe
from selfspec_assets.recipe.recipe import load_recipe
from selfspec_assets.steps.lineage import Lineage
from selfspec_assets.warehouse import read_only_query
from tests.published_data import published_file

SMALL: dict[str, Any] = {
    "data": "published",
    "domains": ["biomedicine"],
    "iterations": 1,
    "seed": 42,
    "instructions": {
        "target": 4,
        "min_kept": 1,
        "max_requests": 6,
        "tasks_per_prompt": 4,
        "temperature": 0.7,
        "top_p": 0.9,
        "max_new_tokens": 200,
    },
    "passages": {"k": 2, "max_words": 40},
    "responses": {"max_new_tokens": 40, "min_kept": 0.1, "demonstrations": 2},
    "adapter": {"epochs": 1, "batch_size": 8, "learning_rate": 0.001, "max_length": 1024, "with_seeds": True},
    "scores": {
        "shots": [0],
        "base_variants": ["cue"],
        "benchmarks": ["ncbi_disease", "hoc"],
        "items_per_benchmark": 3,
        "max_new_tokens": 24,
    },
}


@pytest.mark.slow
@pytest.mark.timeout(5400)
@pytest.mark.parametrize(
    ("name", "terms", "as_file"), [("smollm2-135m-instruct", None, True), ("gemma3-270m", "gemma", False)]
)
def test_the_loop_runs_on_published_text_and_peft_loads_its_adapter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, terms: str | None, as_file: bool
) -> None:
    """A model that the recipe names by its GGUF file, and a known one that lies under terms. Both are downloaded."""
    corpus = published_file("biomedicine/corpus.jsonl.gz")
    monkeypatch.setenv("SELFSPEC_HOME", str(tmp_path))
    monkeypatch.setenv("SELFSPEC_DATA", str(corpus.parents[1]))
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / ".dagster"))
    monkeypatch.delenv("SELFSPEC_WAREHOUSE", raising=False)
    model = known_model(name)
    shelf.get(model, terms, "float32", lambda line: None)
    if as_file:
        assert isinstance(model.source, Packaged)
        packages.write_gguf(model, model.source, tmp_path / "some.gguf")
    recipe = {"base_model": {"model": "./some.gguf" if as_file else name, "dtype": "float32"}, **SMALL}
    path = tmp_path / "recipes" / "small.yaml"
    path.parent.mkdir()
    path.write_text(yaml.safe_dump(recipe, sort_keys=False))
    named = load_recipe("small")
    run_recipe(named, ["biomedicine"], 1, lambda line: None)

    database = tmp_path / "warehouse/selfspec.duckdb"
    _, rows = read_only_query(
        database,
        "SELECT DISTINCT model, benchmark, n FROM scores WHERE NOT oracle AND benchmark <> 'average'",
    )
    assert set(rows) == {(side, each, 3) for side in ("base", "adapter") for each in ("ncbi_disease", "hoc")}
    _, [(written,)] = read_only_query(database, "SELECT count(*) FROM responses WHERE trim(response) <> ''")
    assert written >= 1

    folder = model_folder(Lineage(named).model_spec)
    _, [(signature,)] = read_only_query(database, "SELECT signature FROM revisions WHERE step = 'adapter'")
    tokens = AutoTokenizer.from_pretrained(folder)("Which disease is named?", return_tensors="pt")
    base = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    with torch.no_grad():
        before = base(**tokens).logits
        tuned = PeftModel.from_pretrained(base, tmp_path / "warehouse/revisions" / signature / "adapter").eval()
        assert not torch.allclose(before, tuned(**tokens).logits, atol=1e-3)
