"""The Alpaca prompt as a tokenizer's chat template (Jinja), so that a merged model is prompted as it was tuned.

The user's turn is the instruction, with its input under the message's own key ``input`` where it has one; earlier
turns are demonstrations. Where the recipe uses the base's chat template, its text follows, with the Alpaca prompt as
its user's turn.
"""

import json
from typing import Any

from selfspec_assets.method.decoding import encode_prompt
from selfspec_assets.method.prompts import alpaca_prompt
from selfspec_assets.models.chat import ONE_DAY

_MARK = ("\x00i\x00", "\x00c\x00")  # stand for instruction and input while the prompt's fixed parts are read off
_PROBES = (("Name a colour.", ""), ("Name the colour.", "The moss is green.\nThe bark is not."))

_BUILD = """\
{%- set said = namespace(text='', opening=@WITHOUT@) -%}
{%- for message in messages -%}
{%- if message['role'] == 'system' -%}
{{ raise_exception('The model was tuned without a system message: put it into the instruction.') }}
{%- elif message['role'] == 'user' -%}
{%- set said.opening = @WITH@ if message['input'] else @WITHOUT@ -%}
{%- set said.text = said.text ~ @BEFORE@ ~ message['content'] -%}
{%- if message['input'] -%}{%- set said.text = said.text ~ @BETWEEN@ ~ message['input'] -%}{%- endif -%}
{%- set said.text = said.text ~ @AFTER@ -%}
{%- elif not loop.last or @PLAIN@ -%}
{%- set said.text = said.text ~ ' ' ~ message['content'] -%}
{%- endif -%}
{%- endfor -%}
"""
_PLAIN_END = """\
{{- @BOS@ ~ said.opening ~ said.text -}}
{%- if messages[-1]['role'] == 'assistant' -%}{{- eos_token -}}{%- endif -%}
"""
_CHAT_END = """\
{%- set asked = [{'role': 'user', 'content': said.opening ~ said.text}] -%}
{%- set messages = asked + ([messages[-1]] if messages[-1]['role'] == 'assistant' else []) -%}
{%- set enable_thinking = false -%}
"""


def alpaca_chat_template(tokenizer: Any) -> str:
    """The template; ``tokenizer.chat_template`` is the base's own where the recipe uses it, else None."""
    with_input, without = alpaca_prompt(*_MARK), alpaca_prompt(_MARK[0], "")
    opening, rest = with_input.split("\n\n### Instruction:", 1)
    before, rest = f"\n\n### Instruction:{rest}".split(_MARK[0])
    between, after = rest.split(_MARK[1])
    own = tokenizer.chat_template
    parts = {
        "WITH": opening,
        "WITHOUT": without.split("\n\n### Instruction:", 1)[0],
        "BEFORE": before,
        "BETWEEN": between,
        "AFTER": after,
        "BOS": "" if own else _beginning(tokenizer),
    }
    template = _BUILD + (_CHAT_END if own else _PLAIN_END)
    template = template.replace("@PLAIN@", "false" if own else "true")
    for name, text in parts.items():
        template = template.replace(f"@{name}@", json.dumps(text))
    return (ONE_DAY + template + own) if own else template


def _beginning(tokenizer: Any) -> str:
    """The special tokens that the tokenizer puts in front of a text: in a template nothing is added by itself."""
    ids = encode_prompt(tokenizer, _PROBES[0][0])
    plain = tokenizer(_PROBES[0][0], add_special_tokens=False)["input_ids"]
    return "".join(tokenizer.convert_ids_to_tokens(ids[: len(ids) - len(plain)]))


def template_obstacle(tokenizer: Any, template: str) -> str | None:
    """Why the template does not give the token ids that the model was tuned on; None where it does."""
    for instruction, context in _PROBES:
        wanted = encode_prompt(tokenizer, alpaca_prompt(instruction, context))
        turn = {"role": "user", "content": instruction, "input": context}
        given = tokenizer.apply_chat_template(
            [turn], chat_template=template, add_generation_prompt=True, tokenize=True, return_dict=False
        )
        if list(given) != wanted:
            return f"gives {len(given)} tokens for a prompt of {len(wanted)}"
    return None
