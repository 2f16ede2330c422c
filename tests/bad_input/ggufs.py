"""GGUF files that cannot be taken: told from their headers, before anything is converted."""

import json
import struct
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from selfspec_assets.orchestration.runner import run_recipe
from selfspec_assets.recipe.recipe import load_recipe
from tests.bad_input import ways
from tests.bad_input.models import sign
from tests.bad_input.spoil import Spoil, all_of, cut, gone, put, recipe
from tests.bad_input.trial import Case, Kind
from tests.conftest import Project
from tests.tiny_gguf import SHAPES, write_gguf
from tests.tiny_models import write_model

FILE = "tiny.gguf"
TOKENS = "tokenizer.ggml.tokens"


@cache
def _original(rows: int) -> Path:
    """A random model with so many rows of embedding; its tokenizer has 400 tokens."""
    folder = Path(tempfile.mkdtemp())
    write_model(folder, **SHAPES["llama"], vocab_size=rows)
    return folder


@cache
def _bytes(values: str, rows: int = 400) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / FILE
        write_gguf(_original(rows), path, "llama", "F32", {"tokenizer.ggml.pre": "gpt-2", **json.loads(values)})
        return path.read_bytes()


def file(rows: int = 400, **values: Any) -> Spoil:
    """The file with other values; ``tokenizer__ggml__pre`` is ``tokenizer.ggml.pre``, None leaves one out."""
    changed = {name.replace("__", "."): value for name, value in values.items()}
    return lambda project: put(FILE, _bytes(json.dumps(changed), rows))(project)


def a_gguf(project: Project) -> None:
    file()(project)
    recipe(base_model={"model": f"./{FILE}"})(project)


def run(project: Project, given: Any) -> None:
    """A whole run, which must stop before its first step."""
    run_recipe(load_recipe("tiny"), ["botany"], 1, lambda line: None)


def replaced(old: bytes, new: bytes) -> Spoil:
    """Bytes of the file, as long as they were."""
    assert len(old) == len(new)

    def act(project: Project) -> None:
        content = (project.folder / FILE).read_bytes()
        assert old in content
        put(FILE, content.replace(old, new, 1))(project)

    return act


def stored_as(kind: int) -> Spoil:
    """The first tensor's kind of storage: it stands behind its name, the number of its dimensions, and these."""

    def act(project: Project) -> None:
        content = (project.folder / FILE).read_bytes()
        name = b"token_embd.weight"
        place = content.index(name) + len(name) + 4 + 2 * 8
        put(FILE, content[:place] + struct.pack("<I", kind) + content[place + 4 :])(project)

    return act


def tokens(count: int) -> list[str]:
    """So many names; the first are the usual ones."""
    return ["<s>", "</s>", "<unk>", *(f"t{number}" for number in range(count - 3))]


INSTEAD = "folder of safetensors"
FILES = (
    Case("no file", gone(FILE), FILE, "there is no such GGUF file", "correct base_model.model"),
    Case("an empty file", put(FILE, b""), FILE, "is no GGUF file", "give a GGUF file"),
    Case("a page", put(FILE, "<html>Not found</html>"), FILE, "is no GGUF file", "give a GGUF file"),
    Case("its first bytes only", cut(FILE, 12), FILE, "cut off or damaged within its header", "get the file again"),
    Case("a cut header", cut(FILE, 3000), FILE, "cut off or damaged within its header", "get the file again"),
    Case("cut tensors", cut(FILE, -100_000), FILE, "its header tells of", "finish the download"),
    Case("a later version", replaced(b"GGUF\x03", b"GGUF\x09"), FILE, "is GGUF of version 9", "convert the model"),
    Case("no end of a key", replaced(b"general.architecture", b"\xff" * 20), FILE, "within its header", "again"),
    Case("an unknown architecture", file(general__architecture="mamba"), FILE, "is of architecture 'mamba'", INSTEAD),
    Case("no architecture", replaced(b"general.architecture", b"general.architectone"), FILE,
         "names no architecture", INSTEAD),
    Case("positions that are scaled", file(llama__rope__scaling__type="yarn"), FILE,
         "states 'llama.rope.scaling.type', which would be lost", INSTEAD),
    Case("experts", file(llama__expert_count=8), FILE, "'llama.expert_count', which would be lost", INSTEAD),
    Case("no context length", file(llama__context_length=None), FILE, "does not state 'llama.context_length'", INSTEAD),
    Case("a tensor beside the model", replaced(b"output_norm.weight", b"rope_freqs.weights"), FILE,
         "holds rope_freqs.weights, which would be lost", INSTEAD),
    Case("no embedding", replaced(b"token_embd.weight", b"blk.0.nought.abcd"), FILE, "holds no weights", "the file"),
    Case("an unknown quantisation", stored_as(99), FILE, "cannot be read: of number 99", "Q8_0"),
    Case("a quantisation for sums", stored_as(26), FILE, "cannot be read: I32 (26)", "Q8_0"),
    Case("one part of two", file(split__count=2), FILE, "is one of 2 parts", "llama-gguf-split --merge"),
    Case("no tokenizer", file(tokenizer__ggml__model=None), FILE, "has no tokenizer: no tokenizer.ggml.model", INSTEAD),
    Case("no tokens", file(tokenizer__ggml__tokens=None), FILE, "no tokenizer.ggml.tokens", INSTEAD),
    Case("no merges", file(tokenizer__ggml__merges=None), FILE, "no tokenizer.ggml.merges", INSTEAD),
    Case("no scores", file(tokenizer__ggml__model="llama"), FILE, "no tokenizer.ggml.scores", INSTEAD),
    Case("an unknown tokenizer", file(tokenizer__ggml__model="rwkv", tokenizer__ggml__scores=[0.0]), FILE,
         "not known: tokenizer.ggml.model 'rwkv'", INSTEAD),
    Case("an unknown way to split", file(tokenizer__ggml__pre="poro-chat"), FILE,
         "not known: tokenizer.ggml.pre 'poro-chat'", INSTEAD),
    Case("no way to split", file(tokenizer__ggml__pre=None), FILE, "tokenizer.ggml.pre 'None'", INSTEAD),
    Case("no end token", file(tokenizer__ggml__eos_token_id=None), FILE, "no end-of-sequence token", INSTEAD),
    Case("an end token beyond the tokens", file(tokenizer__ggml__eos_token_id=400), FILE,
         "an end token 400 that the tokenizer never writes", "get the file again"),
    Case("an end of turn beyond the tokens", file(tokenizer__ggml__eot_token_id=9999), FILE,
         "an end token 9999 that the tokenizer never writes", "get the file again"),
    Case("more tokens than rows", file(tokenizer__ggml__tokens=tokens(402)), FILE,
         "has ids up to 401, the model's embedding has 400 rows", "the tokenizer that belongs"),
    Case("far more rows than tokens", file(rows=2000), FILE,
         "has 2000 rows, the tokenizer ids up to 399: too many for padding", "the tokenizer that belongs"),
    Case("a folder that holds one", all_of(recipe(base_model={"model": "./packed"}), put("packed/x.gguf", b"GGUF")),
         "packed", "holds a GGUF file (x.gguf)", "name the file"),
)  # fmt: skip
TURNS = (
    Case("no chat template", recipe(base_model={"model": f"./{FILE}", "chat_template": "always"}), FILE,
         "chat_template is always, but the tokenizer has no chat template", "instruct model"),
)  # fmt: skip
KINDS = (
    Kind("GGUF", (ways.check, sign), FILES, prepare=a_gguf),
    Kind("GGUF in turns", (ways.check, run), TURNS, prepare=a_gguf),
)
