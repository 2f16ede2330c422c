"""What `dtype: auto` stands for: bfloat16 on a GPU; on a CPU what a trial of the model's own layers found faster.

A CPU may compute bfloat16 twice as fast as float32, or many times as slowly. So it is tried, once for a model in a
warehouse, and what was chosen lies in `precision.json` beside what is made with it. As long as nothing was chosen,
`auto` is float32, which is what it always was on a CPU. ``steps.precision`` says when the trial is made.

Importing this module costs nothing: torch is imported where it is used.
"""

import json
import os
import platform
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from math import prod
from pathlib import Path

from selfspec_assets.base import home
from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.base.files import storing, waiting, write_atomically
from selfspec_assets.models.folder import ModelSpec
from selfspec_assets.models.safetensors_file import tensor_shapes

SECONDS = 0.5  # the trial may take about so long
GAIN = 1.2  # bfloat16 must be so much faster to be taken: float32 gives the same bytes in every batch
_SMALLEST = 20_000_000  # weights; of fewer than these most of the time is not spent in products
_ROWS = {"decoding": 12, "prefill": 384}  # rows of a product: so many texts, one token each; so many tokens of prompts
_TOKENS = {"decoding": 64 * 12, "prefill": 200 * 12}  # of a batch of lists: written, and read before
_LARGEST = 4_000_000  # weights of a layer that are tried; a larger one is tried in part

Shape = tuple[int, int]


@dataclass(frozen=True)
class Choice:
    """A precision, and why.

    Attributes:
        precision: ``float32`` or ``bfloat16``.
        reason: in words, for a person.
        machine: where it was chosen.
    """

    precision: str
    reason: str
    machine: str

    def __str__(self) -> str:
        here = machine()
        elsewhere = "" if self.machine == here else f" (chosen on {self.machine}; this is {here})"
        return f"dtype: auto is {self.precision} here: {self.reason}{elsewhere}"


def machine() -> str:
    """The processor, how many threads there are, and which torch."""
    from importlib.metadata import version

    name = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text(errors="replace").splitlines()
        name = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), name)
    except OSError:
        pass
    return f"{name} ({os.cpu_count()} threads), torch {version('torch')}"


# What was chosen


def _record() -> Path:
    return home.warehouse_folder() / "precision.json"


def _name(spec: ModelSpec) -> str:
    """What the record calls a model: of a file or folder of the project its place within it, so that it may move."""
    path = Path(spec.path_or_id)
    inside = path.is_absolute() and path.is_relative_to(home.project_folder())
    name = path.relative_to(home.project_folder()).as_posix() if inside else spec.path_or_id
    return f"{name}@{spec.revision}" if spec.revision else name


def _choices() -> dict[str, Choice]:
    path = _record()
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    try:
        choices = {str(name): Choice(**facts) for name, facts in json.loads(text).items()}
        if any(choice.precision not in ("float32", "bfloat16") for choice in choices.values()):
            raise ValueError("an unknown precision")
    except (ValueError, TypeError, AttributeError) as error:
        reason = f"is damaged: {error}"
        raise SelfspecError(path, reason, "restore it; without it what was made in bfloat16 is made again") from error
    return choices


def chosen(spec: ModelSpec) -> Choice | None:
    """What was chosen for a model in this project's warehouse.

    Raises:
        SelfspecError: the record is damaged.
    """
    return _choices().get(_name(spec))


def choose(spec: ModelSpec, make: Callable[[], Choice]) -> Choice:
    """What was chosen, or, where nothing was, what ``make`` chooses; whoever comes first chooses for all.

    Raises:
        SelfspecError: the record is damaged, or cannot be written.
    """
    path = _record()
    with storing(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        with waiting(path.parent / "locks" / "precision.lock"):
            choices = _choices()
            if _name(spec) not in choices:
                choices[_name(spec)] = make()
                facts = {name: asdict(choice) for name, choice in sorted(choices.items())}
                write_atomically(path, json.dumps(facts, indent=2).encode(), "chosen precision")
    return choices[_name(spec)]


# The trial


def layer_shapes(folder: Path) -> Counter[Shape]:
    """The matrices that a model multiplies with, [out, in], and how many there are of each shape."""
    shapes: Counter[Shape] = Counter()
    for path in sorted(folder.glob("*.safetensors")):
        for name, shape in tensor_shapes(path).items():
            if len(shape) == 2 and min(shape) > 1 and name.endswith(".weight"):
                shapes[shape[0], shape[1]] += 1
    return shapes


def is_small(shapes: Mapping[Shape, int]) -> bool:
    """Whether a model is too small for its precision to matter."""
    return sum(prod(shape) * count for shape, count in shapes.items()) < _SMALLEST


def tried(shapes: Mapping[Shape, int], seconds: float = SECONDS) -> Choice:
    """The faster precision for a batch of lists: products of the model's own sizes, each precision in turn.

    One thread computes, and its own time counts: what else runs on the machine must not decide.

    Args:
        shapes: [out, in] and how many layers have it.
        seconds: how long it may take, about.
    """
    import torch

    needed = {"float32": 0.0, "bfloat16": 0.0}
    each = seconds / (len(shapes) * len(_ROWS) * len(needed))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for (size, width), count in shapes.items():
            part = min(size, max(1, _LARGEST // width))
            for phase, rows in _ROWS.items():
                if phase == "prefill" and size > 8 * width:
                    continue  # an embedding: of a prompt only the last token goes through the output layer
                passes = _TOKENS[phase] / rows * count * size / part
                for precision in needed:
                    needed[precision] += passes * _product(part, width, rows, precision, each)
    finally:
        torch.set_num_threads(threads)
    return _faster(needed["float32"], needed["bfloat16"])


def _faster(float32: float, bfloat16: float) -> Choice:
    """What follows from the seconds that each takes."""
    slower = bfloat16 / float32
    ratio = f"{slower:.2g} times as slow" if slower > 1 else f"{1 / slower:.2g} times as fast"
    reason = f"this model's layers take {float32:.2g} s for a batch of lists in float32, and in bfloat16 are {ratio}"
    if slower * GAIN < 1:
        return Choice("bfloat16", reason, machine())
    if slower < 1:
        reason += f"; {GAIN:g} times would count"
    return Choice("float32", reason, machine())


def _product(size: int, width: int, rows: int, precision: str, seconds: float) -> float:
    """Seconds of one product: the quickest of several, of which the first warms up."""
    import torch

    dtype = getattr(torch, precision)
    weight, given = torch.ones(size, width, dtype=dtype), torch.ones(rows, width, dtype=dtype)
    best, begun = float("inf"), time.thread_time()
    with torch.inference_mode():
        for turn in range(50):
            start = time.thread_time()
            torch.nn.functional.linear(given, weight)
            now = time.thread_time()
            best = min(best, now - start)
            if now - begun > seconds and (turn or best > seconds):
                break
    return best
