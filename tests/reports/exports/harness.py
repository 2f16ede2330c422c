"""lm-evaluation-harness with a model that gives stored answers; an extra that the default suite does not have."""

import importlib
from pathlib import Path
from typing import Any


def evaluate(folder: Path, group: str, answers: dict[str, str]) -> dict[str, dict[str, float]]:
    """The harness's results by task.

    Args:
        folder: the exported tasks.
        answers: by prompt.
    """
    evaluator = importlib.import_module("lm_eval.evaluator")
    model = importlib.import_module("lm_eval.api.model")
    tasks = importlib.import_module("lm_eval.tasks")

    class Stored(model.LM):  # type: ignore[name-defined, misc]
        def generate_until(self, requests: list[Any], disable_tqdm: bool = False) -> list[str]:
            return [answers[request.args[0]] for request in requests]

        def loglikelihood(self, requests: list[Any]) -> Any:
            raise NotImplementedError

        def loglikelihood_rolling(self, requests: list[Any]) -> Any:
            raise NotImplementedError

    manager = tasks.TaskManager(include_path=str(folder), include_defaults=False)
    done = evaluator.simple_evaluate(model=Stored(), tasks=[group], task_manager=manager, bootstrap_iters=0)
    results: dict[str, dict[str, float]] = done["results"]
    return results
