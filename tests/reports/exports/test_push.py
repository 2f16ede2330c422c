"""``--push``: to a server that speaks the hub's protocol; nothing is sent unasked."""

from collections.abc import Iterator
from pathlib import Path

import huggingface_hub.constants
import huggingface_hub.hf_api
import pytest
from typer.testing import CliRunner

from selfspec_assets.cli.app import app
from tests.conftest import Project
from tests.reports.exports.hub import Hub, open_hub

RUN = CliRunner()


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """``HF_ENDPOINT`` is read when huggingface_hub is imported, which other tests have done."""
    with open_hub() as server:
        monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", server.address)
        monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_DISABLE_XET", True)
        monkeypatch.setenv("HF_TOKEN", "hf_not_a_real_one")
        yield server


def push(format_: str, output: Path, *options: str) -> str:
    done = RUN.invoke(app, ["export", format_, "tiny", "--output", str(output), "--push", "me/botany", *options])
    assert done.exit_code == 0, done.output
    return done.output


def test_without_yes_the_files_are_listed_and_nothing_is_asked(tuned_project: Project, output: Path, hub: Hub) -> None:
    said = push("alpaca", output)
    assert "me/botany (private)" in said
    for name in ("train.json", "README.md", "dataset_info.json"):
        assert name in said
    assert "nothing was sent" in said
    assert hub.asked == []


def test_data_go_to_a_private_data_set(tuned_project: Project, output: Path, hub: Hub) -> None:
    push("alpaca", output, "--yes")
    made = hub.repositories["me/botany"]
    assert made.get("private") or made.get("visibility") == "private"
    assert made["type"] == "dataset"
    for name in ("train.json", "README.md", "dataset_info.json"):
        assert hub.files[name] == (output / name).read_bytes()
    assert "selfspec_export.json" not in hub.files


def test_weights_go_as_large_files_to_a_model(tuned_project: Project, output: Path, hub: Hub) -> None:
    push("adapter", output, "--yes", "--public")
    made = hub.repositories["me/botany"]
    assert made.get("type", "model") == "model"
    assert made.get("private") is False or made.get("visibility") == "public"
    assert hub.files["adapter_model.safetensors"] == (output / "adapter_model.safetensors").read_bytes()
    assert any(line.startswith("PUT") for line in hub.asked)


def test_a_refusal_is_told_and_the_export_stays(tuned_project: Project, output: Path, hub: Hub) -> None:
    hub.refuses = True
    done = RUN.invoke(app, ["export", "alpaca", "tiny", "--output", str(output), "--push", "me/botany", "--yes"])
    assert done.exit_code == 1
    assert "did not take it" in done.stderr
    assert "hf auth login" in done.stderr
    assert (output / "train.json").is_file()


def test_a_name_that_is_none_stops_before_any_work(tuned_project: Project, output: Path, hub: Hub) -> None:
    done = RUN.invoke(app, ["export", "alpaca", "tiny", "--output", str(output), "--push", "botany", "--yes"])
    assert done.exit_code == 1
    assert "owner/name" in done.stderr
    assert not output.exists()
    assert hub.asked == []
