"""The endpoint, asked by OpenAI's own client."""

import json
import socket
import threading
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import openai
import pytest

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.method.decoding import greedy
from selfspec_assets.method.prompts import alpaca_prompt, cue_prompt
from selfspec_assets.reports.serving import server as serving
from selfspec_assets.reports.serving.engine import Engine
from selfspec_assets.reports.serving.served import Served
from selfspec_assets.reports.serving.server import Server
from selfspec_assets.reports.serving.wire import MAX_BYTES

QUESTION = "Which hormone lowers blood sugar?"
ASKED: list[Any] = [{"role": "user", "content": QUESTION}]


def evaluated(served: Served, name: str, prompt: str, length: int = 24) -> str:
    """What the steps of a run would write."""
    (model,) = (model for model in served.models if model.name == name)
    rules = model.rules
    made = greedy(served.lm, [prompt], max_new_tokens=length, stop=rules, adapter=model.adapter, batch_size=1)
    return made[0].text


def test_the_models_are_base_and_adapters(client: openai.OpenAI) -> None:
    names = [model.id for model in client.models.list()]
    assert names == ["base", "biomedicine-1", "sports-1", "sports-2"]
    assert client.models.retrieve("sports-2").id == "sports-2"


def test_each_answers_as_evaluation_has_it_answer(client: openai.OpenAI, served: Served) -> None:
    answers = {}
    for name, prompt in (("base", cue_prompt), ("sports-1", alpaca_prompt), ("sports-2", alpaca_prompt)):
        reply = client.chat.completions.create(model=name, messages=ASKED)
        answers[name] = reply.choices[0].message.content
        assert answers[name] == evaluated(served, name, prompt(QUESTION, ""))
        assert reply.model == name
        assert reply.usage is not None
        assert reply.usage.total_tokens == reply.usage.prompt_tokens + reply.usage.completion_tokens
        assert reply.usage.completion_tokens <= 24
    assert len(set(answers.values())) == 3


def test_a_completion_goes_on_with_the_text_as_it_is(client: openai.OpenAI, served: Served) -> None:
    prompt = "The heart pumps"
    reply = client.completions.create(model="sports-2", prompt=f"{prompt} \n", max_tokens=12)
    assert reply.choices[0].text == evaluated(served, "sports-2", prompt, 12)
    assert client.completions.create(model="sports-2", prompt=[prompt], max_tokens=12).choices[0].text == (
        reply.choices[0].text
    )


@pytest.mark.parametrize("name", ["base", "sports-2"])
@pytest.mark.parametrize("drawn", [{}, {"temperature": 1.0, "top_p": 0.9, "seed": 5}])
def test_a_stream_is_the_whole_in_pieces(client: openai.OpenAI, name: str, drawn: dict[str, Any]) -> None:
    whole = client.chat.completions.create(model=name, messages=ASKED, max_tokens=16, **drawn)
    pieces = list(
        client.chat.completions.create(
            model=name, messages=ASKED, max_tokens=16, stream=True, stream_options={"include_usage": True}, **drawn
        )
    )
    text = "".join(piece.choices[0].delta.content or "" for piece in pieces if piece.choices)
    assert text == whole.choices[0].message.content
    assert pieces[0].choices[0].delta.role == "assistant"
    assert [piece.choices[0].finish_reason for piece in pieces if piece.choices][-1] == whole.choices[0].finish_reason
    assert pieces[-1].usage == whole.usage
    assert len({piece.id for piece in pieces}) == 1

    text = "".join(
        piece.choices[0].text
        for piece in client.completions.create(model=name, prompt=QUESTION, max_tokens=16, stream=True, **drawn)
    )
    completion = client.completions.create(model=name, prompt=QUESTION, max_tokens=16, **drawn)
    assert text == completion.choices[0].text


def test_a_stream_comes_in_more_than_one_piece(client: openai.OpenAI) -> None:
    told = [
        piece.choices[0].text
        for piece in client.completions.create(
            model="base", prompt="The heart", max_tokens=24, stream=True, temperature=1.5, seed=1
        )
    ]
    assert len([piece for piece in told if piece]) > 5


def test_drawing_needs_a_temperature_and_keeps_to_its_seed(client: openai.OpenAI) -> None:
    def drawn(**more: Any) -> str:
        reply = client.completions.create(model="base", prompt="The heart", max_tokens=8, **more)
        return reply.choices[0].text

    assert drawn(seed=1) == drawn(seed=2) == drawn()
    assert drawn(temperature=1.5, seed=1) == drawn(temperature=1.5, seed=1)
    assert len({drawn(temperature=1.5, seed=seed) for seed in range(4)}) > 1
    assert len({drawn(temperature=1.5) for _ in range(4)}) > 1
    assert drawn(temperature=1.5, top_p=0.000001, seed=1) == drawn()


def test_stop_texts_and_limits_end_it(client: openai.OpenAI) -> None:
    whole = client.completions.create(model="base", prompt="The heart", max_tokens=30)
    text = whole.choices[0].text
    middle = text[len(text) // 2 :][:2]
    for stop in (middle, ["never there", middle]):
        stopped = client.completions.create(model="base", prompt="The heart", max_tokens=30, stop=stop)
        assert stopped.choices[0].text == text[: text.index(middle)].strip()
        assert stopped.choices[0].finish_reason == "stop"
    short = client.completions.create(model="base", prompt="The heart", max_tokens=2, temperature=1.5, seed=1)
    assert short.choices[0].finish_reason == "length"
    assert short.usage is not None
    assert short.usage.completion_tokens == 2


def test_turns_before_the_last_stand_as_demonstrations(client: openai.OpenAI, served: Served) -> None:
    class Shown:
        instruction, input, output = "Which organ makes insulin?", "", "The pancreas"

    talk: list[Any] = [
        {"role": "system", "content": "You are a doctor."},
        {"role": "user", "content": [{"type": "text", "text": Shown.instruction}]},
        {"role": "assistant", "content": Shown.output},
        *ASKED,
    ]
    reply = client.chat.completions.create(model="biomedicine-1", messages=talk)
    prompt = f"You are a doctor.\n\n{alpaca_prompt(QUESTION, '', [Shown()])}"
    assert reply.choices[0].message.content == evaluated(served, "biomedicine-1", prompt)


def test_twenty_clients_at_once_are_all_answered(client: openai.OpenAI, served: Served) -> None:
    """Each gets what it would have got alone, whatever shared its batch."""
    names = [model.name for model in served.models]
    alone = {
        (name, asked): client.chat.completions.create(
            model=name, messages=[{"role": "user", "content": asked}], max_tokens=8
        )
        for name in names
        for asked in (QUESTION, "Name a team sport.")
    }
    together = threading.Barrier(20)

    def ask(number: int) -> bool:
        key = names[number % len(names)], (QUESTION, "Name a team sport.")[number // len(names) % 2]
        together.wait()
        reply = client.chat.completions.create(
            model=key[0], messages=[{"role": "user", "content": key[1]}], max_tokens=8
        )
        return reply.choices[0].message.content == alone[key].choices[0].message.content

    with ThreadPoolExecutor(20) as pool:
        assert list(pool.map(ask, range(20))) == [True] * 20


def test_a_prompt_too_long_is_told_in_words(client: openai.OpenAI, served: Served) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(model="sports-1", messages=[{"role": "user", "content": "goal " * 3000}])
    assert refused.value.code == "context_length_exceeded"
    assert f"context is {served.lm.context_length} tokens" in refused.value.message
    assert "shorten the prompt" in refused.value.message.lower()
    with pytest.raises(openai.BadRequestError, match="lower max_tokens"):
        client.completions.create(model="base", prompt="A", max_tokens=100_000)


def test_an_unknown_model_is_told_the_names_that_there_are(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as refused:
        client.completions.create(model="sports-3", prompt="A")
    assert refused.value.code == "model_not_found"
    assert "did you mean 'sports-" in refused.value.message
    assert "base, biomedicine-1, sports-1, sports-2" in refused.value.message


def post(address: str, body: bytes, path: str = "/completions", **headers: str) -> tuple[int, dict[str, Any]]:
    request = urllib.request.Request(
        f"{address}{path}",
        body,
        {"content-type": "application/json", **{k.replace("_", "-"): v for k, v in headers.items()}},
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        text = error.read()
        return error.code, json.loads(text) if text.startswith(b"{") else {"text": text.decode()}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"model": "base"', "not valid JSON"),
        (b"[" * 100_000, "not valid JSON"),
        (b"[]", "JSON object"),
        (b"{}", "'model': is missing"),
        (b'{"model": "base"}', "'prompt': is missing"),
        (b'{"model": "base", "prompt": " "}', "the prompt is empty"),
        (b'{"model": "base", "prompt": [1, 2]}', "'prompt'"),
        (b'{"model": "base", "prompt": "A", "temperature": 3}', "'temperature'"),
        (b'{"model": "base", "prompt": "A", "temperature": NaN}', "'temperature'"),
        (b'{"model": "base", "prompt": "A", "top_p": 0}', "'top_p'"),
        (b'{"model": "base", "prompt": "A", "max_tokens": 0}', "'max_tokens'"),
        (b'{"model": "base", "prompt": "A", "max_tokens": "9"}', "'max_tokens'"),
        (b'{"model": "base", "prompt": "A", "stop": ["a", ""]}', "'stop.1'"),
        (b'{"model": "base", "prompt": "A", "n": 2}', "'n' is not supported here: leave it out, or set it to 1"),
        (b'{"model": "base", "prompt": "A", "logprobs": 5}', "'logprobs' is not supported"),
        (b'{"model": "base", "prompt": "A", "temprature": 1}', "did you mean 'temperature'?"),
    ],
)
def test_bad_requests_are_400_with_words(server: tuple[Server, str], body: bytes, said: str) -> None:
    status, value = post(server[1], body)
    assert status == 400
    assert said in value["error"]["message"]
    assert value["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    ("messages", "said"),
    [
        ([], "'messages'"),
        ([{"role": "robot", "content": "A"}], "'messages.0.role'"),
        ([{"role": "user", "content": " "}], "empty"),
        ([{"role": "assistant", "content": "A"}], "take turns"),
        ([{"role": "user", "content": "A"}, {"role": "user", "content": "B"}], "take turns"),
        ([{"role": "user", "content": "A"}, {"role": "assistant", "content": "B"}], "must be the user's"),
        ([{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}], "'messages.0.content"),
    ],
)
def test_bad_conversations_are_400_with_words(server: tuple[Server, str], messages: list[Any], said: str) -> None:
    status, value = post(server[1], json.dumps({"model": "base", "messages": messages}).encode(), "/chat/completions")
    assert status == 400
    assert said in value["error"]["message"]


def test_what_changes_nothing_is_taken(server: tuple[Server, str]) -> None:
    body = {"model": "base", "prompt": "A", "max_tokens": 2, "n": 1, "user": "x", "logit_bias": None, "echo": False}
    assert post(server[1], json.dumps(body).encode())[0] == 200


def test_pages_of_other_sites_are_kept_out(server: tuple[Server, str]) -> None:
    body = b'{"model": "base", "prompt": "A", "max_tokens": 1}'
    assert post(server[1], body, content_type="text/plain")[0] == 415
    assert post(server[1], body, host="evil.example")[0] == 400
    assert post(server[1], body, host="localhost:1")[0] == 200


def test_other_paths_and_long_bodies_are_refused_in_the_same_form(server: tuple[Server, str]) -> None:
    status, value = post(server[1], b"{}", "/embeddings")
    assert status == 404
    assert "/v1/chat/completions" in value["error"]["message"]
    status, value = post(server[1], b'"' + b"a" * MAX_BYTES + b'"')
    assert status == 413


@pytest.mark.parametrize("stream", [True, False])
def test_a_client_that_goes_ends_its_text(server: tuple[Server, str], served: Served, stream: bool) -> None:
    """The model is free long before so many tokens could be written."""
    host, port = server[1].removeprefix("http://").removesuffix("/v1").split(":")
    length = served.lm.context_length - 40
    body = json.dumps(
        {"model": "base", "prompt": "A", "max_tokens": length, "stream": stream, "temperature": 2.0, "seed": 3}
    )
    seen: list[int] = []
    tell_of = Engine._write

    def watched(engine: Engine, batch: Any) -> None:
        wanted = batch[0].stream.is_wanted
        batch[0].stream.is_wanted = lambda: bool(seen.append(1) or wanted())  # type: ignore[func-returns-value]
        tell_of(engine, batch)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Engine, "_write", watched)
        with socket.create_connection((host, int(port))) as going:
            head = f"POST /v1/completions HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\n"
            going.sendall(f"{head}content-length: {len(body)}\r\n\r\n{body}".encode())
            while len(seen) < 3:
                time.sleep(0.005)
        with openai.OpenAI(base_url=server[1], api_key="none", max_retries=0) as other:
            other.completions.create(model="sports-1", prompt="A", max_tokens=1)
    assert len(seen) < length - 50


def test_a_failure_of_one_is_told_to_it_alone(
    client: openai.OpenAI, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = served.lm.check_logits

    def damaged(logits: Any, adapters: Any) -> None:
        if "sports-1" in adapters:
            raise SelfspecError("weights", "the logits under adapter 'sports-1' are not finite", "make it again")
        check(logits, adapters)

    monkeypatch.setattr(served.lm, "check_logits", damaged)

    def ask(name: str) -> str | None:
        try:
            return client.chat.completions.create(model=name, messages=ASKED).choices[0].message.content
        except openai.InternalServerError as error:
            return error.message

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(ask, ["base", "sports-1", "sports-2", "sports-1"]))
    monkeypatch.undo()
    assert "not finite" in str(answers[1])
    assert "not finite" in str(answers[3])
    assert answers[0] == client.chat.completions.create(model="base", messages=ASKED).choices[0].message.content
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(served.lm, "check_logits", damaged)
        with pytest.raises(openai.APIError, match="not finite"):
            list(client.chat.completions.create(model="sports-1", messages=ASKED, stream=True))


def test_a_taken_port_and_no_address_are_told(server: tuple[Server, str]) -> None:
    port = int(server[1].removesuffix("/v1").rpartition(":")[2])
    with pytest.raises(SelfspecError, match="--port"):
        serving.bind("127.0.0.1", port)
    with pytest.raises(SelfspecError, match="--host"):
        serving.bind("no-such-host.invalid", 0)
    assert serving.is_loopback("127.0.0.1")
    assert serving.is_loopback("::1")
    assert not serving.is_loopback("0.0.0.0")


def test_an_engine_that_ends_refuses_what_waits(served: Served) -> None:
    from selfspec_assets.reports.serving.served import Sampling

    engine, done = Engine(served.lm), list[Any]()
    engine.end()
    engine.join(10)
    engine.submit(served.stream(served.models[0], "A", Sampling(4)), done.append)
    late = Engine(served.lm)
    stream = served.stream(served.models[0], "The heart", Sampling(900, temperature=2.0))
    begun = threading.Event()
    stream.tell = lambda piece: begun.set()
    late.submit(stream, done.append)
    assert begun.wait(30)
    late.submit(served.stream(served.models[0], "A", Sampling(4)), done.append)
    late.end()
    late.join(10)
    assert [type(one).__name__ for one in done] == ["Stopped", "Stopped"]
