"""What OpenAI's protocol says: requests read strictly, answers and errors in its form."""

import json
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from selfspec_assets.base.errors import did_you_mean
from selfspec_assets.method.decoding import Generation

MAX_BYTES = 4 * 2**20  # of a request

# What changes nothing in an answer here; taken and left alone.
_IGNORED = frozenset({"user", "metadata", "store", "service_tier", "safety_identifier", "prompt_cache_key"})
# What cannot be done, with the values that ask for nothing.
_NEUTRAL: Mapping[str, tuple[Any, ...]] = {
    **dict.fromkeys(("n", "best_of"), (1,)),
    **dict.fromkeys(("frequency_penalty", "presence_penalty"), (0,)),
    **dict.fromkeys(("logprobs", "echo", "parallel_tool_calls"), (False,)),
    **dict.fromkeys(("tools", "functions"), ([],)),
    **dict.fromkeys(("tool_choice", "function_call"), ("none",)),
    "logit_bias": ({},),
    "suffix": ("",),
    "modalities": (["text"],),
    "response_format": ({"type": "text"},),
    **dict.fromkeys(("top_logprobs", "audio", "prediction", "reasoning_effort", "verbosity", "web_search_options"), ()),
}


class RequestError(Exception):
    """What is wrong with a request, in OpenAI's form.

    Args:
        status: of HTTP.
        param: the key at fault.
        code: OpenAI's word for it, where there is one.
    """

    def __init__(self, status: int, message: str, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.param, self.code = status, message, param, code

    @property
    def body(self) -> dict[str, Any]:
        kind = "invalid_request_error" if self.status < 500 else "server_error"
        return {"error": {"message": self.message, "type": kind, "param": self.param, "code": self.code}}


class _Read(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class StreamOptions(_Read):
    include_usage: bool | None = None
    include_obfuscation: bool | None = None  # against listeners on a network: here there is none to hide from


_StopText = Annotated[str, Field(min_length=1)]


class TextRequest(_Read):
    """What both kinds of request have. Where nothing is said the likeliest token is taken, as evaluation does."""

    model: str
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    stop: _StopText | Annotated[list[_StopText], Field(max_length=4)] | None = None
    seed: int | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None

    @property
    def length(self) -> int | None:
        """How many new tokens are asked for."""
        return self.max_tokens

    @property
    def stop_texts(self) -> tuple[str, ...]:
        return (self.stop,) if isinstance(self.stop, str) else tuple(self.stop or ())

    @property
    def wants_usage(self) -> bool:
        """Whether a stream ends with a piece that counts its tokens."""
        return bool(self.stream_options and self.stream_options.include_usage)


class CompletionRequest(TextRequest):
    """``POST /v1/completions``: a text to go on with, as it is."""

    prompt: str | Annotated[list[str], Field(min_length=1, max_length=1)]


class TextPart(_Read):
    type: Literal["text"]
    text: str


class Message(_Read):
    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[TextPart]
    name: str | None = None

    @property
    def text(self) -> str:
        if isinstance(self.content, str):
            return self.content.strip()
        return "\n".join(part.text for part in self.content).strip()


class ChatRequest(TextRequest):
    """``POST /v1/chat/completions``: a conversation, of which the last message is answered."""

    messages: Annotated[list[Message], Field(min_length=1)]
    max_completion_tokens: Annotated[int, Field(ge=1)] | None = None

    @property
    def length(self) -> int | None:
        return self.max_completion_tokens or self.max_tokens


_NAMES = {
    name for kind in (CompletionRequest, ChatRequest, Message, TextPart, StreamOptions) for name in kind.model_fields
}
R = TypeVar("R", bound=TextRequest)


def read_request(kind: type[R], body: bytes) -> R:
    """A request from its body.

    Raises:
        RequestError: 400: no JSON, a key that is unknown, missing or of a wrong value, or one that asks for what
            cannot be done here. None is passed over in silence, apart from those that change no answer.
    """
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise RequestError(400, f"the body is not valid JSON: {error}") from error
    if not isinstance(value, dict):
        raise RequestError(400, "the body must be a JSON object")
    known = list(kind.model_fields)
    wanted: dict[str, Any] = {}
    for name, given in value.items():
        if name in _IGNORED or (name in _NEUTRAL and (given is None or _is_neutral(given, _NEUTRAL[name]))):
            continue
        if name in _NEUTRAL:
            only = " or ".join(json.dumps(one) for one in _NEUTRAL[name])
            remedy = f"leave it out{f', or set it to {only}' if only else ''}"
            raise RequestError(400, f"'{name}' is not supported here: {remedy}", name, "unsupported_parameter")
        if name not in known:
            guess = did_you_mean(name, known)
            raise RequestError(400, f"unknown key '{name}'. {guess}Known: {', '.join(known)}", name)
        wanted[name] = given
    try:
        return kind.model_validate(wanted)
    except ValidationError as error:
        first = max(error.errors(), key=lambda problem: len(_path(problem["loc"])))  # of a union the branch that fits
        place = ".".join(_path(first["loc"]))
        said = "is missing" if first["type"] == "missing" else f"{first['msg']} (found {first['input']!r:.100})"
        raise RequestError(400, f"'{place}': {said}", str(first["loc"][0])) from error


def _path(location: tuple[int | str, ...]) -> list[str]:
    """Without the names of a union's branches."""
    return [str(part) for part in location if isinstance(part, int) or part in _NAMES]


def _is_neutral(given: Any, values: tuple[Any, ...]) -> bool:
    return any(given == value and isinstance(given, bool) == isinstance(value, bool) for value in values)


@dataclass(frozen=True)
class Reply:
    """The frame of one answer: whole, or in pieces that belong together by their id."""

    model: str
    is_chat: bool
    id: str
    created: int

    @classmethod
    def begin(cls, model: str, is_chat: bool) -> "Reply":
        return cls(model, is_chat, f"{'chatcmpl' if is_chat else 'cmpl'}-{uuid.uuid4().hex}", int(time.time()))

    def whole(self, text: str, written: Generation) -> dict[str, Any]:
        said = {"message": {"role": "assistant", "content": text, "refusal": None}} if self.is_chat else {"text": text}
        frame = self._frame("chat.completion" if self.is_chat else "text_completion")
        return frame | {"choices": [_choice(said, finish_reason(written))], "usage": usage(written)}

    def opening(self) -> dict[str, Any]:
        """The first piece of a chat, which says whose turn it is."""
        return self._piece({"delta": {"role": "assistant", "content": ""}}, None)

    def piece(self, text: str) -> dict[str, Any]:
        return self._piece({"delta": {"content": text}} if self.is_chat else {"text": text}, None)

    def ending(self, written: Generation) -> dict[str, Any]:
        return self._piece({"delta": {}} if self.is_chat else {"text": ""}, finish_reason(written))

    def counted(self, written: Generation) -> dict[str, Any]:
        """The last piece where the tokens were asked for."""
        return self._frame(self._kind) | {"choices": [], "usage": usage(written)}

    @property
    def _kind(self) -> str:
        return "chat.completion.chunk" if self.is_chat else "text_completion"

    def _piece(self, said: dict[str, Any], reason: str | None) -> dict[str, Any]:
        return self._frame(self._kind) | {"choices": [_choice(said, reason)]}

    def _frame(self, kind: str) -> dict[str, Any]:
        return {"id": self.id, "object": kind, "created": self.created, "model": self.model}


def _choice(said: dict[str, Any], reason: str | None) -> dict[str, Any]:
    return {"index": 0, **said, "logprobs": None, "finish_reason": reason}


def finish_reason(written: Generation) -> str:
    """``length`` where ``max_tokens`` ended it; whatever else did is ``stop``."""
    return "length" if written.finish == "length" else "stop"


def usage(written: Generation) -> dict[str, int]:
    """Tokens of the prompt, and all that were written, those that a stop rule cut off as well."""
    total = written.prompt_tokens + written.tokens
    return {"prompt_tokens": written.prompt_tokens, "completion_tokens": written.tokens, "total_tokens": total}
