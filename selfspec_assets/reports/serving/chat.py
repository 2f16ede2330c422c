"""A conversation as a prompt: the template that the model was tuned, or evaluation asks it, in."""

from collections.abc import Sequence
from dataclasses import dataclass

from selfspec_assets.reports.serving.served import ServedModel
from selfspec_assets.reports.serving.wire import Message, RequestError


@dataclass(frozen=True)
class _Turn:
    """A question with its answer, as a demonstration."""

    instruction: str
    output: str
    input: str = ""


def chat_prompt(model: ServedModel, messages: Sequence[Message]) -> str:
    """The last user message is the instruction, without an input.

    Earlier questions and their answers stand before it as demonstrations do in evaluation: adapters know one turn, and
    were scored with solved examples, never tuned on talk. System text stands above all of it.

    Raises:
        RequestError: 400: the turns do not alternate, the last is not the user's, or a user's is empty.
        SelfspecError: the prompt is a plug-in's and fails.
    """
    system = "\n\n".join(message.text for message in messages if message.role in ("system", "developer"))
    turns = [message for message in messages if message.role in ("user", "assistant")]
    for place, turn in enumerate(turns):
        wanted = "assistant" if place % 2 else "user"
        if turn.role != wanted:
            message = f"user and assistant must take turns: turn {place + 1} is '{turn.role}', not '{wanted}'"
            raise RequestError(400, message, "messages")
        if not turn.text and wanted == "user":
            raise RequestError(400, "a user's message is empty", "messages")
    if len(turns) % 2 == 0:
        raise RequestError(400, "the last message must be the user's: it is what is answered", "messages")
    solved = [_Turn(ask.text, said.text) for ask, said in zip(turns[0:-1:2], turns[1::2], strict=True)]
    prompt = model.question(turns[-1].text, "", solved)
    return f"{system}\n\n{prompt}" if system else prompt
