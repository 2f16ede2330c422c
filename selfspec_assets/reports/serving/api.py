"""The endpoint: ``/v1/models``, ``/v1/completions``, ``/v1/chat/completions``, in OpenAI's form."""

import asyncio
import json
import secrets
import time
from collections.abc import AsyncIterator
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from selfspec_assets.base.errors import SelfspecError, did_you_mean
from selfspec_assets.method.decoding import Generation
from selfspec_assets.method.decoding.stream import TextStream
from selfspec_assets.reports.serving.chat import chat_prompt
from selfspec_assets.reports.serving.engine import Engine, Stopped
from selfspec_assets.reports.serving.served import Sampling, Served, ServedModel
from selfspec_assets.reports.serving.wire import (
    MAX_BYTES,
    ChatRequest,
    CompletionRequest,
    Reply,
    RequestError,
    TextRequest,
    read_request,
)

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


class _Pending:
    """One text between the decoding thread and the event loop."""

    def __init__(self, engine: Engine, stream: TextStream) -> None:
        self._loop, self._events = asyncio.get_running_loop(), asyncio.Queue[str | Generation | Exception]()
        self._wanted = True
        self._stream = stream
        stream.tell = self._put
        stream.is_wanted = lambda: self._wanted
        engine.submit(stream, self._put)

    def _put(self, event: "str | Generation | Exception") -> None:
        try:
            self._loop.call_soon_threadsafe(self._events.put_nowait, event)
        except RuntimeError:  # the loop has ended
            self._wanted = False

    def leave(self) -> None:
        """Nobody waits for it any more."""
        self._wanted = False

    async def next(self) -> str | Generation:
        """The next piece, and at the end what was written.

        Raises:
            RequestError: what went wrong.
        """
        event = await self._events.get()
        if isinstance(event, Stopped):
            raise RequestError(503, event.reason) from event
        if isinstance(event, Exception):
            reason = f"{event.reason} ({event.remedy})" if isinstance(event, SelfspecError) else repr(event)
            raise RequestError(500, reason) from event
        return event

    async def whole(self) -> tuple[str, Generation]:
        """All pieces as one text: what a stream of them would have told."""
        while isinstance(event := await self.next(), str):
            pass
        return self._stream.told, event


class Api:
    """Answers requests; the work is the engine's."""

    def __init__(self, served: Served, engine: Engine) -> None:
        self._served, self._engine = served, engine
        self._models = {model.name: model for model in served.models}
        self._since = int(time.time())

    def app(self, hosts: tuple[str, ...]) -> Starlette:
        """The application. ``hosts`` are the names that it may be asked by: a page in a browser that has given its own
        name the address of this machine is refused."""
        return Starlette(
            routes=[
                Route("/v1/models", self.models),
                Route("/v1/models/{name}", self.model),
                Route("/v1/completions", self.completions, methods=["POST"]),
                Route("/v1/chat/completions", self.chat, methods=["POST"]),
            ],
            middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=list(hosts), www_redirect=False)],
            exception_handlers={RequestError: _refused, HTTPException: _not_there, ClientDisconnect: _gone},
        )

    async def models(self, request: Request) -> Response:
        return JSONResponse({"object": "list", "data": [self._listed(model) for model in self._served.models]})

    async def model(self, request: Request) -> Response:
        return JSONResponse(self._listed(self._known(request.path_params["name"])))

    async def completions(self, request: Request) -> Response:
        asked = read_request(CompletionRequest, await _body(request))
        prompt = asked.prompt if isinstance(asked.prompt, str) else asked.prompt[0]
        if not prompt.strip():
            raise RequestError(400, "the prompt is empty", "prompt")
        return await self._answer(request, asked, self._known(asked.model), prompt.rstrip(), "prompt")

    async def chat(self, request: Request) -> Response:
        asked = read_request(ChatRequest, await _body(request))
        model = self._known(asked.model)
        try:
            prompt = chat_prompt(model, asked.messages)
        except SelfspecError as error:
            raise RequestError(500, f"{error.place}: {error.reason}") from error
        return await self._answer(request, asked, model, prompt, "messages")

    def _listed(self, model: ServedModel) -> dict[str, Any]:
        return {"id": model.name, "object": "model", "created": self._since, "owned_by": "selfspec"}

    def _known(self, name: str) -> ServedModel:
        if name not in self._models:
            guess = did_you_mean(name, self._models)
            message = f"there is no model '{name:.100}'. {guess}There are: {', '.join(self._models)}"
            raise RequestError(404, message, "model", "model_not_found")
        return self._models[name]

    async def _answer(
        self, request: Request, asked: TextRequest, model: ServedModel, prompt: str, param: str
    ) -> Response:
        pending = _Pending(self._engine, self._stream(asked, model, prompt, param))
        reply = Reply.begin(model.name, isinstance(asked, ChatRequest))
        if asked.stream:
            return StreamingResponse(_events(pending, reply, asked.wants_usage), media_type="text/event-stream")
        leaving = asyncio.create_task(_left(request))
        writing = asyncio.create_task(pending.whole())
        try:
            await asyncio.wait({leaving, writing}, return_when=asyncio.FIRST_COMPLETED)
            if not writing.done():
                raise ClientDisconnect
            text, written = writing.result()
        finally:
            pending.leave()
            leaving.cancel()
            writing.cancel()
        return JSONResponse(reply.whole(text, written))

    def _stream(self, asked: TextRequest, model: ServedModel, prompt: str, param: str) -> TextStream:
        sampling = Sampling(
            self._served.max_new_tokens if asked.length is None else asked.length,
            asked.temperature or 0.0,
            1.0 if asked.top_p is None else asked.top_p,
            secrets.randbits(63) if asked.seed is None else asked.seed,
            asked.stop_texts,
        )
        try:
            stream = self._served.stream(model, prompt, sampling)
        except SelfspecError as error:
            raise RequestError(500, f"{error.place}: {error.reason}") from error
        context, length = self._served.lm.context_length, len(stream.prompt_ids)
        if length + sampling.max_new_tokens > context:
            message = (
                f"this model's context is {context} tokens; the prompt has {length} and max_tokens is "
                f"{sampling.max_new_tokens}. Shorten the prompt, or lower max_tokens"
            )
            raise RequestError(400, message, param, "context_length_exceeded")
        return stream


async def _events(pending: _Pending, reply: Reply, wants_usage: bool) -> AsyncIterator[str]:
    """Server-sent events; a client that goes ends the text."""
    try:
        if reply.is_chat:
            yield _event(reply.opening())
        while isinstance(event := await pending.next(), str):
            yield _event(reply.piece(event))
        yield _event(reply.ending(event))
        if wants_usage:
            yield _event(reply.counted(event))
        yield "data: [DONE]\n\n"
    except RequestError as error:  # the status is sent already
        yield _event(error.body)
    finally:
        pending.leave()


def _event(value: dict[str, Any]) -> str:
    return f"data: {json.dumps(value)}\n\n"


async def _body(request: Request) -> bytes:
    """Raises:
    RequestError: 415 where it is not sent as JSON, which a page of another site could do unasked; 413: too long.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise RequestError(415, f"content-type must be application/json, not '{kind:.100}'")
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MAX_BYTES:
            raise RequestError(413, f"the body has more than {MAX_BYTES} bytes")
    return bytes(body)


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestError)
    return JSONResponse(error.body, error.status)


async def _not_there(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    message = f"{error.detail}: {request.method} {request.url.path}; there are GET /v1/models and POST /v1/completions"
    return JSONResponse(RequestError(error.status_code, f"{message}, /v1/chat/completions").body, error.status_code)


async def _gone(request: Request, error: Exception) -> Response:
    return Response(status_code=499)  # nobody reads it
