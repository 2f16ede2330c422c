"""A folder for ``ollama create``: a Modelfile with the exact prompt, and the merged model beside it."""

from pathlib import Path

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.method.instructions.asking import answer_stop
from selfspec_assets.method.prompts import alpaca_prompt
from selfspec_assets.models.chat import open_turn
from selfspec_assets.models.language_model import load_tokenizer
from selfspec_assets.reports.exports.cards.model_card import write_model_card
from selfspec_assets.reports.exports.formats import OutType
from selfspec_assets.reports.exports.gguf_file import MODEL, converter, write_model
from selfspec_assets.reports.exports.merged import merge_weights, write_prompting
from selfspec_assets.reports.exports.tuned import Tuned

_MARK = "\x00"
_QUOTES = '"""'


def write_ollama(tuned: Tuned, folder: Path, out_type: OutType) -> list[str]:
    """``Modelfile`` with its model: GGUF where llama.cpp's converter is there, else safetensors, which ollama imports.

    Raises:
        SelfspecError: as ``write_gguf`` and ``merge_weights``; a prompt that a Modelfile cannot hold.
    """
    template, command = ollama_template(tuned), converter()
    if command is not None:
        notes, source = write_model(tuned, folder, out_type, command), f"./{MODEL}"
    else:
        notes = merge_weights(tuned, folder / "model", "bfloat16")
        notes += write_prompting(tuned, folder / "model")
        notes += ["safetensors, as llama.cpp's converter is not installed; ollama converts the architectures it knows"]
        source = "./model"
    (folder / "Modelfile").write_text(modelfile(tuned, template, source), encoding="utf-8")
    use = [
        "For ollama: `ollama create NAME -f Modelfile` in this folder. The prompt is the Alpaca template without an "
        "input; with one, send the whole Alpaca prompt as `raw`. Not scored in ollama.",
    ]
    write_model_card(tuned, folder, "transformers" if command is None else "gguf", use)
    return [*notes, "not scored", f"ollama create {tuned.slug} -f Modelfile"]


def ollama_template(tuned: Tuned) -> str:
    """The prompt with ``{{ .Prompt }}`` (Go) in place of the instruction; the begin token is left to ollama.

    Raises:
        SelfspecError: it holds what Go or the Modelfile would read otherwise.
    """
    tokenizer = load_tokenizer(tuned.lineage.model_spec)
    text = alpaca_prompt(_MARK, "")
    if tokenizer.chat_template:
        text = open_turn(tokenizer, text).removeprefix(tokenizer.bos_token or "")
    if "{{" in text or _QUOTES in text or text.count(_MARK) != 1:
        raise SelfspecError(
            "selfspec export ollama", "the prompt holds '{{' or quotes that a Modelfile cannot", "export merged instead"
        )
    return text.replace(_MARK, "{{ .Prompt }}")


def modelfile(tuned: Tuned, template: str, source: str) -> str:
    """The Modelfile's text; ``source`` is its FROM."""
    scores = tuned.recipe.scores
    stops = [f'PARAMETER stop "{stop}"' for stop in stop_texts(tuned)]
    lines = [
        f"# {tuned.title}",
        f"FROM {source}",
        f"TEMPLATE {_QUOTES}{template}{_QUOTES}",
        "PARAMETER temperature 0",
        "PARAMETER repeat_penalty 1",
        f"PARAMETER num_predict {scores.max_new_tokens}",
        *stops,
    ]
    return "\n".join(lines) + "\n"


def stop_texts(tuned: Tuned) -> list[str]:
    """Texts behind which nothing of an answer comes: headings and labels that a base model goes on with."""
    rules = answer_stop(tuned.lineage.model_spec, tuned.job("predictions").pack.response_prompt)
    return [f"\\n### {label}" for label in rules.labels] + [f"\\n{label}:" for label in rules.labels]
