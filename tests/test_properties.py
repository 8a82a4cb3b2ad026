"""Properties: whatever an endpoint answers gives a Generation or an error of the tree; whatever is asked arrives as asked."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import socketserver
import threading
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nanobanana import (
    ASPECT_RATIOS,
    IMAGE_SIZES,
    MODELS,
    AsyncNanoBanana,
    Generation,
    ImageRequest,
    NanoBanana,
    NanoBananaError,
    RemoteImage,
)
from nanobanana._formats import format_of
from nanobanana.vocabulary import NATIVE_MODELS
from nanobanana_sandbox import contract
from nanobanana_sandbox.endpoint import order_of
from nanobanana_sandbox.order import Order

from .conftest import KEY

EXAMPLES = int(os.environ.get("NANOBANANA_EXAMPLES", "400"))
_settings = settings(
    max_examples=EXAMPLES, deadline=None, derandomize="CI" in os.environ, database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)  # fmt: skip

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n rest").decode()
numbers = st.integers() | st.floats(allow_nan=False)
scalars = (
    st.none()
    | st.booleans()
    | numbers
    | st.text(max_size=20)
    | st.sampled_from([PNG, "https://x/y.png", "data:image/png;base64," + PNG])
)
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


ODD = [
    {"candidates": [{"content": {"parts": [{"text": "data:image/png;base64," + PNG}]}}]},
    {
        "candidates": [
            {"content": {"parts": [{"inline_data": {"mime_type": "image/png", "data": PNG}, "thought": True}]}}
        ]
    },
    {"candidates": [{"content": {"parts": [{"fileData": {"fileUri": "https://x/y.png"}}, {"text": "words"}]}}]},
    {
        "choices": [
            {"message": {"content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64, " + PNG}}]}}
        ]
    },
    {
        "choices": [{"message": {"content": "words", "images": [{"image_url": {"url": "https://x/y.png"}}]}}],
        "usage": None,
    },
]
GOOD = ODD + [
    contract.example(name) for name in contract.document()["components"]["examples"] if name.endswith("Answer")
]
spoilt = st.one_of(
    anything, st.sampled_from(["***", PNG[:-1], "", [], {}, None, "https://x/y.png", "data:image/png;base64,*"])
)


def _paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to each place in a JSON value."""
    keys = list(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []
    return [path, *(deeper for key in keys for deeper in _paths(value[key], (*path, key)))]


@st.composite
def answers(draw: st.DrawFn) -> Any:
    """An answer of the contract or an odd one, with up to three places changed, dropped or doubled."""
    value: Any = {"": json.loads(json.dumps(draw(st.sampled_from(GOOD))))}
    for _ in range(draw(st.integers(0, 3))):
        path = draw(st.sampled_from([path for path in _paths(value) if path]))
        holder = value
        for key in path[:-1]:
            holder = holder[key]
        match draw(st.sampled_from(["change", "change", "drop", "double"])):
            case "drop" if len(path) > 1:
                del holder[path[-1]]
            case "double" if isinstance(holder, list):
                holder.append(holder[path[-1]])
            case _:
                holder[path[-1]] = draw(spoilt)
    return value[""]


Play = Callable[[bytes, str], list[Any]]


class _Answering(socketserver.BaseRequestHandler):
    """Answers a request with the body of the moment."""

    def handle(self) -> None:
        data = b""
        while not data.endswith(b"}"):  # of the request's JSON
            data += self.request.recv(65536)
        body = self.server.body  # type: ignore[attr-defined]
        self.request.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))


@pytest.fixture
def play() -> Iterator[Play]:
    """Plays a body, as the answer to a sync and an async call; returns what they gave or raised."""
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Answering)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    url = f"http://127.0.0.1:{server.server_address[1]}"
    client, asynchronous = NanoBanana(KEY, base_url=url), AsyncNanoBanana(KEY, base_url=url)
    loop = asyncio.new_event_loop()

    def both(content: bytes, model: Any) -> list[Any]:
        server.body = content  # type: ignore[attr-defined]
        outcomes: list[Any] = []
        try:
            outcomes.append(client.generate("Draw a cat", model=model))
        except NanoBananaError as error:
            outcomes.append(error)
        try:
            outcomes.append(loop.run_until_complete(asynchronous.generate("Draw a cat", model=model)))
        except NanoBananaError as error:
            outcomes.append(error)
        return outcomes

    yield both
    client.close()
    loop.run_until_complete(asynchronous.aclose())
    loop.close()
    server.shutdown()
    server.server_close()
    thread.join(5)


def _is_sound(outcomes: list[Any]) -> None:
    first, second = outcomes
    assert type(first) is type(second)
    for outcome in outcomes:
        if isinstance(outcome, Generation):
            assert outcome.images
            assert all(isinstance(image, RemoteImage) or image.data for image in (*outcome.images, *outcome.drafts))
            assert isinstance(outcome.text, str)
            assert isinstance(outcome.metadata, dict)
            json.dumps(outcome.metadata)
            assert repr(outcome)
            assert outcome._repr_html_() is not None
        else:
            assert outcome.billed in ("unknown", "probably")
            assert str(outcome)


@_settings
@given(value=anything)
def test_any_json_gives_a_generation_or_an_error_of_the_tree(play: Play, value: Any) -> None:
    """Any JSON value at all, as an answer in either format, ends in a Generation or a NanoBananaError."""
    for model in ("nanobanana", "nanobanana_2"):
        _is_sound(play(json.dumps(value).encode(), model))


@_settings
@given(value=answers(), model=st.sampled_from(["nanobanana", "nanobanana_2"]))
def test_any_nearly_good_answer_gives_a_generation_or_an_error_of_the_tree(play: Play, value: Any, model: str) -> None:
    """Answers that are nearly good, wrong in any place, end in a Generation or a NanoBananaError."""
    _is_sound(play(json.dumps(value).encode(), model))


@_settings
@given(
    body=st.binary(max_size=300)
    | st.text(max_size=100).map(str.encode)
    | answers().map(lambda v: json.dumps(v).encode()[:-3])
)
def test_any_bytes_give_an_error_of_the_tree(play: Play, body: bytes) -> None:
    """Any bytes as a body, valid JSON or not, end in a Generation or a NanoBananaError."""
    _is_sound(play(body, "nanobanana"))


def test_good_answers_are_among_those_tried(play: Play) -> None:
    """The answers above do hold pictures as well, in both formats, and not only nonsense."""
    for model in ("nanobanana", "nanobanana_2"):
        outcomes = [play(json.dumps(value).encode(), model)[0] for value in GOOD]
        assert sum(isinstance(outcome, Generation) for outcome in outcomes) >= 3


def _pictures() -> list[bytes]:
    from io import BytesIO

    from PIL import Image

    made = []
    for image_format, colour in (("PNG", "red"), ("JPEG", "blue"), ("WEBP", "green")):
        buffer = BytesIO()
        Image.new("RGB", (3, 2), colour).save(buffer, image_format)
        made.append(buffer.getvalue())
    return made


prompts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=80).filter(
    lambda text: bool(text.strip())
)


@_settings
@given(
    prompt=prompts, model=st.sampled_from(MODELS), ratio=st.sampled_from(ASPECT_RATIOS), size=st.sampled_from(IMAGE_SIZES),
    wire=st.sampled_from(["native", "chat"]), thoughts=st.booleans(), references=st.lists(st.sampled_from(_pictures()), max_size=5),
)  # fmt: skip
def test_any_request_arrives_as_it_was_made(
    prompt: str, model: Any, ratio: Any, size: Any, wire: Any, thoughts: bool, references: list[bytes]
) -> None:
    """Any request, written by the facade, passes the contract and is read by the sandbox as it was meant."""
    if model not in NATIVE_MODELS:
        wire = "chat"
    thoughts = thoughts and wire == "native"
    request = ImageRequest(
        prompt,
        model=model,
        aspect_ratio=ratio,
        image_size=size,
        wire=wire,
        include_thoughts=thoughts,
        references=references,
    )
    arguments = format_of(wire).arguments(request)
    body = json.dumps(arguments["body"].to_dict()).encode()
    path = f"/v1beta/models/{model}:generateContent" if wire == "native" else "/v1/chat/completions"
    operation, parameters = contract.find("POST", path)
    order, ignored = order_of(operation, parameters.get("model", ""), body, {"content-type": "application/json"})
    assert order == Order(model, prompt, ratio, size, thoughts, references)
    assert ignored == []


@settings(_settings, max_examples=30)
@given(prompt=prompts, model=st.sampled_from(MODELS))
def test_any_prompt_survives_the_wire(nanobanana_sandbox: str, prompt: str, model: Any) -> None:
    """Any prompt goes through a real socket and comes back as a picture, and arrives letter by letter."""
    with NanoBanana(KEY, base_url=nanobanana_sandbox) as client:
        generation = client.generate(prompt, model=model)
    log = httpx.get(f"{nanobanana_sandbox}/sandbox/requests").json()
    (entry,) = [entry for entry in log if entry["request_id"] == generation.request_id]
    assert entry["prompt"] == prompt
