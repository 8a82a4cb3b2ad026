"""Answers to read, as an upstream sends them."""

from __future__ import annotations

import base64
import json
from typing import Any, Literal

from nanobanana import Generation
from nanobanana._engine.lifter import Lifter
from nanobanana._engine.tokens import Blobs
from nanobanana._formats import format_of
from nanobanana_api.models.chat_completion import ChatCompletion
from nanobanana_api.models.generate_content_response import GenerateContentResponse

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(100))
JPEG = b"\xff\xd8\xff" + bytes(range(100))
LARGE = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40  # long enough to be lifted
MODELS: dict[str, Any] = {"native": GenerateContentResponse, "chat": ChatCompletion}
Wire = Literal["native", "chat"]


def base64_of(data: bytes) -> str:
    return base64.b64encode(data).decode()


def read(answer: dict[str, Any], wire: Wire = "native") -> Generation:
    """What the facade makes of an answer, with its large values lifted out as they are on the wire."""
    blobs = Blobs()
    lifter = Lifter(blobs)
    lifter.add(json.dumps(answer).encode())
    lifter.finish()
    document = json.loads(bytes(lifter.text))
    findings = format_of(wire).find(MODELS[wire].from_dict(document), blobs)
    return findings.conclude(prompt="Draw", model="nanobanana", request_id="req_1", headers={}, answer=None)


def turn_of(text: bytes, wire: Wire, blobs: Blobs) -> bytes:
    """The model's turn that the facade keeps of an answer."""
    document = json.loads(text, parse_int=str, parse_float=str)
    whole = document[0] if isinstance(document, list) else document
    return format_of(wire).model_turn(text, format_of(wire).find(MODELS[wire].from_dict(whole), blobs))


def inline(data: bytes | str, mime_type: str = "image/png", **others: Any) -> dict[str, Any]:
    """A native part with a picture."""
    return {"inlineData": {"mimeType": mime_type, "data": data if isinstance(data, str) else base64_of(data)}, **others}


def native(*parts: Any, **others: Any) -> dict[str, Any]:
    """A native answer of one candidate."""
    return {"candidates": [{"content": {"role": "model", "parts": list(parts)}, "finishReason": "STOP"}], **others}


def chat(content: Any, message: dict[str, Any] | None = None, **others: Any) -> dict[str, Any]:
    """A chat answer of one choice."""
    choice = {"message": {"role": "assistant", "content": content, **(message or {})}, "finish_reason": "stop"}
    return {"choices": [choice], **others}
