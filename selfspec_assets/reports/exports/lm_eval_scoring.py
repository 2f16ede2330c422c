"""What an exported task asks of selfspec when lm-evaluation-harness runs it: items, the end of an answer, scores."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from selfspec_assets.method.decoding import StopRules
from selfspec_assets.method.decoding.stop import cut
from selfspec_assets.method.scoring.extra_metrics import CORPUS
from selfspec_assets.method.scoring.metrics import item_scores
from selfspec_assets.method.scoring.registered import item_metric

SETTINGS = "selfspec_tasks.json"  # stop: StopRules; metrics: benchmark -> {name: options} beside F1 and ROUGE-L


class Scoring:
    """The functions that the YAML of a folder names; ``folder`` holds the items and the settings."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        settings = json.loads((folder / SETTINGS).read_text(encoding="utf-8"))
        stop = settings["stop"]
        self.stop = StopRules(**{**stop, "labels": tuple(stop["labels"])})
        self.metrics: dict[str, dict[str, dict[str, object]]] = settings["metrics"]

    def items(self, file: str = "", **_: object) -> dict[str, Any]:
        """The split ``test`` of a task: benchmark, item, prompt, references."""
        import datasets

        with (self.folder / file).open(encoding="utf-8") as lines:
            return {"test": datasets.Dataset.from_list([json.loads(line) for line in lines])}

    def process_results(self, item: dict[str, Any], results: Sequence[str]) -> dict[str, Any]:
        """An answer's scores, 0 to 100, by metric; of a score of a whole benchmark the answer and its references."""
        benchmark, references = item["benchmark"], list(item["references"])
        answer = self.end(results[0])
        scores: dict[str, Any] = dict(item_scores(answer, references, f"{benchmark}/{item['item']}"))
        for name, options in self.metrics[benchmark].items():
            if name in CORPUS:
                scores[name] = (answer, references)
            else:
                scores[name] = item_metric(name, options, f"benchmark {benchmark}")(answer, references)
        return scores

    def end(self, text: str) -> str:
        """The answer without what a base model goes on with: selfspec's rules, but for repeated tokens."""
        return cut(text, self.stop, ended=True)[0].strip()

    def aggregation(self, name: str) -> Callable[[Sequence[tuple[str, Sequence[str]]]], float]:
        """A score of a whole benchmark, from its pairs of answer and references."""

        def aggregate(pairs: Sequence[tuple[str, Sequence[str]]]) -> float:
            corpus = CORPUS[name]
            counts = corpus.counts([answer for answer, _ in pairs], [references for _, references in pairs])
            return float(corpus.score(counts.sum(axis=0)))

        return aggregate
