"""A recipe of the embedded model whose adapters are there: random ones, put into the warehouse as a run would."""

import threading
from collections.abc import Iterator
from pathlib import Path

import openai
import pytest
import yaml

from selfspec_assets.base.home import embedded_model_folder, warehouse_folder
from selfspec_assets.models.language_model import ModelSpec
from selfspec_assets.recipe.recipe import NamedRecipe, load_recipe
from selfspec_assets.reports.serving.served import Served, load_served
from selfspec_assets.reports.serving.server import Server, address_of, bind
from selfspec_assets.steps.lineage import Lineage
from selfspec_assets.warehouse import Warehouse
from selfspec_assets.warehouse.rows import AdapterRow, LossRow
from tests.tiny_models import write_adapter
from tests.warehouse.samples import run_row

RECIPE = {
    "base_model": {"model": "embedded"},
    "data": "bundled",
    "domains": ["biomedicine", "sports", "finance"],
    "iterations": 2,
    "instructions": {"target": 16, "min_kept": 4, "max_requests": 40, "max_new_tokens": 60},
    "responses": {"max_new_tokens": 16},
    "adapter": {"max_length": 512, "min_steps": 1},
    "scores": {"max_new_tokens": 24, "base_variants": ["cue", "plain"]},
}


def put_adapter(lineage: Lineage, domain: str, iteration: int, folder: Path) -> None:
    """Commits a random adapter as the step would have."""
    signature = lineage.signature("adapter", domain, iteration)
    write_adapter(ModelSpec(str(embedded_model_folder())), folder, iteration, scale=0.08)
    row = AdapterRow(
        adapter_digest="0" * 64,
        model_digest="0" * 64,
        start="base",
        examples=1,
        too_long=0,
        optimiser_steps=1,
        trainable_parameters=1,
        total_parameters=1,
        first_loss=1.0,
        last_loss=1.0,
        logit_change=1.0,
        path=f"revisions/{signature}/adapter",
    )
    run = run_row(signature, "adapter")
    key, signed = lineage.key("adapter", domain, iteration), lineage.signed("adapter", domain, iteration)
    tables = {AdapterRow: [row], LossRow: [LossRow(1, 0.0, 1.0, 0.1)]}
    Warehouse(warehouse_folder()).commit(key, signature, tables, {"adapter": folder}, run, signed)


@pytest.fixture(scope="session")
def little(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's folder; of its recipe ``little`` biomedicine has one adapter, sports two, and finance none."""
    folder = tmp_path_factory.mktemp("little")
    (folder / "recipes").mkdir()
    (folder / "recipes" / "little.yaml").write_text(yaml.safe_dump(RECIPE))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SELFSPEC_HOME", str(folder))
        patch.delenv("SELFSPEC_WAREHOUSE", raising=False)
        lineage = Lineage(load_recipe("little"))
        for domain, iteration in (("biomedicine", 1), ("sports", 1), ("sports", 2)):
            put_adapter(lineage, domain, iteration, folder / f"{domain}-{iteration}")
    return folder


@pytest.fixture
def named(little: Path, monkeypatch: pytest.MonkeyPatch) -> NamedRecipe:
    monkeypatch.setenv("SELFSPEC_HOME", str(little))
    monkeypatch.delenv("SELFSPEC_WAREHOUSE", raising=False)
    return load_recipe("little")


@pytest.fixture(scope="session")
def served(little: Path) -> Served:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SELFSPEC_HOME", str(little))
        patch.delenv("SELFSPEC_WAREHOUSE", raising=False)
        return load_served(load_recipe("little"), ["biomedicine", "sports"], None, lambda line: None)


@pytest.fixture(scope="session")
def server(served: Served) -> Iterator[tuple[Server, str]]:
    """A running server and its address."""
    ready = threading.Event()
    listener = bind("127.0.0.1", 0)
    address = address_of(listener)
    running = Server(served, "127.0.0.1", ready.set)
    thread = threading.Thread(target=running.serve_at, args=(listener,))
    thread.start()
    assert ready.wait(30)
    yield running, address
    running.should_exit = True
    thread.join(30)
    assert not thread.is_alive()


@pytest.fixture(scope="session")
def client(server: tuple[Server, str]) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=server[1], api_key="none", max_retries=0, timeout=60) as asking:
        yield asking
