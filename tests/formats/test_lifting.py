"""Lifting changes nothing: an answer is read the same whether its pictures were lifted out of its JSON or not."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nanobanana import NanoBananaError
from nanobanana._engine import lifter
from nanobanana._engine.tokens import Blobs
from nanobanana._formats import format_of
from nanobanana_api.models.chat_completion import ChatCompletion
from nanobanana_api.models.generate_content_response import GenerateContentResponse

from ..engine.test_lifter import bodies, lift, parsed

SHORT = 64  # characters that count as long here: a picture is sought in no shorter ones
LONG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(range(60)))
READERS: list[Any] = [(format_of("native"), GenerateContentResponse), (format_of("chat"), ChatCompletion)]


def read(wire: Any, model: Any, document: Any, blobs: Blobs) -> Any:
    """What the facade makes of a document: pictures and words, or the error's class and words."""
    try:
        findings = wire.find(model.from_dict(document), blobs)
        generation = findings.conclude(prompt="Draw", model="nanobanana", request_id=None, headers={}, answer=None)
    except NanoBananaError as error:
        return type(error), str(error), getattr(error, "text", None)
    except (ValueError, TypeError, KeyError, AttributeError) as error:  # the document does not fit the contract
        return type(error)
    pictures = [getattr(image, "url", None) or image.data for image in (*generation.images, *generation.drafts)]
    return pictures, generation.text, generation.thoughts, generation.metadata


@pytest.fixture(autouse=True)
def _short_values(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifter, "_LONG", SHORT)


@settings(suppress_health_check=list(HealthCheck), deadline=None)
@given(body=bodies(), cuts=st.lists(st.integers(0, 2000), max_size=6))
def test_an_answer_is_read_the_same(body: bytes, cuts: list[int]) -> None:
    """Whatever the document, its pictures and words are those of the whole of it."""
    body = body.replace(b"iVBORw0KGgo", LONG + b"iVBO")
    left, blobs = lift(body, cuts)
    whole, small = parsed(body), parsed(left)
    if isinstance(whole, dict):
        for wire, model in READERS:
            assert read(wire, model, small, blobs) == read(wire, model, whole, Blobs())
