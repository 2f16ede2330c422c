"""The model's card, of an adapter and of merged weights: front matter that hubs read, and what a person has to know."""

from collections.abc import Sequence
from pathlib import Path

from selfspec_assets.reports.exports.cards import card_facts as facts
from selfspec_assets.reports.exports.tuned import Tuned

CARD = "README.md"


def write_model_card(tuned: Tuned, folder: Path, library: str, use: Sequence[str]) -> None:
    """Writes ``README.md``.

    Args:
        library: peft, transformers or gguf.
        use: how it is loaded and prompted, and what was checked of it, in lines of Markdown.
    """
    (folder / CARD).write_text(model_card(tuned, library, use), encoding="utf-8")


def model_card(tuned: Tuned, library: str, use: Sequence[str]) -> str:
    """Markdown."""
    from huggingface_hub import EvalResult, ModelCardData

    scored = [row for row in facts.average_scores(tuned) if row["iteration"]]
    results = [
        EvalResult(
            task_type="text-generation",
            dataset_type=f"selfspec-{tuned.domain}-{tuned.recipe.data}",
            dataset_name=f"{tuned.domain} ({tuned.recipe.data}), macro average, {row['shots']}-shot",
            metric_type=row["metric"],
            metric_value=round(row["value"], 2),
            metric_name=f"{row['metric']}, 95 % interval {row['low']:.1f} to {row['high']:.1f}",
        )
        for row in scored
    ]
    data = ModelCardData(
        language=tuned.job("adapter").pack.file.language,
        license=facts.base_licence(tuned) or "other",
        library_name=library,
        base_model=facts.hub_base(tuned),
        tags=[*facts.TAGS, *(["lora"] if library == "peft" else [])],
        pipeline_tag="text-generation",
        model_name=tuned.slug,
        eval_results=results or None,
    )
    owed = facts.attribution(tuned, ())
    row, section = tuned.row, tuned.recipe.adapter
    lines = [
        *("---", data.to_yaml(), "---", ""),
        *(f"# {tuned.title}", ""),
        *(*use, ""),
        *("## How it was made", "", *facts.origin(tuned)),
        f"- LoRA r={section.r}, alpha={section.alpha} on all linear layers, {row.optimiser_steps} optimiser steps of "
        f"{section.batch_size} examples, learning rate {section.learning_rate}, loss {row.first_loss:.2f} → "
        f"{row.last_loss:.2f}",
        *("", "## Yield", "", *(facts.yields(tuned) or ["Nothing was generated."]), ""),
        *("## Scores", "", *facts.score_lines(tuned), ""),
        *("## Limits", "", *facts.limits(tuned), ""),
        *(("## Texts and attribution", "", *owed, "") if owed else ()),
        *("## Licence", ""),
        f"The base model's: {facts.base_licence(tuned) or 'see its own card'}. The texts above have their own.",
    ]
    return "\n".join(lines) + "\n"
