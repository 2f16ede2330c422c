"""All text that a model reads: the list prompt, answer prompts, the Alpaca template, evaluation prompts.

Every prompt ends without white space and every answer begins with one space. So the answer's first token is the
token that the same word has in running text; after a newline it would be another one, and copying the first word
of a passage would fail (measured: F1 41 instead of 67). The original Alpaca template ends the same way.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

from selfspec_assets import plugins
from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.packs.templates import Template

NO_INPUT = "<noinput>"


class Example(Protocol):
    """What a demonstration needs: a seed has it."""

    @property
    def instruction(self) -> str: ...
    @property
    def input(self) -> str: ...
    @property
    def output(self) -> str: ...


def instruction_list_prompt(
    header: Template, shown: Sequence[Example], count: int, *, answered: bool = False
) -> tuple[str, str]:
    """The list prompt: the pack's header and the shown seeds as items 1..n; and the next number's cue.

    The cue is how the model's text begins: in a chat template it stands in the model's own turn. Answers are shown
    only where ``answered`` says so: what kind of question a task needs (one of yes or no) can be seen from them.

    Source: Appendix B, Table 3 (changes from self-instruct: instruction and input together, no topic list).
    """
    items = [
        f"{number}. Instruction: {seed.instruction}\nInput: {seed.input or NO_INPUT}"
        + (f"\nResponse: {seed.output}" if answered else "")
        for number, seed in enumerate(shown, start=1)
    ]
    opening = f"{header.render(count=count)}\n\nList of {count} tasks:"
    return "\n\n".join([opening, *items]), f"{len(shown) + 1}. Instruction:"


_WITH_INPUT = (
    "Below is an instruction that describes a task, paired with an input that provides further context. "
    "Write a response that appropriately completes the request."
)
_WITHOUT_INPUT = (
    "Below is an instruction that describes a task. Write a response that appropriately completes the request."
)


def _alpaca_block(instruction: str, context: str) -> str:
    middle = f"\n\n### Input:\n{context}" if context else ""
    return f"### Instruction:\n{instruction}{middle}\n\n### Response:"


@plugins.prompt("alpaca", version="1")
def alpaca_prompt(instruction: str, context: str, demonstrations: Sequence[Example] = ()) -> str:
    """The Alpaca template (Taori et al. 2023), which tuned models are trained and evaluated with."""
    opening = _WITH_INPUT if context else _WITHOUT_INPUT
    blocks = [f"{_alpaca_block(d.instruction, d.input)} {d.output}" for d in demonstrations]
    return "\n\n".join([opening, *blocks, _alpaca_block(instruction, context)])


@plugins.prompt("plain", version="1")
def plain_prompt(instruction: str, context: str, demonstrations: Sequence[Example] = ()) -> str:
    """Instruction and input and nothing else: how the paper prompts its base model (Appendix B)."""
    blocks = ["\n".join(part for part in (d.instruction, d.input, d.output) if part) for d in demonstrations]
    return "\n\n".join([*blocks, "\n".join(part for part in (instruction, context) if part)])


@plugins.prompt("cue", version="1")
def cue_prompt(instruction: str, context: str, demonstrations: Sequence[Example] = ()) -> str:
    """The plain prompt and a ``Response:`` cue."""
    blocks = ["\n".join(p for p in (d.instruction, d.input, f"Response: {d.output}") if p) for d in demonstrations]
    return "\n\n".join([*blocks, "\n".join(p for p in (instruction, context, "Response:") if p)])


def evaluation_prompt(name: str) -> Callable[..., str]:
    """The registered prompt of that name: instruction, input and demonstrations in, what a model is asked out.

    Raises:
        SelfspecError: there is none. The prompt itself raises it where it fails, or gives something else than text.
    """
    plugin = plugins.REGISTRY.get("prompt", name, "scores.base_variants")

    def prompt(instruction: str, context: str, demonstrations: Sequence[Example] = ()) -> str:
        with plugin.named_in_failures(instruction):
            text = plugin.target(instruction, context, demonstrations)
        if not isinstance(text, str) or not text.strip():
            raise SelfspecError(str(plugin), f"gave {text!r:.80}, not a text", "correct the plug-in")
        return text

    return prompt
