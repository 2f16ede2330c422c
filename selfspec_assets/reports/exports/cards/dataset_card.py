"""The data set's card: front matter that hubs read, and what a person has to know before using the data."""

from pathlib import Path
from typing import Any

from selfspec_assets.reports.exports.cards import card_facts as facts
from selfspec_assets.reports.exports.tuned import Tuned

CARD = "README.md"
_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
_TEXTS = "texts.txt"  # titles, one a line


def write_dataset_card(tuned: Tuned, folder: Path, file: str) -> None:
    """Writes ``README.md``, and ``texts.txt`` where texts of a corpus may be repeated.

    Args:
        file: the data, which ``datasets.load_dataset`` is told to read; DuckDB's is not a kind that it reads.
    """
    titles = sorted({title for one in tuned.examples for title in tuned.texts.get((one.iteration, one.row), ())})
    if titles:
        (folder / _TEXTS).write_text("".join(f"{title}\n" for title in titles), encoding="utf-8")
    (folder / CARD).write_text(dataset_card(tuned, file, titles), encoding="utf-8")


def dataset_card(tuned: Tuned, file: str, titles: list[str]) -> str:
    """Markdown."""
    from huggingface_hub import DatasetCardData

    count, licence = len(tuned.examples), facts.data_licence(tuned)
    loads: Any = {} if file.endswith(".duckdb") else {"configs": [{"config_name": "default", "data_files": file}]}
    data = DatasetCardData(
        language=tuned.job("adapter").pack.file.language,
        license=licence or "other",
        task_categories=["text-generation"],
        size_categories=next((name for most, name in _SIZES if count < most), "n>1M"),
        tags=facts.TAGS,
        pretty_name=tuned.title,
        **loads,
    )
    use = (
        f"`SELECT * FROM training_set` in `{file}`; the other tables tell how it came about."
        if not loads
        else "`datasets.load_dataset` reads this folder; `dataset_info.json` is LLaMA-Factory's."
    )
    owed = facts.attribution(tuned, titles)
    lines = [
        *("---", data.to_yaml(), "---", ""),
        *(f"# {tuned.title}: {count} examples", ""),
        *("What an adapter was tuned on, after every filter and refining step.", "", use, ""),
        *("## How it was made", "", *facts.origin(tuned), ""),
        *("## Yield", "", *(facts.yields(tuned) or ["Nothing was generated."]), ""),
        *("## Scores of the adapter that was tuned on it", "", *facts.score_lines(tuned), ""),
        *("## Limits", "", *facts.limits(tuned), ""),
        *(("## Texts and attribution", "", *owed, "") if owed else ()),
        *("## Licence", ""),
        licence or "Not decided here: it follows from the base model's licence and those of the texts above.",
    ]
    return "\n".join(lines) + "\n"
