"""Chat templates (``base_model.chat_template: always``): a prompt as the user's turn, the answer as the model's.

The paper prompts other models in their own templates (Section 4.1). The template is the tokenizer's own, rendered by
transformers in its sandbox. It may read a clock; here every day is the same day, or the same recipe would ask another
question tomorrow. A model that can think aloud first is asked not to: its thoughts are no answer. A passage that
writes the template's own tokens ends no turn: within a prompt they are text.
"""

import inspect
from typing import Any, NamedTuple

from selfspec_assets.base.errors import SelfspecError

ONE_DAY = "{% macro strftime_now(format) %}26 Jul 2024{% endmacro %}"  # hides the clock that transformers offers
_PROBE = ("Name a colour.", "Brown")
_REMEDY = "set base_model.chat_template: never, or correct the template"


class AnswerFrame(NamedTuple):
    """What a template puts around an answer: the text before it, and the id of the token that ends the turn."""

    lead: str
    end_id: int


def open_turn(tokenizer: Any, prompt: str) -> str:
    """The conversation up to where the model's answer begins, special tokens written out.

    Raises:
        SelfspecError: the template cannot be rendered.
    """
    return str(_render(tokenizer, prompt, None, tokenize=False))


def open_turn_ids(tokenizer: Any, prompt: str) -> list[int]:
    """Token ids of ``open_turn``; none is added, as the template writes them all.

    Raises:
        SelfspecError: the template cannot be rendered.
    """
    return list(_render(tokenizer, prompt, None, tokenize=True))


def answer_frame(tokenizer: Any) -> AnswerFrame:
    """How the tokenizer's template writes an answer.

    A template that marks the end of a turn with no special token leaves it to the tokenizer's end token.

    Raises:
        SelfspecError: the template cannot be rendered, or writes a finished conversation otherwise than one whose
            answer is to come: what a model is tuned on would not be what it is asked.
    """
    prompt, answer = _PROBE
    opened, whole = open_turn(tokenizer, prompt), str(_render(tokenizer, prompt, answer, tokenize=False))
    lead, found, closing = whole.removeprefix(opened).partition(answer)
    if not whole.startswith(opened) or not found or lead.strip():
        raise SelfspecError(
            "chat template", f"an answer does not follow the opened turn {opened[-40:]!r} but {whole!r}", _REMEDY
        )
    ids = tokenizer(closing.strip(), add_special_tokens=False)["input_ids"]
    ends = bool(ids) and (ids[0] in tokenizer.all_special_ids or ids[0] in tokenizer.added_tokens_decoder)
    return AnswerFrame(lead, int(ids[0] if ends else tokenizer.eos_token_id))


def _render(tokenizer: Any, prompt: str, answer: str | None, *, tokenize: bool) -> Any:
    import jinja2

    _check_release(tokenizer)
    turns = [{"role": "user", "content": prompt}]
    if answer is not None:
        turns.append({"role": "assistant", "content": answer})
    try:
        return tokenizer.apply_chat_template(
            turns,
            chat_template=ONE_DAY + tokenizer.get_chat_template(),
            add_generation_prompt=answer is None,
            tokenize=tokenize,
            return_dict=False,
            sanitize_control_tokens=tokenize,
            enable_thinking=False,
        )
    except (jinja2.TemplateError, TypeError, ValueError, KeyError) as error:
        raise SelfspecError("chat template", f"cannot be rendered: {error}", _REMEDY) from error


def _check_release(tokenizer: Any) -> None:
    """Older releases would hand the switch to the template, which does not know it, and protect nothing."""
    if "sanitize_control_tokens" not in inspect.signature(tokenizer.apply_chat_template).parameters:
        raise SelfspecError(
            "base_model.chat_template",
            "the installed transformers cannot keep control tokens inside a prompt as text",
            "pip install 'transformers>=5.23', or set base_model.chat_template: never",
        )
