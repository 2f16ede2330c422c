"""What ``selfspec verify`` finds and drops, on a real warehouse."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.cli.app import app
from selfspec_assets.planning import verification
from selfspec_assets.recipe.recipe import load_recipe
from selfspec_assets.steps.lineage import Lineage
from selfspec_assets.warehouse import StepKey, Warehouse, upkeep
from selfspec_assets.warehouse.rows import RequestRow, RunRow
from tests.conftest import Project
from tests.planning.stored import commit, everything, made_elsewhere

RUN = CliRunner()


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.fixture
def stored(project: Project, warehouse: Warehouse, tmp_path: Path) -> Path:
    """A warehouse of two revisions, the second with an adapter's folder; the latter's revision is given."""
    commit(warehouse)
    adapter = tmp_path / "adapter"
    adapter.mkdir()
    (adapter / "adapter_model.safetensors").write_bytes(bytes(range(256)))
    (adapter / "adapter_config.json").write_text("{}")
    lineage = Lineage(load_recipe("tiny"))
    signature = lineage.signature("adapter", "botany", 1)
    run = RunRow(
        step="adapter",
        signature=signature,
        started_at="2026-01-01T00:00:00+00:00",
        seconds=1.0,
        input_tokens=5,
        output_tokens=0,
        peak_memory_mb=9.0,
        device="cpu",
        dagster_run_id="",
    )
    signed = lineage.signed("adapter", "botany", 1)
    key = StepKey("tiny", "adapter", "botany", 1)
    warehouse.commit(key, signature, {RequestRow: []}, {"adapter": adapter}, run, signed)
    return warehouse.root / "revisions" / signature


FILES = [
    "instruction_requests.parquet",
    "adapter/adapter_model.safetensors",
    "adapter/adapter_config.json",
    "revision.json",
    "signature.json",
    "run.json",
]


def test_an_undamaged_warehouse_is_said_to_be_so(stored: Path) -> None:
    done = RUN.invoke(app, ["verify"])
    assert done.exit_code == 0
    assert "4 files of 2 revisions read, 0 revisions damaged" in done.stdout


@pytest.mark.parametrize("name", FILES)
def test_verify_names_the_damaged_file_and_drop_removes_its_revision_alone(
    stored: Path, warehouse: Warehouse, name: str
) -> None:
    path = stored / name
    if name == "run.json":
        path.write_text("{}")
    else:
        flip(path)
    before = everything(warehouse.root)
    done = RUN.invoke(app, ["verify"])
    assert done.exit_code == 1
    assert str(path) in done.stderr
    assert "remedy" in done.stderr
    assert everything(warehouse.root) == before
    dropped = RUN.invoke(app, ["verify", "--drop"])
    assert dropped.exit_code == 0
    assert "selfspec run tiny --domain botany" in dropped.stdout
    assert not stored.exists()
    assert len(upkeep.revisions(warehouse)) == 1
    assert RUN.invoke(app, ["verify"]).exit_code == 0


def test_every_damaged_file_is_named_not_only_the_first(stored: Path, warehouse: Warehouse) -> None:
    flip(stored / FILES[0])
    (stored / FILES[1]).unlink()
    (stored / "pytorch_model.bin").write_text("x")
    (damage,) = verification.verify(warehouse).damages
    assert {error.place for error in damage.errors} == {
        str(stored / name) for name in (*FILES[:2], "pytorch_model.bin")
    }
    assert [str(key) for key in damage.shown_by] == ["tiny/adapter/botany/1"]


def test_a_damaged_revision_that_a_step_reads_is_not_dropped(stored: Path, warehouse: Warehouse) -> None:
    flip(stored / FILES[0])
    with made_elsewhere(warehouse, "e" * 64, [stored.name]):
        done = RUN.invoke(app, ["verify", "--drop"])
        assert done.exit_code == 1
        assert stored.exists()


def test_a_revision_that_was_made_anew_meanwhile_is_not_dropped(
    stored: Path, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run replaces it while ``verify`` still reads what comes after it."""
    before, verify = (stored / FILES[0]).read_bytes(), verification.verify

    def verify_slowly(warehouse: Warehouse) -> verification.Verified:
        found = verify(warehouse)
        (stored / FILES[0]).write_bytes(before)
        return found

    flip(stored / FILES[0])
    monkeypatch.setattr(verification, "verify", verify_slowly)
    done = RUN.invoke(app, ["verify", "--drop"])
    assert done.exit_code == 0
    assert "1 revisions were made anew meanwhile, are sound now, and stay" in done.stdout
    assert "removed" not in done.stdout
    warehouse.verify(stored.name)


def test_a_signed_text_that_is_not_the_signatures_is_refused(project: Project, warehouse: Warehouse) -> None:
    with pytest.raises(ValueError, match="is not the SHA-256 of its text"):
        warehouse.commit(StepKey("tiny", "seeds", "botany", 0), "a" * 64, {}, signed="{}")


def test_what_a_revision_was_made_from_is_kept_beside_it(stored: Path, warehouse: Warehouse) -> None:
    text = warehouse.revision(stored.name).signed
    assert text is not None
    assert json.loads(text)["settings"]["adapter"]["epochs"] == 4
    flip(stored / "signature.json")
    with pytest.raises(SelfspecError, match=r"signature\.json"):
        _ = warehouse.revision(stored.name).signed
