"""The card beside an adapter: what it was tuned on, and whose text that rests on, under which licences."""

from collections.abc import Iterator

from selfspec_assets.steps.job import Job
from selfspec_assets.warehouse.rows import CorpusRow, ResponseRow, TrainingItemRow

CARD = "README.md"  # where PEFT and hubs look for it
_UNSTATED = "not stated in the pack"


def adapter_card(job: Job, examples: int) -> str:
    """Markdown, with the front matter that hubs read; the same for the same inputs, whatever recipe and machine."""
    spec, data = job.lineage.model_spec, job.recipe.adapter.data
    hub_model = [f"base_model: {spec.path_or_id}"] if job.recipe.base_model.is_hub_id else []
    tuned_on = {"seeds": "worked examples of the pack", "supervised": "labelled items of benchmarks"}
    lines = [
        *["---", "library_name: peft", *hub_model, "---", ""],
        *[f"# {job.pack.file.title}: an adapter made by selfspec", ""],
        f"- base model: SHA-256 {job.lineage.model_identity.split(' ')[0]}",
        f"- tuned on: {examples} {tuned_on.get(data, 'answers that the model wrote itself')}",
        *text_sources(job),
    ]
    return "\n".join(lines) + "\n"


def text_sources(job: Job) -> Iterator[str]:
    """Lines on whose text the examples rest, and under which licences; none where seeds alone were tuned on."""
    if job.recipe.adapter.data == "seeds":
        return
    if job.recipe.adapter.data == "supervised":
        licences = {one.name: one.licence or _UNSTATED for one in job.pack.data(job.recipe.data).benchmarks}
        named = dict.fromkeys(row.benchmark for row in job.read("training_items", TrainingItemRow, 0))
        yield from (f"- training items of {name}; licence: {licences[name]}" for name in named)
        return
    if not any(row.passages for row in job.read("responses", ResponseRow)):
        return
    yield "- the answers were given with passages of these texts in view, and may repeat them:"
    licences = {one.name: one.licence or _UNSTATED for one in job.pack.data(job.recipe.data).corpus.sources}
    for row in job.read("corpus", CorpusRow, 0):
        if row.documents:
            yield f"  - {row.source}, {row.documents} passages; licence: {licences.get(row.source, _UNSTATED)}"
