"""docs/writing-a-domain-pack.md, literally: its files are written and its commands run, in one shell, in order."""

import gzip
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from selfspec_assets.packs.bound_reader import bound_reader
from selfspec_assets.packs.contract import Benchmark, PackData, PackFile, Prompts, SeedFile
from selfspec_assets.planning.check import check_recipe
from selfspec_assets.planning.pack_check import check_pack
from selfspec_assets.recipe.recipe import load_recipe
from tests.checkout import ROOT
from tests.conftest import Project

PAGE = ROOT / "docs" / "writing-a-domain-pack.md"
TEXT = PAGE.read_text(encoding="utf-8")
BLOCK = re.compile(r"(?:^`(?P<file>[^`\n]+)`:\n\n)?^```(?P<kind>\w+)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
NEEDS_A_MODEL = ("selfspec run", "selfspec scores", "selfspec sql")
OURS = ("SELFSPEC_HOME", "SELFSPEC_DATA", "SELFSPEC_DOMAINS", "SELFSPEC_WAREHOUSE", "DAGSTER_HOME", "PYTHONPATH")


@dataclass(frozen=True)
class Done:
    """What the page's commands left and said."""

    folder: Path
    output: dict[str, str]  # command → what it printed, one space between words; repeated commands: the last


def script(with_model: bool) -> str:
    """The page as a shell script: files as here-documents, and each command's output between marks."""
    lines = ["set -euo pipefail"]
    for block in BLOCK.finditer(TEXT):
        if block["kind"] == "sh":
            for command in block["body"].strip().split("\n"):
                if with_model or not command.startswith(NEEDS_A_MODEL):
                    lines += [f"echo {shlex.quote('@@' + command)}", command]
        elif block["file"]:
            lines += [f"cat > {shlex.quote(block['file'])} <<'END_OF_FILE'", block["body"] + "END_OF_FILE"]
    return "\n".join(lines) + "\n"


def follow(folder: Path, with_model: bool) -> Done:
    environment = {name: value for name, value in os.environ.items() if name not in OURS}
    environment |= {"PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}  # the page must not need a network
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    done = subprocess.run(
        ["bash", "-c", script(with_model)], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    parts = [part.partition("\n") for part in done.stdout.split("@@")[1:]]
    return Done(folder, {command: " ".join(said.split()) for command, _, said in parts})


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> Done:
    """Everything that needs no model."""
    return follow(tmp_path_factory.mktemp("followed"), with_model=False)


def test_the_page_is_read_whole() -> None:
    kinds = [block["kind"] for block in BLOCK.finditer(TEXT)]
    assert len(kinds) == TEXT.count("\n```") / 2
    files = [block["file"] for block in BLOCK.finditer(TEXT) if block["file"] and block["kind"] != "sh"]
    assert {Path(name).name for name in files} > {"domain.yaml", "seeds.jsonl", "filters.py", "pyproject.toml"}


def test_the_pack_of_the_page_passes_check_wherever_it_lies(followed: Done) -> None:
    shown = next(block["body"] for block in BLOCK.finditer(TEXT) if block["body"].startswith("seeds: "))
    checks = [said for command, said in followed.output.items() if "check --domain law" in command]
    assert len(checks) == 3  # in the project (the last time), on SELFSPEC_DOMAINS, installed
    for said in checks:
        assert "warning" not in said
        for line in shown.strip().split("\n"):
            assert line in said
    assert str(followed.folder / "packs" / "law") in checks[1]
    assert str(followed.folder / "trial" / "selfspec_law") in checks[2]


def test_the_pages_benchmark_is_read_with_its_options(followed: Done) -> None:
    said = followed.output["selfspec benchmarks show permitted --domain law"]
    assert "in four instalments. Question: May the fee be paid in instalments? reference: yes" in said


def test_the_declarations_of_files_that_exist_already_are_what_the_readers_take(tmp_path: Path) -> None:
    sketch = next(block["body"] for block in BLOCK.finditer(TEXT) if block["body"].startswith("# MedQA"))
    declared = yaml.safe_load(sketch)
    for one in declared:
        bound_reader(tmp_path, one["reader"], one["options"])
    assert {one["reader"] for one in declared} == {"jsonl", "json", "parquet", "iob", "brat", "table", "instructions"}
    (seeds,) = re.findall(r"`seeds: (\{.*\})`", TEXT)
    SeedFile.model_validate(yaml.safe_load(seeds))


def test_the_sketch_for_a_real_model_is_what_the_contract_takes() -> None:
    sketch = next(block["body"] for block in BLOCK.finditer(TEXT) if block["body"].startswith("published:"))
    PackData.model_validate(yaml.safe_load(sketch)["published"])


def test_the_sketch_passes_check_with_as_many_seeds_of_its_kind_as_the_page_says(
    followed: Done, project: Project
) -> None:
    sketch = next(block["body"] for block in BLOCK.finditer(TEXT) if block["body"].startswith("published:"))
    line = next(block["body"] for block in BLOCK.finditer(TEXT) if block["body"].startswith('{"id": "holding-1"'))
    pack, data = project.folder / "domains" / "law", project.folder / "data" / "law"
    shutil.copytree(next(followed.folder.rglob("domain.yaml")).parent, pack)
    published = yaml.safe_load(sketch)["published"]
    (benchmark,) = published["benchmarks"]
    benchmark["file"] = "law/holdings.parquet"  # where the sketch has an address that nobody answers at
    declared = yaml.safe_load((pack / "domain.yaml").read_text())
    (pack / "domain.yaml").write_text(yaml.safe_dump({**declared, "published": published}))
    data.mkdir()
    with gzip.open(data / "corpus.jsonl.gz", "wt") as file:
        file.write((pack / "bundled/corpus.jsonl").read_text())
    row = {"citing_prompt": "As was held (<HOLDING>).", "holding_0": "that it is", "holding_1": "that it is not"}
    pq.write_table(pa.Table.from_pylist([{**row, "label": 1}]), data / "holdings.parquet")
    assert "[0, 1, 5]" in TEXT
    project.recipe["scores"]["shots"] = list(load_recipe("biomedicine_mpt-30b").recipe.scores.shots)
    assert project.recipe["scores"]["shots"] == [0, 1, 5]
    project.recipe["domains"] = ["law"]
    project.save()

    _, problem = check_recipe(load_recipe("tiny"), "law")
    assert "0 seeds demonstrate 'holdings', scores.shots asks for 5" in str(problem)
    seeds = pack / "bundled/seeds.jsonl"
    more = [
        {**json.loads(line), "id": f"holding-{n}", "input": f"{n} {word} {word}", "output": str(n % 2)}
        for n, word in enumerate(("offer", "notice", "lease", "agent", "breach"))
    ]
    seeds.write_text(seeds.read_text().rstrip("\n") + "\n" + "".join(json.dumps(seed) + "\n" for seed in more))
    lines, problem = check_recipe(load_recipe("tiny"), "law")
    assert problem is None
    assert "benchmark holdings: 1 items, 5 seeds demonstrate it" in lines
    report = check_pack("law")
    assert not report.errors
    assert not [warning for warning in report.lines if "demonstrates no benchmark" in warning]


def test_every_key_of_the_contract_is_in_the_table_and_no_other() -> None:
    told = set()
    for row in re.findall(r"^\| (`[^|]+) \|", TEXT, re.MULTILINE):
        names = re.findall(r"`([\w.]+)`", row)
        told |= {name if not name.startswith(".") else names[0].rpartition(".")[0] + name for name in names}
    known = set(PackFile.model_fields) - {"prompts"}
    known |= {f"prompts.{name}" for name in Prompts.model_fields} | set(PackData.model_fields)
    assert told == known | {f"benchmarks.{name}" for name in Benchmark.model_fields}


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_whoever_follows_the_page_ends_with_scores(tmp_path: Path) -> None:
    done = follow(tmp_path, with_model=True)
    said = done.output["selfspec scores law --details"]
    assert "macro average over 2 benchmarks" in said
    assert all(word in said for word in ("iteration 1", "terms", "permitted", "answers kept"))
    assert "row" in next(text for command, text in done.output.items() if command.startswith("selfspec sql"))
