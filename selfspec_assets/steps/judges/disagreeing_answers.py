"""The refining step ``disagreeing_answers``: tasks that other passages make the model answer otherwise."""

from collections.abc import Iterable, Sequence
from typing import Any

from selfspec_assets import plugins
from selfspec_assets.base.signature import text_digest
from selfspec_assets.method.decoding import Group, answer, fits
from selfspec_assets.method.instructions.asking import answer_stop
from selfspec_assets.method.scoring.metrics import token_f1
from selfspec_assets.recipe.recipe import Recipe
from selfspec_assets.steps.job import Job
from selfspec_assets.steps.lineage import Lineage, Need, previous_adapters
from selfspec_assets.steps.refining import RefiningStep, Verdict
from selfspec_assets.warehouse.rows import PassageRow

LEAST = 50.0  # token F1 of the two answers, 0 to 100


@plugins.step("disagreeing_answers", version="1")
class DisagreeingAnswers(RefiningStep):
    """`responses`, `passages` → `verdicts`: answered again with the best passage alone, it comes out otherwise.

    Self-consistency over the passages: token F1 of both answers below 50. Tasks with one passage or none are kept.
    """

    refines = "responses"
    holds_model = True

    def needs(self, recipe: Recipe, iteration: int) -> list[Need]:
        return [*super().needs(recipe, iteration), ("passages", iteration), *previous_adapters(iteration, 1)]

    def files(self, lineage: Lineage, domain: str, iteration: int) -> dict[str, str]:
        return {"model": lineage.model_identity, "prompt": text_digest(lineage.pack(domain).response_prompt.source)}

    def judge(self, job: Job, rows: Sequence[Any]) -> Iterable[Verdict]:
        passages: dict[int, list[PassageRow]] = {}
        for passage in job.read("passages", PassageRow):
            passages.setdefault(passage.instruction_id, []).append(passage)
        settings, model, template = job.recipe.loop.responses, job.model(), job.pack.response_prompt
        prompts: dict[int, str] = {}
        for row in rows:
            own = passages.get(row.instruction_id, [])
            if len(own) > 1:
                best = f"{own[0].title}. {own[0].text}" if own[0].title else own[0].text
                prompt = template.render(instruction=row.instruction, input=row.input, passage=best)
                if fits(model, prompt, settings.max_new_tokens):
                    prompts[row.instruction_id] = prompt
        asked = sorted(prompts)

        def make(indices: list[int]) -> list[dict[str, Any]]:
            again = answer(
                model,
                [Group((prompts[asked[i]],), (1.0,)) for i in indices],
                max_new_tokens=settings.max_new_tokens,
                stop=answer_stop(model.spec, template),
                aligned=job.adapter(job.iteration - 1),
                weaker=None,
                contrast=None,
                batch_size=settings.batch_size,
            )
            return [{"text": one.text} for one in again]

        store = job.warehouse.chunks(job.signature, "answers")
        texts = [value["text"] for value in job.in_batches(store, len(asked), settings.batch_size, "answers", make)]
        second = dict(zip(asked, texts, strict=True))
        for row in rows:
            other = second.get(row.instruction_id)
            differs = other is not None and token_f1(other, row.response) < LEAST
            yield Verdict(row.instruction_id, "another_passage_another_answer" if differs else None)
