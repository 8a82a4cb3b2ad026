"""What a call puts together on its way out, and reads on its way in."""

from __future__ import annotations

import json
from typing import Any

import pytest
from nanobanana._call.exchange import Answer, Exchange, merged, parsed
from nanobanana._call.key import Key
from nanobanana._call.settings import Settings, checked_base_url
from nanobanana._engine.tokens import Blobs, Lifted

KEY = Key("sk-exchange-0123456789")


def _exchange(**options: Any) -> Exchange:
    settings = Settings(
        base_url=checked_base_url("http://127.0.0.1:1", allow_insecure=False),
        timeout=10,
        connect_timeout=1,
        max_retries=0,
        retry_unknown=False,
        max_response_bytes=1000,
    )
    return Exchange(settings, KEY, **options)


@pytest.mark.parametrize(
    ("document", "extra", "wanted"),
    [
        ({"a": 1}, {}, {"a": 1}),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 3}}, {"a": {"b": 3, "c": 2}}),
        ({"a": {"b": 1}}, {"a": None}, {"a": None}),
        ({"a": [1, 2]}, {"a": [3]}, {"a": [3]}),
        ({"a": 1}, {"a": {"b": {"c": 1}}}, {"a": {"b": {"c": 1}}}),
        ({}, {"a": {"b": 1}}, {"a": {"b": 1}}),
    ],
)
def test_fields_are_merged_deep_and_the_callers_stand(document: Any, extra: Any, wanted: Any) -> None:
    """Objects are merged field by field; everything else is replaced by what the caller gives."""
    assert merged(document, extra) == wanted


def test_earlier_turns_go_out_byte_for_byte() -> None:
    """The history stands before the new turn exactly as it was kept, odd numbers, escapes and spaces included."""
    history = (b'{"role": "user","parts":[]}', b'{"role":"model","x":1e400,"t":"\\ud83d"}')
    exchange = _exchange(turns="contents", history=history)
    upload = b"".join(exchange.upload(json.dumps({"contents": [{"role": "user", "parts": [{"text": "é"}]}]}).encode()))
    assert b'"contents":[' + b",".join(history) + b"," in upload
    assert upload.endswith('{"role":"user","parts":[{"text":"é"}]}]}'.encode())
    assert exchange.sent_turn == '{"role":"user","parts":[{"text":"é"}]}'.encode()


def test_references_go_out_as_base64() -> None:
    """What a token stands for is in its place, in the turn of now and in those before."""
    blobs = Blobs()
    first, second = blobs.add(b"first"), blobs.add(b"second!")
    exchange = _exchange(turns="contents", history=(b'{"d":"%s"}' % first.encode(),), references=blobs)
    sent = json.loads(b"".join(exchange.upload(json.dumps({"contents": [{"d": second}]}).encode())))
    assert sent == {"contents": [{"d": "Zmlyc3Q="}, {"d": "c2Vjb25kIQ=="}]}


def _answer(text: bytes) -> Answer:
    return Answer(Lifted(text, Blobs()), 200, {}, None)


@pytest.mark.parametrize(
    ("text", "document"),
    [
        (b'{"a": 1e400, "b": -1e999}', {"a": "1e400", "b": "-1e999"}),
        (b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
        (b'[{"a": 1}]', {"a": 1}),
        (b'{"a": "\xff"}', {"a": "\N{REPLACEMENT CHARACTER}"}),
        (b'{"a": %s}' % (b"9" * 500), {"a": "9" * 500}),
        (b'{"a": "sk-exchange-0123456789"}', {"a": "[key]"}),
        (b'{"a": "\\u0073k-exchange-0123456789"}', {"a": "[key]"}),
    ],
)
def test_answers_are_read_as_far_as_can_be(text: bytes, document: Any) -> None:
    """One odd byte, number or bracket does not cost an answer that was paid for, and the key is taken out."""
    read = parsed(_answer(text), KEY)
    assert isinstance(read, Answer)
    assert read.document == document
    assert json.loads(read.readable) == document
    assert b"sk-exchange" not in read.lifted.text


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b"[]", "it is a JSON list"),
        (b'"words"', "it is a JSON str"),
        (b'{"a": NaN}', "NaN is not JSON"),
        (b'{"a": ', "Expecting value"),
        (b"[" * 40_000, "recursion"),
    ],
)
def test_what_is_no_answer_is_said(text: bytes, problem: str) -> None:
    """What is no JSON object, or would fill the memory once parsed, is refused with the reason."""
    said = parsed(_answer(text), KEY)
    assert isinstance(said, str)
    assert problem in said
