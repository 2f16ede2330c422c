"""The trial recipes: every published benchmark at hand, scored by the embedded model."""

from pathlib import Path

import pytest

from selfspec_assets.orchestration.runner import run_recipe
from selfspec_assets.packs.pack import load_pack
from selfspec_assets.recipe.recipe import load_recipe
from selfspec_assets.warehouse import read_only_query
from tests.checkout import ROOT
from tests.published_data import DATA, REAL, published_file


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project folder: recipes and packs are the shipped ones."""
    monkeypatch.setenv("SELFSPEC_HOME", str(tmp_path))
    monkeypatch.setenv("SELFSPEC_DATA", str(DATA))
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / ".dagster"))
    monkeypatch.delenv("SELFSPEC_WAREHOUSE", raising=False)
    return tmp_path


@pytest.mark.parametrize("domain", REAL)
def test_a_trial_names_every_benchmark_at_hand(domain: str) -> None:
    recipe = load_recipe(str(ROOT / f"recipes/trial_published-{domain}.yaml")).recipe
    assert recipe.scores.benchmarks == tuple(REAL[domain])
    assert recipe.domains == (domain,)
    assert recipe.data == "published"
    assert recipe.base_model.model == "embedded"


@pytest.mark.slow
@pytest.mark.timeout(5400)
@pytest.mark.parametrize("domain", REAL)
def test_every_benchmark_at_hand_is_scored_by_the_embedded_model(place: Path, domain: str) -> None:
    published_file(f"{domain}/corpus.jsonl.gz")
    named = load_recipe(f"trial_published-{domain}")
    for one in load_pack(domain).data("published").benchmarks:
        if one.name in REAL[domain] and not one.comes_with_pack:
            published_file(one.file)
    run_recipe(named, [domain], 1, lambda line: None)
    _, rows = read_only_query(
        place / "warehouse/selfspec.duckdb",
        "SELECT DISTINCT model, benchmark, n, left_out FROM scores WHERE NOT oracle AND benchmark <> 'average'",
    )
    each = named.recipe.scores.items_per_benchmark
    assert set(rows) == {(model, name, each, 0) for model in ("base", "adapter") for name in REAL[domain]}
