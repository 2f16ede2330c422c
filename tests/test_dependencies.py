"""What pyproject.toml declares and what the code imports are the same, and requirements.lock pins all of it."""

import importlib.metadata
import re
import sys
import tomllib

from tests.checkout import ROOT, imported

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
OWN = {"selfspec_assets", "nano", "bench", "tests"}
# Declared, though no line imports them.
CALLED = {
    "bitsandbytes": "transformers imports it for base_model.quantization: nf4",
    "dagster-webserver": "`dagster dev`, which `selfspec ui` starts, serves the UI from it",
}
COMMANDS = {"mypy", "ruff", "import-linter", "pytest-timeout", "pytest-xdist", "types-PyYAML"}  # of make check and test


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def declared(requirements: list[str]) -> set[str]:
    return {canonical(re.split(r"[<>=!~\[; ]", requirement)[0]) for requirement in requirements}


def distributions(folders: list[str]) -> set[str]:
    """The distributions that bring the modules which code below these folders imports."""
    modules = {name for folder in folders for path in (ROOT / folder).rglob("*.py") for name in imported(path)}
    modules -= OWN | set(sys.stdlib_module_names)
    brought = importlib.metadata.packages_distributions()
    return {canonical(brought[name][0]) for name in modules if name in brought and not name.startswith("selfspec_")}


def test_what_the_package_imports_is_declared_and_nothing_else() -> None:
    needed = distributions(["selfspec_assets"]) - declared(PROJECT["optional-dependencies"]["ray"])
    assert declared(PROJECT["dependencies"]) - CALLED.keys() == needed
    assert CALLED.keys() <= declared(PROJECT["dependencies"])


def test_what_tests_and_tools_import_is_declared_as_well() -> None:
    dev = declared(PROJECT["optional-dependencies"]["dev"])
    needed = distributions(["tests", "bench", "nano"]) - declared(PROJECT["dependencies"])
    for extra in ("bench", "ray"):  # peers, which the benches do without, and what only `make test-cluster` needs
        needed -= declared(PROJECT["optional-dependencies"][extra])
    assert dev - {canonical(name) for name in COMMANDS} == needed


def test_the_lock_pins_what_is_declared_and_what_that_needs() -> None:
    pins = {canonical(line.partition("==")[0]) for line in (ROOT / "requirements.lock").read_text().split()}
    wanted = declared([*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"]])
    assert wanted - pins == set()
    for name in sorted(wanted):
        needs = [need for need in importlib.metadata.requires(name) or [] if "extra ==" not in need]
        plain = declared([need for need in needs if ";" not in need])  # those of CUDA come with torch's own build
        assert plain - pins - {"setuptools"} == set(), name  # which every environment has
