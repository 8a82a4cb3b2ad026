"""Intake: the body of a request, bounded however it arrives, and the JSON in it."""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

from starlette.requests import Request

from .contract import example
from .violation import RefusedError, Violation, refuse

MAX_BODY = 512 * 1024 * 1024  # bytes of a request
_HALF_PAIR = re.compile("[\ud800-\udfff]")
_NEAR = 24  # letters shown around a fault in the JSON


def legible(text: str) -> str:
    """The text with U+FFFD for each half of a surrogate pair, which JSON can hold and UTF-8 cannot."""
    return _HALF_PAIR.sub("\ufffd", text)


def encoded(value: Any) -> bytes:
    """The value as JSON in UTF-8, whatever its strings hold."""
    return legible(json.dumps(value, ensure_ascii=False, separators=(",", ":"))).encode()


async def body_of(request: Request) -> bytearray:
    """The whole body of a request.

    Raises: RefusedError above 512 MB, announced or sent; starlette's ClientDisconnect where it breaks off.
    """
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced[:20]) > MAX_BODY:
        raise _too_large()
    body = bytearray()
    async for piece in request.stream():
        if len(body) + len(piece) > MAX_BODY:
            raise _too_large()
        body += piece
    return body


def _too_large() -> RefusedError:
    error = example("PayloadTooLargeError")["error"]
    message = f"{error['message']}: more than {MAX_BODY // 1024**2} MB. Send fewer or smaller reference images"
    return RefusedError(Violation(413, error["code"], message, error["param"], error["type"]))


def parsed(body: bytes | bytearray, content_type: str, content_encoding: str) -> dict[str, Any]:
    """The JSON object that a body holds.

    Raises: RefusedError where it holds none, saying which of the many reasons it is.
    """
    if content_encoding.strip().lower() not in ("", "identity"):
        message = f"The body is compressed ({content_encoding}); send it as it is, without Content-Encoding"
        raise refuse("invalid_request_body", message, "Content-Encoding")
    kind = content_type.partition(";")[0].strip().lower()
    if kind != "application/json":
        came = f"Content-Type is {kind}" if kind else "There is no Content-Type"
        raise refuse("invalid_request_body", f"{came}; it must be application/json", "Content-Type")
    if not body.strip():
        raise refuse("invalid_request_body", "The body is empty; it must be a JSON object")
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise refuse("invalid_request_body", f"The body is not UTF-8, at byte {error.start}") from None
    try:
        found = json.loads(text, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        near = json.dumps(text[max(0, error.pos - _NEAR) : error.pos + _NEAR], ensure_ascii=False)
        where = f"line {error.lineno}, column {error.colno} (character {error.pos})"
        raise refuse("invalid_request_body", f"The body is not JSON: {error.msg}, at {where}, near {near}") from None
    except RecursionError:
        raise refuse("invalid_request_body", "The body is JSON that is nested too deeply") from None
    except ValueError as error:
        raise refuse("invalid_request_body", f"The body is not JSON that can be read: {error}") from None
    if not isinstance(found, dict):
        kind = {list: "a list", str: "a string", bool: "true or false", type(None): "null"}.get(type(found), "a number")
        raise refuse("invalid_parameter", f"The body must be a JSON object, not {kind}")
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")
