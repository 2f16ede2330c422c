"""What tests of models ask, and what they tune on."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from selfspec_assets.method.tuning.tune import TuningSettings

PROMPT = "Which gene binds melatin? Answer:"


def edit(path: Path, **values: object) -> None:
    content = json.loads(path.read_text())
    content.update(values)
    path.write_text(json.dumps(content))


def remove(*names: str) -> Callable[[Path], None]:
    def act(folder: Path) -> None:
        for name in names:
            (folder / name).unlink()

    return act


EXAMPLES = [
    (f"Question: does aspirin {number} inhibit platelets?\nAnswer:", answer)
    for number, answer in enumerate(["yes", "no", "cancer hallmarks", "fever, cough, pain", "no"])
]
SETTINGS = TuningSettings(max_length=1024, r=2, epochs=2, batch_size=4, micro_batch_size=4, learning_rate=1e-2)


def changed(**values: Any) -> TuningSettings:
    return TuningSettings(**{**SETTINGS.model_dump(), **values})
