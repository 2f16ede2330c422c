"""Text to token ids, once for inference and tuning.

Every prompt ends without white space and every answer begins with exactly one space: an answer's first token is then
the same BPE token as the same word in running text. After a prompt that ends in a line break it would be another
token, and a model cannot copy its first word from the context.

With a chat template (``load_tokenizer`` leaves it on the tokenizer only where the recipe wants it used) prompt and
answer are the turns of a conversation, and what stands between them is the template's.
"""

from typing import Any

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.models.chat import answer_frame, open_turn, open_turn_ids


def encode_prompt(tokenizer: Any, prompt: str, opening: str = "") -> list[int]:
    """Token ids of a prompt, with the special tokens that the tokenizer adds in front by itself, and none behind.

    Args:
        opening: how the text to come begins; behind a blank line, or in a chat template as the beginning of the
            model's turn.

    Raises:
        ValueError: the prompt is empty or ends in white space.
    """
    if not prompt or prompt != prompt.rstrip():
        raise ValueError(f"a prompt must not end in white space: {prompt[-40:]!r}")
    if tokenizer.chat_template:
        return open_turn_ids(tokenizer, prompt) + (_ids(tokenizer, opening) if opening else [])
    if opening:
        prompt = f"{prompt}\n\n{opening}"
    ids: list[int] = list(tokenizer(prompt)["input_ids"])
    plain: list[int] = list(tokenizer(prompt, add_special_tokens=False)["input_ids"])
    while len(ids) > len(plain) and ids[-1] != plain[-1]:
        ids.pop()  # some tokenizers close every text with an end token
    bos = tokenizer.bos_token_id
    if bos is not None and ids[:2] == [bos, bos]:
        ids.pop(0)  # a prompt that writes the begin token out, and the tokenizer adds its own
    return ids


def _ids(tokenizer: Any, text: str) -> list[int]:
    """Of a piece of text: no token is added."""
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


def encode_example(tokenizer: Any, prompt: str, answer: str, *, eos: bool = True) -> tuple[list[int], int]:
    """Token ids of prompt and answer, and where the answer begins.

    The first ``answer_start`` ids are exactly ``encode_prompt(tokenizer, prompt)``. Where the tokenizer would merge
    across the border, the parts are encoded apart.

    Args:
        eos: close with the end token (of the turn, where a chat template has one).

    Raises:
        ValueError: see ``encode_prompt``.
        SelfspecError: the tokenizer has no way to write the answer after the prompt, or its chat template none to be
            answered.
    """
    head = encode_prompt(tokenizer, prompt)
    answer = answer.strip()
    lead, end_id = answer_frame(tokenizer) if tokenizer.chat_template else (" ", tokenizer.eos_token_id)
    tail = _encode_tail(tokenizer, prompt, f"{lead}{answer}", head) if answer else []
    return head + tail + ([end_id] if eos else []), len(head)


def _encode_tail(tokenizer: Any, prompt: str, answer: str, head: list[int]) -> list[int]:
    """Ids of the answer, which begins with what stands between it and the prompt."""
    if tokenizer.chat_template:
        whole = _ids(tokenizer, open_turn(tokenizer, prompt) + answer)
    else:
        whole = encode_prompt(tokenizer, f"{prompt}{answer}")
    if whole[: len(head)] == head:
        return whole[len(head) :]
    text = _decode(tokenizer, whole)
    # SentencePiece puts a space of its own in front of a text: there the bare answer is the right one.
    for candidate in (answer, answer.strip()):
        tail = _ids(tokenizer, candidate)
        if _decode(tokenizer, head + tail) == text:
            return tail
    raise SelfspecError(
        "tokenizer",
        f"cannot write the answer {answer.strip()[:40]!r} after the prompt without changing it",
        "use the tokenizer that belongs to the model",
    )


def _decode(tokenizer: Any, ids: list[int]) -> str:
    return str(tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False))
