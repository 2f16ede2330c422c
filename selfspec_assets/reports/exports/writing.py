"""One export from beginning to end: what can be refused is refused first, then it is written, then it is in place."""

import importlib.metadata
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from selfspec_assets.base.errors import SelfspecError, did_you_mean
from selfspec_assets.base.progress import Report
from selfspec_assets.recipe.recipe import NamedRecipe
from selfspec_assets.reports.exports import data
from selfspec_assets.reports.exports.adapter_folder import write_adapter
from selfspec_assets.reports.exports.formats import OutType
from selfspec_assets.reports.exports.gguf_file import require_converter, write_gguf
from selfspec_assets.reports.exports.lm_eval_tasks import write_lm_eval
from selfspec_assets.reports.exports.merged import Merging, write_merged
from selfspec_assets.reports.exports.ollama import write_ollama
from selfspec_assets.reports.exports.target import check_target, new_folder
from selfspec_assets.reports.exports.tuned import Tuned, find_tuned

FORMATS = (*data.WRITERS, "adapter", "merged", "gguf", "ollama", "lm-eval")


class Choices(NamedTuple):
    """What a person may choose of a format."""

    merging: Merging = Merging()
    out_type: OutType = "f16"
    prompt: str = "alpaca"


class Done(NamedTuple):
    """Lines to print, and whether the export is what it should be: merged weights may score otherwise."""

    lines: list[str]
    equal: bool


def export(
    format_: str,
    named: NamedRecipe,
    domain: str | None,
    iteration: int | None,
    output: Path,
    *,
    force: bool,
    choices: Choices,
    report: Report,
) -> Done:
    """Writes a folder ``output``, whole or not at all.

    Raises:
        SelfspecError: no such format, no such adapter, something is at ``output``, or what the format's module says.
    """
    if format_ not in FORMATS:
        remedy = f"{did_you_mean(format_, FORMATS)}choose one of: {', '.join(FORMATS)}"
        raise SelfspecError(f"format '{format_}'", "there is no such export", remedy)
    check_target(output, force)
    if format_ == "gguf":
        require_converter()
    needed = "benchmarks" if format_ == "lm-eval" else "adapter"
    tuned = find_tuned(named, domain, iteration, report, needed)
    about = {
        "format": format_,
        "recipe": named.name,
        "domain": tuned.domain,
        "iteration": tuned.iteration,
        "signature": tuned.job(needed).signature,
        "selfspec": importlib.metadata.version("selfspec"),
    }
    with new_folder(output, force, about) as folder:
        return _write(format_, tuned, folder, choices)


def _write(format_: str, tuned: Tuned, folder: Path, choices: Choices) -> Done:
    if format_ == "merged":
        return Done(*write_merged(tuned, folder, choices.merging))
    writers: dict[str, Callable[[], list[str]]] = {
        "adapter": lambda: write_adapter(tuned, folder),
        "gguf": lambda: write_gguf(tuned, folder, choices.out_type),
        "ollama": lambda: write_ollama(tuned, folder, choices.out_type),
        "lm-eval": lambda: write_lm_eval(tuned, folder, choices.prompt),
    }
    write = writers.get(format_) or (lambda: data.WRITERS[format_](tuned, folder))
    return Done(write(), True)
