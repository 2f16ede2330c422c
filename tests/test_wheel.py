"""From a built wheel in an environment of its own: a project is laid out, checked, run, scored, and shown in the UI."""

import os
import site
import socket
import subprocess
import sys
import venv
from pathlib import Path

import pytest
import yaml

from tests.checkout import ROOT
from tests.ui_server import Server

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of commands of an environment that holds the wheel; what it needs is this environment's."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index", "--no-build-isolation"]
    subprocess.run([*build, "--wheel-dir", str(folder), str(ROOT)], check=True)
    (wheel,) = folder.glob("selfspec-*.whl")
    venv.create(folder / "env", with_pip=False)
    python = folder / "env" / "bin" / "python"
    (packages,) = (folder / "env" / "lib").glob("python*/site-packages")
    install = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*install, str(wheel)], check=True)
    # Behind the wheel, and as a plain path: an editable selfspec there is not found through it.
    (packages / "needs.pth").write_text("".join(f"{path}\n" for path in site.getsitepackages()))
    return python.parent


def test_from_the_wheel_to_scores_and_the_ui(installed: Path, tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("SELFSPEC", "DAGSTER"))}
    environment.pop("PYTHONPATH", None)
    environment["PATH"] = f"{installed}{os.pathsep}{environment['PATH']}"

    def selfspec(*words: str, folder: Path = tmp_path) -> str:
        command = [str(installed / "selfspec"), *words]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    code = "import selfspec_assets; print(selfspec_assets.__file__)"
    where = subprocess.run(
        [str(installed / "python"), "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert where.stdout.startswith(str(installed.parent)), where
    assert "made a project" in selfspec("init", "mine")
    mine = tmp_path / "mine"
    _make_small(mine / "recipes" / "first.yaml")
    selfspec("check", "first", folder=mine)
    selfspec("run", "first", folder=mine)
    assert "iteration 1" in selfspec("scores", "first", folder=mine)
    selfspec("export", "alpaca", "first", "--output", "data", folder=mine)
    assert (mine / "data" / "train.json").is_file()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with subprocess.Popen([str(installed / "selfspec"), "ui", "--port", str(port)], cwd=mine, env=environment) as ui:
        try:
            server = Server(port)
            query = "{ assetsOrError { ... on AssetConnection { nodes { key { path } } } } }"
            nodes = server.wait_for("the UI", lambda: server.ask(query)["assetsOrError"]["nodes"], 240)
            assert ["first", "adapter"] in [node["key"]["path"] for node in nodes]
        finally:
            ui.terminate()


def _make_small(recipe: Path) -> None:
    """One round of a few tasks: what is tested is that everything is there."""
    values = yaml.safe_load(recipe.read_text())
    values["iterations"] = 1
    values["instructions"].update(target=12, min_kept=4)
    values["adapter"].update(epochs=1, min_steps=1)
    values["scores"].update(items_per_benchmark=1, base_variants=["plain"])
    recipe.write_text(yaml.safe_dump(values))
