"""Conversations: turns that come back exactly as they were received."""

from __future__ import annotations

import asyncio
import base64
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from nanobanana import (
    AsyncConversation,
    AsyncNanoBanana,
    BadRequestError,
    Conversation,
    InvalidRequestError,
    NanoBanana,
    NoImageError,
    UnusableResponseError,
)
from nanobanana._formats.native import Native
from nanobanana._formats.verbatim import entries, members, with_role

from .conftest import KEY

EDITS = ["Draw a cat", "Give it a hat", "Now at night", "Add a moon", "And a second cat"]

RESUME = """
import sys
from nanobanana import Conversation, NanoBanana
with NanoBanana("sk-other-process", base_url=sys.argv[1]) as client:
    conversation = Conversation.from_json(sys.stdin.read(), client)
    generation = conversation.send("One more edit")
    print(len(conversation.turns), generation.image.mime_type)
"""


def test_five_edits_saved_and_taken_up_by_another_process(client: NanoBanana, nanobanana_sandbox: str) -> None:
    """Five edits with signatures pass the sandbox, which refuses lost ones, and another process goes on from JSON."""
    conversation = client.conversation(model="nanobanana_pro", include_thoughts=True)
    images = [conversation.send(edit).image for edit in EDITS]
    assert len({image.data for image in images}) == 5
    saved = conversation.to_json()
    assert KEY not in saved
    resumed = subprocess.run(
        [sys.executable, "-c", RESUME, nanobanana_sandbox], input=saved, capture_output=True, text=True, timeout=60
    )
    assert resumed.stdout.split() == ["12", "image/jpeg"], resumed.stderr


def test_lost_signature_is_noticed(client: NanoBanana) -> None:
    """The sandbox would refuse a conversation whose signature was lost: the test above can fail."""
    conversation = client.conversation(model="nanobanana_pro")
    conversation.send("Draw a cat")
    document = json.loads(conversation.to_json())
    del document["turns"][1]["parts"][0]["thoughtSignature"]
    with pytest.raises(BadRequestError, match="thought_signature"):
        Conversation.from_json(json.dumps(document), client).send("Give it a hat")


@pytest.mark.parametrize("model", ["nanobanana", "nanobanana_2"])
def test_other_models_converse_as_well(client: NanoBanana, model: Any, picture: Callable[..., bytes]) -> None:
    """A conversation works in both wire formats, with references in any turn."""
    conversation = client.conversation(model=model, aspect_ratio="16:9")
    first = conversation.send("Draw this", [picture()])
    second = conversation.send("Now at night")
    third = conversation.send("With this as well", references=[picture(colour="red")])
    assert len({first.image.data, second.image.data, third.image.data}) == 3
    assert len(conversation.turns) == 6


def test_async_conversation(nanobanana_sandbox: str) -> None:
    """The async client converses the same way, and goes on from JSON that the sync one saved."""

    async def converse() -> str:
        async with AsyncNanoBanana(KEY, base_url=nanobanana_sandbox) as client:
            conversation = client.conversation(model="nanobanana_pro")
            await conversation.send("Draw a cat")
            conversation = AsyncConversation.from_json(conversation.to_json(), client)
            await conversation.send("Give it a hat")
            return repr(conversation)

    assert asyncio.run(converse()) == "<AsyncConversation nanobanana_pro 2 turns>"


def test_failed_turn_leaves_the_history(client: NanoBanana) -> None:
    """A turn that fails is not remembered, and the conversation goes on."""
    conversation = client.conversation(model="nanobanana_pro")
    conversation.send("Draw a cat")
    before = conversation.to_json()
    for problem, error in (("[sandbox:no-image]", NoImageError), ("", InvalidRequestError)):
        with pytest.raises(error):
            conversation.send(problem)
        assert conversation.to_json() == before
    conversation.send("Give it a hat")


def test_an_answer_that_cannot_be_kept_as_a_turn_is_not_lost(
    client: NanoBanana, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the model's turn cannot be taken out of an answer, the whole answer is on the error, and the history as it
    was."""

    def fails(*_: object) -> bytes:
        raise RecursionError("too deep")

    conversation = client.conversation()
    with monkeypatch.context() as patch:
        patch.setattr(Native, "model_turn", fails)
        with pytest.raises(UnusableResponseError, match="cannot be kept as a turn: too deep") as caught:
            conversation.send("Draw a cat")
    assert b"iVBORw0KGgo" in caught.value.content
    assert caught.value.billed == "probably"
    assert conversation.turns == ()
    conversation.send("Draw a cat")
    assert len(conversation.turns) == 2


def test_undo(client: NanoBanana) -> None:
    """undo forgets the last prompt and its picture."""
    conversation = client.conversation()
    conversation.send("Draw a cat")
    before = conversation.turns
    conversation.send("Give it a hat")
    conversation.undo()
    assert conversation.turns == before
    conversation.undo()
    with pytest.raises(InvalidRequestError, match="no turn to undo"):
        conversation.undo()


def test_ratio_is_settled_by_the_first_turn(client: NanoBanana, picture: Callable[..., bytes]) -> None:
    """Later turns keep the shape that the first reference gave, whatever theirs is."""
    conversation = client.conversation()
    assert conversation.send("Draw", [picture(size=(160, 90))]).image.width == 1376
    assert conversation.send("Draw", [picture(size=(90, 160))]).image.width == 1376


def test_a_turn_is_alone_from_its_references_on(client: NanoBanana, picture: Callable[..., bytes]) -> None:
    """While a thread still reads the references of a turn, another turn, or undo, is refused."""
    conversation = client.conversation()
    conversation.send("Draw a cat")
    refused = []

    def references() -> Iterator[bytes]:
        for change in (lambda: conversation.send("Meanwhile"), conversation.undo):
            with pytest.raises(InvalidRequestError, match="under way") as caught:
                change()
            refused.append(caught.value)
        yield picture()

    conversation.send("Draw this", references())
    assert len(refused) == 2
    assert len(conversation.turns) == 4


def test_overlapping_turns_are_refused(nanobanana_sandbox: str) -> None:
    """A second turn while one is under way is refused, instead of mixing up the history."""

    async def overlap() -> list[Any]:
        async with AsyncNanoBanana(KEY, base_url=nanobanana_sandbox) as client:
            conversation = client.conversation()
            return await asyncio.gather(conversation.send("A"), conversation.send("B"), return_exceptions=True)

    outcomes = asyncio.run(overlap())
    assert [type(outcome).__name__ for outcome in outcomes] == ["Generation", "InvalidRequestError"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"format": "other"}',
        '{"format": "nanobanana conversation 1", "options": {"model": "x"}, "turns": []}',
    ],
)
def test_other_json_is_refused(client: NanoBanana, text: str) -> None:
    """Text that is no saved conversation is refused."""
    with pytest.raises(InvalidRequestError):
        Conversation.from_json(text, client)


def test_bad_options_are_refused_at_once(client: NanoBanana) -> None:
    """A conversation with an unknown model is refused when it begins, not at the first turn."""
    with pytest.raises(InvalidRequestError, match="model is"):
        client.conversation(model="no such model")  # type: ignore[arg-type]


class _Upstream(BaseHTTPRequestHandler):
    """Answers every request with the same bytes, and keeps what was sent."""

    answer: bytes
    received: list[bytes]

    def do_POST(self) -> None:
        self.received.append(self.rfile.read(int(self.headers["content-length"])))
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.answer)))
        self.end_headers()
        self.wfile.write(self.answer)

    def log_message(self, *words: Any) -> None:
        pass


@pytest.mark.parametrize(
    "turn",
    [
        b'{"parts":[null,{"later":1,"inlineData":{"data":"%s","z":2,"a":1}},"x"],"new":true}',
        b'{ "parts" : [ {"inlineData":{"data":"%s"},"a":1e400, "a" : -0.0} ] ,"x":"\\ud83d","y":"\\u0041\\/"}',
        b'{"parts":[{"inlineData":{"data":"%s"},"n":123456789012345678901234567890.10}],"role":"user"}',
    ],
    ids=["odd parts", "odd numbers and letters", "another role"],
)
def test_odd_model_turns_go_back_as_they_came(turn: bytes, picture: Callable[..., bytes]) -> None:
    """A turn goes back as the very JSON that came, but for its role, whoever understands it; saved and reloaded as
    well."""
    turn = turn.replace(b"%s", base64.b64encode(picture()))
    handler = type("Upstream", (_Upstream,), {"answer": b'{"candidates":[{"content":%s}]}' % turn, "received": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            with NanoBanana(KEY, base_url=f"http://127.0.0.1:{server.server_port}") as client:
                conversation = client.conversation()
                conversation.send("Draw a cat")
                conversation.send("Give it a hat")
                Conversation.from_json(conversation.to_json(), client).send("Now at night")
        finally:
            server.shutdown()
            thread.join()
    for body, count in zip(handler.received, [0, 1, 2], strict=True):
        contents = entries(dict(members(body))["contents"])
        assert contents[1::2] == [with_role(turn, "model")] * count


@pytest.mark.parametrize(
    "turns",
    [
        [{"role": "user"}],
        [{"role": "user", "parts": []}],
        [{"role": "x", "parts": []}, {"role": "model", "parts": []}],
        [{"role": "user", "parts": 3}, {"role": "model", "parts": []}],
    ],
)
def test_turns_that_are_none_are_refused(client: NanoBanana, turns: list[Any]) -> None:
    """A saved conversation with turns that are none is refused when it is taken up, not at the next turn."""
    document = json.loads(client.conversation().to_json()) | {"turns": turns}
    with pytest.raises(InvalidRequestError, match="not a saved conversation"):
        Conversation.from_json(json.dumps(document), client)


def test_wrong_client_is_refused(client: NanoBanana) -> None:
    """An async conversation needs an async client."""
    with pytest.raises(InvalidRequestError, match="needs another client"):
        AsyncConversation.from_json(client.conversation().to_json(), client)


def test_history_cannot_be_changed_from_outside(client: NanoBanana) -> None:
    """Whoever changes what `turns` gave changes a copy."""
    conversation = client.conversation()
    conversation.send("Draw a cat")
    conversation.turns[0]["parts"].clear()
    assert conversation.turns[0]["parts"] == [{"text": "Draw a cat"}]
