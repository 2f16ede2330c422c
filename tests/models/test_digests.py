"""What a model's and an adapter's digest count, and that weights are read for it once."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from selfspec_assets.base import signature
from selfspec_assets.models.language_model import ModelSpec, adapter_digest, model_digest
from selfspec_assets.recipe.recipe import load_recipe
from selfspec_assets.steps.lineage import Lineage
from tests.conftest import Project
from tests.models.samples import edit
from tests.tiny_models import CHAT_TEMPLATES, add_chat_template, write_model


def test_digest_counts_what_decoding_depends_on(base: Path, copy: Path) -> None:
    original = model_digest(ModelSpec(str(base)))
    assert model_digest(ModelSpec(str(copy))) == original, "not its path"
    (copy / "README.md").write_text("A card.")
    assert model_digest(ModelSpec(str(copy), dtype="bfloat16")) == original, "not its card, not the dtype"
    seen = {original}
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json", "generation_config.json"):
        (copy / name).write_bytes((copy / name).read_bytes() + b" ")
        seen.add(model_digest(ModelSpec(str(copy))))
    weights = copy / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x01")
    seen.add(model_digest(ModelSpec(str(copy))))
    assert len(seen) == 6


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("tokenizer.4.0.0.json", True),
        ("spm.model", True),
        ("sentencepiece.bpe.model", True),
        ("tokenizer.model.v3", True),
        ("chat_template.jinja", True),
        ("additional_chat_templates/tool.jinja", True),
        ("added_tokens.json", True),
        ("README.md", False),
        ("training_args.bin", False),
        ("curve.json", False),
    ],
)
def test_digest_counts_what_a_convention_loads(name: str, counts: bool, copy: Path) -> None:
    before = model_digest(ModelSpec(str(copy)))
    (copy / name).parent.mkdir(exist_ok=True)
    (copy / name).write_text("{}")
    assert (model_digest(ModelSpec(str(copy))) != before) == counts


OPENED = """
import sys
from pathlib import Path
folder = Path(sys.argv[1])
seen = set()
def watch(event, given):
    if event == "open" and isinstance(given[0], (str, Path)) and Path(given[0]).is_relative_to(folder):
        seen.add(Path(given[0]).relative_to(folder).as_posix())
from selfspec_assets.models import folder as model_folder
from selfspec_assets.models.language_model import LanguageModel, ModelSpec
sys.addaudithook(watch)
LanguageModel.load(ModelSpec(str(folder), chat_template="always"))
digested = {p.relative_to(folder).as_posix() for pattern in model_folder.MODEL_FILES for p in folder.glob(pattern)}
print(sorted(seen))
print(sorted(seen - digested))
"""


def test_every_file_that_loading_opens_counts(tmp_path: Path) -> None:
    """With files of every convention there, those that Python opens are among those that the digest covers."""
    copy = tmp_path / "model"
    write_model(copy, vocab_size=402)
    add_chat_template(copy, CHAT_TEMPLATES["chatml"])
    shutil.copy(copy / "tokenizer.json", copy / "tokenizer.4.0.0.json")
    edit(copy / "tokenizer_config.json", fast_tokenizer_files=["tokenizer.4.0.0.json"])
    (copy / "additional_chat_templates").mkdir()
    (copy / "additional_chat_templates" / "tool_use.jinja").write_text(CHAT_TEMPLATES["chatml"])
    for name in ("special_tokens_map", "added_tokens", "preprocessor_config", "processor_config", "adapter_note"):
        (copy / f"{name}.json").write_text("{}")
    (copy / "modeling_llama.py").write_text("raise RuntimeError")
    edit(copy / "config.json", auto_map={"AutoModelForCausalLM": "modeling_llama.Model"})
    done = subprocess.run([sys.executable, "-c", OPENED, str(copy)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    seen, beyond = done.stdout.strip().splitlines()[-2:]
    assert "additional_chat_templates/tool_use.jinja" in seen
    assert beyond == "[]"


def test_adapter_digest_leaves_the_base_path_out(adapter: Path, tmp_path: Path) -> None:
    moved = Path(shutil.copytree(adapter, tmp_path / "moved"))
    config = json.loads((moved / "adapter_config.json").read_text())
    edit(
        moved / "adapter_config.json",
        base_model_name_or_path="/elsewhere",
        target_modules=config["target_modules"][::-1],
    )
    assert adapter_digest(moved) == adapter_digest(adapter)
    edit(moved / "adapter_config.json", lora_alpha=9)
    assert adapter_digest(moved) != adapter_digest(adapter)


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files whose bytes are read for a digest; none counts as too young to be remembered."""
    names: list[str] = []
    digest = signature.file_digest

    def count(path: Path) -> str:
        names.append(path.name)
        return digest(path)

    monkeypatch.setattr(signature, "file_digest", count)
    monkeypatch.setattr(signature, "_STILL_WARM_NS", -(10**18))
    monkeypatch.setattr(signature, "_digests", {})
    return names


def test_a_process_reads_the_weights_once_for_its_signatures(project: Project, hashed: list[str]) -> None:
    for _ in range(3):  # as many jobs, each with a lineage of its own
        Lineage(load_recipe("tiny")).signature("responses", "botany", 1)
    assert hashed.count("model.safetensors") == 1


def test_a_file_that_changed_is_read_again(tmp_path: Path, hashed: list[str]) -> None:
    path = tmp_path / "weights"
    path.write_bytes(b"one")
    first = signature.file_digest_once(path)
    assert signature.file_digest_once(path) == first
    stat = path.stat()
    time.sleep(0.01)  # a tick of the file system's clock
    path.write_bytes(b"two")
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))  # as archives and copies do
    second = signature.file_digest_once(path)
    beside = tmp_path / "beside"
    beside.write_bytes(b"one")
    beside.replace(path)
    assert [first, second, signature.file_digest_once(path)] == [
        signature.text_digest(t) for t in ("one", "two", "one")
    ]
    assert hashed == ["weights"] * 3


def test_a_file_that_has_just_changed_is_not_remembered(tmp_path: Path) -> None:
    """Two changes within one tick of the clock look alike to a file system, size and inode the same."""
    path = tmp_path / "weights"
    path.write_bytes(b"one")
    signature.file_digest_once(path)
    assert not [key for key in signature._digests if key[0] == path]


def test_the_models_digest_is_what_it_was(tmp_path: Path) -> None:
    """Revisions hang on it."""
    spec = write_model(tmp_path)
    names = ("config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json")
    parts = {name: signature.file_digest(tmp_path / name) for name in names}
    assert model_digest(spec) == signature.text_digest(json.dumps(parts, sort_keys=True, separators=(",", ":")))
