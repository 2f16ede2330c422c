"""Benchmarks of a pack as tasks of EleutherAI's lm-evaluation-harness, whose scores are selfspec's.

A task is one benchmark at one k: the recipe's items with its whole prompts, demonstrations included. The folder's
``utils.py`` reads the items and scores through ``lm_eval_scoring``, so there is one definition of a score.
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.method.instructions.asking import answer_stop
from selfspec_assets.method.prompts import evaluation_prompt
from selfspec_assets.method.scoring.extra_metrics import CORPUS
from selfspec_assets.method.scoring.metrics import METRICS
from selfspec_assets.models.chat import open_turn
from selfspec_assets.models.language_model import load_tokenizer
from selfspec_assets.reports.exports.lm_eval_scoring import SETTINGS
from selfspec_assets.reports.exports.tuned import Tuned
from selfspec_assets.steps.exam import Exam
from selfspec_assets.steps.predictions import Question, questions_of
from selfspec_assets.steps.scores import exam_of

_UTILS = '''\
"""Reads these tasks' items and scores their answers, through selfspec: pip install selfspec."""

from pathlib import Path

from selfspec_assets.reports.exports.lm_eval_scoring import Scoring

_SCORING = Scoring(Path(__file__).parent)
items = _SCORING.items
process_results = _SCORING.process_results
'''
_README = """\
# {title}: benchmarks as tasks of lm-evaluation-harness

```sh
pip install lm-eval selfspec
lm_eval --model hf --model_args pretrained=BASE,peft=ADAPTER --tasks {group} --include_path .
```

`{group}` has a task for each benchmark and number of demonstrations (k). Items, prompts ({prompt}) and demonstrations
are those of the recipe, written out: `--num_fewshot` and `--apply_chat_template` have no place. F1, ROUGE-L and the
pack's further metrics are computed by selfspec, 0 to 100, so equal answers have equal scores. The harness ends an
answer at an end token or a label; selfspec's other rules are applied to the text afterwards, but not the one on
repeated tokens.

Licences of the items: {licences}
"""


def write_lm_eval(tuned: Tuned, folder: Path, prompt: str) -> list[str]:
    """A YAML and a file of items for each benchmark and k, a group, ``utils.py`` and a README.

    Args:
        prompt: a registered one: ``alpaca``, as adapters are asked, or one that the base is asked with.

    Raises:
        SelfspecError: no such prompt; seeds or benchmarks have not been made.
    """
    evaluation_prompt(prompt)
    job = tuned.job("predictions")
    for step in ("seeds", "benchmarks"):
        if not tuned.has(step):
            raise SelfspecError(f"{tuned.named.name}: {step}", "has not been made", f"selfspec run {tuned.named.name}")
    exam, group = exam_of(tuned.job("scores")), f"selfspec_{tuned.named.key}_{tuned.domain}".lower()
    by_task: dict[tuple[str, int], list[Question]] = {}
    for question in questions_of(job):
        by_task.setdefault((question.item.benchmark, question.shots), []).append(question)
    names = []
    for (benchmark, shots), questions in by_task.items():
        name = f"{group}_{benchmark}_k{shots}"
        _write_items(tuned, folder / f"{name}.jsonl", questions, prompt)
        (folder / f"{name}.yaml").write_text(_task(tuned, name, exam.extra(benchmark)), encoding="utf-8")
        names.append(name)
    _write_group(folder / f"{group}.yaml", group, names)
    _write_settings(tuned, folder, exam, {benchmark for benchmark, _ in by_task})
    _write_readme(tuned, folder, group, prompt)
    return [f"{len(names)} tasks in the group {group}; prompts: {prompt}"]


def _write_items(tuned: Tuned, path: Path, questions: list[Question], prompt: str) -> None:
    spec = tuned.lineage.model_spec
    tokenizer = load_tokenizer(spec) if spec.chat_template == "always" else None
    lines = []
    for question in questions:
        item = question.item
        text = evaluation_prompt(prompt)(item.instruction, item.input, question.demonstrations)
        if tokenizer is not None:
            text = open_turn(tokenizer, text).removeprefix(tokenizer.bos_token or "")
        row = {"benchmark": item.benchmark, "item": item.item, "item_id": item.item_id, "prompt": text}
        lines.append(json.dumps({**row, "references": item.references}, ensure_ascii=False) + "\n")
    path.write_text("".join(lines), encoding="utf-8")


def _task(tuned: Tuned, name: str, extra: list[str]) -> str:
    whole = [metric for metric in extra if metric in CORPUS]
    of_items = [*METRICS, *(metric for metric in extra if metric not in CORPUS)]
    config: dict[str, Any] = {
        "task": name,
        "test_split": "test",
        "output_type": "generate_until",
        "doc_to_text": "{{prompt}}",
        "doc_to_target": "{{references[0]}}",
        "num_fewshot": 0,
        "generation_kwargs": {
            "until": [f"\n### {label}" for label in ("Instruction", "Input", "Response")],
            "do_sample": False,
            "max_gen_toks": tuned.recipe.scores.max_new_tokens,
        },
        "dataset_kwargs": {"file": f"{name}.jsonl"},
        "metric_list": [{"metric": metric, "aggregation": "mean", "higher_is_better": True} for metric in of_items],
        "metadata": {"version": 1.0},
    }
    text = yaml.safe_dump(config, sort_keys=False, allow_unicode=True)
    added = "".join(
        f"- metric: {metric}\n  aggregation: !function utils.{metric}\n  higher_is_better: true\n" for metric in whole
    )
    text = text.replace("metadata:\n", f"{added}metadata:\n") if added else text
    return text + "custom_dataset: !function utils.items\nprocess_results: !function utils.process_results\n"


def _write_group(path: Path, group: str, names: list[str]) -> None:
    averages = [{"metric": metric, "aggregation": "mean", "weight_by_size": False} for metric in METRICS]
    shots = sorted({name.rpartition("_k")[2] for name in names}, key=int)
    groups = [
        {
            "group": f"{group}_k{k}",
            "task": [name for name in names if name.endswith(f"_k{k}")],
            "aggregate_metric_list": averages,
        }
        for k in shots
    ]
    for k, one in zip(shots, groups, strict=True):
        path.with_name(f"{group}_k{k}.yaml").write_text(yaml.safe_dump(one, sort_keys=False), encoding="utf-8")
    whole = {"group": group, "task": [one["group"] for one in groups]}
    path.write_text(yaml.safe_dump(whole, sort_keys=False), encoding="utf-8")


def _write_settings(tuned: Tuned, folder: Path, exam: Exam, benchmarks: set[str]) -> None:
    metrics = {
        name: {metric: dict(exam.options.get((name, metric), {})) for metric in exam.extra(name)}
        for name in sorted(benchmarks)
    }
    stop = asdict(answer_stop(tuned.lineage.model_spec, tuned.job("predictions").pack.response_prompt))
    text = json.dumps({"stop": stop, "metrics": metrics}, indent=1)
    (folder / SETTINGS).write_text(text + "\n", encoding="utf-8")
    whole = sorted({metric for named in metrics.values() for metric in named if metric in CORPUS})
    functions = "".join(f'{metric} = _SCORING.aggregation("{metric}")\n' for metric in whole)
    (folder / "utils.py").write_text(_UTILS + functions, encoding="utf-8")


def _write_readme(tuned: Tuned, folder: Path, group: str, prompt: str) -> None:
    benchmarks = tuned.job("predictions").pack.data(tuned.recipe.data).benchmarks
    licences = "; ".join(f"{one.name}: {one.licence or 'not stated in the pack'}" for one in benchmarks)
    text = _README.format(title=tuned.job("predictions").pack.file.title, group=group, prompt=prompt, licences=licences)
    (folder / "README.md").write_text(text, encoding="utf-8")
