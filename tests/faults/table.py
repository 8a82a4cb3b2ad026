"""The table of faults, as plain data: what the server does, and what becomes of the call.

Each row says how many requests may reach the server (each of them is a bill), which error comes (or a picture), what it
says of the bill, and what else must hold. Where no `timeout` is given, it is generous.
"""

from __future__ import annotations

import email.utils
import gzip
import json
import time
import zlib
from base64 import b64encode
from typing import Any

from attrs import field, frozen

from .server import (
    KEY,
    PICTURE,
    Act,
    Connection,
    break_off,
    chat,
    drip,
    early,
    flood,
    good,
    good_then,
    hang_up,
    head,
    native,
    picture,
    reply,
    shut,
    slam,
    sluggish,
    stall,
    words,
    write,
)

A_PICTURE = "a picture"


@frozen
class Row:
    """One fault.

    requests: complete requests that the server gets. outcome: the name of the error's class, or "a picture".
    options: arguments for the client. attributes: what the error must carry besides; a pair means from-to, and
    {elsewhere} stands for the address that redirects name. warm: seconds between a good call made before, on the same
    connection, and the one that meets the fault. upload: bytes of a reference image. rivals: other clients that the row
    means something to. connections: how many there may be. most_sent, most_memory: bytes that the server
    may get rid of and the client may need. or_else: another error that is right as well, and what it says of the bill,
    where it is a matter of chance which of two things comes first.
    """

    name: str
    does: str
    acts: tuple[Act, ...]
    requests: int
    outcome: str
    billed: str
    options: dict[str, Any] = field(factory=dict)
    attributes: dict[str, Any] = field(factory=dict)
    rivals: tuple[str, ...] = ("google-genai", "openai")
    wire: str = "native"
    warm: float = 0.0
    upload: int = 0
    door: str = "open"
    secure: bool = False
    certificate: str | None = None
    environment: dict[str, str] = field(factory=dict)
    connections: int | None = None
    most_sent: int | None = None
    most_memory: int | None = None
    or_else: tuple[str, str] | None = None


ALL = ("google-genai", "openai")
NATIVE = ("google-genai",)
NONE = ()
SHORT = {"timeout": 0.6}  # seconds
OPTED_IN = {"retry_unknown": True, "max_retries": 1}
B64 = b64encode(PICTURE).decode()
MB = 1024 * 1024


def row(
    name: str, does: str, act: Act | tuple[Act, ...], requests: int, outcome: str, billed: str, **others: Any
) -> Row:
    """A row, with one act or several."""
    return Row(name, does, act if isinstance(act, tuple) else (act,), requests, outcome, billed, **others)


def text(value: object) -> bytes:
    """A value as JSON."""
    return json.dumps(value, ensure_ascii=False).encode()


def gateway(code: object, message: str = "It did not work", **fields: object) -> bytes:
    """An error as the gateway words it."""
    return text({"error": {"message": message, "type": "invalid_request_error", "param": None, "code": code, **fields}})


def upstream(code: int, status: str, message: str = "It did not work", **fields: object) -> bytes:
    """An error as the upstream words it."""
    return text({"error": {"code": code, "message": message, "status": status, **fields}})


def refusal(status: int | str, body: bytes = gateway(None), *fields: Any) -> Act:
    """An error answer in JSON."""
    return reply(status, body, "Content-Type: application/json", "x-request-id: req_fault", *fields)


def page(status: int, content: bytes = b"<!DOCTYPE html><html><head><title>Bad day</title></head></html>") -> Act:
    """An error answer in HTML."""
    return reply(status, content, "Content-Type: text/html")


def status(code: int, outcome: str, billed: str, requests: int = 1, **others: Any) -> Row:
    """A row for a status with the gateway's own body."""
    others = {"attributes": {"status_code": code, "request_id": "req_fault"}, **others}
    return row(f"status-{code}", f"answers {code}", refusal(code), requests, outcome, billed, **others)


STATUSES = [
    status(400, "BadRequestError", "no"),
    status(401, "AuthenticationError", "no"),
    status(402, "APIStatusError", "no"),
    status(403, "PermissionDeniedError", "no"),
    status(404, "NotFoundError", "no"),
    status(405, "APIStatusError", "no"),
    status(408, "APIStatusError", "unknown"),
    status(409, "APIStatusError", "no"),
    status(413, "PayloadTooLargeError", "no"),
    status(418, "APIStatusError", "no"),
    status(422, "APIStatusError", "no"),
    status(429, "RateLimitError", "no", requests=3),
    status(451, "APIStatusError", "no"),
    status(499, "APIStatusError", "unknown"),
    status(500, "ServerError", "unknown"),
    status(501, "ServerError", "unknown"),
    status(502, "ServerError", "unknown"),
    status(503, "ServerError", "unknown"),
    status(504, "ServerError", "unknown"),
    *(status(code, "ServerError", "unknown") for code in (520, 521, 522, 523, 524)),
    status(599, "ServerError", "unknown"),
    status(999, "ServerError", "unknown"),
    row("status-042", "answers 042, which is no status", refusal("042 Odd"), 1, "OutcomeUnknownError", "unknown"),
    row(
        "status-101",
        "answers 101 Switching Protocols",
        write(head(101, "Upgrade: foo", "Connection: Upgrade"), end="linger"),
        1,
        "OutcomeUnknownError",
        "unknown",
    ),
    row("status-201", "answers 201 with a picture", reply(201, picture), 1, A_PICTURE, "yes"),
    row("status-204", "answers 204", write(head(204), end="keep"), 1, "UnusableResponseError", "probably"),
    row("status-206", "answers 206 with a picture", reply(206, picture), 1, "UnusableResponseError", "probably"),
    row(
        "status-299",
        "answers 299, which Python does not list",
        reply(299, picture),
        1,
        A_PICTURE,
        "yes",
    ),
    row(
        "interim-then-picture",
        "sends 100, 102 and 103 before a picture",
        write(head(100) + head(102), head(103, "Link: </a>"), lambda c: _whole(picture(c)), pause=0.02, end="keep"),
        1,
        A_PICTURE,
        "yes",
    ),
]


def _whole(body: bytes) -> bytes:
    return head(200, f"Content-Length: {len(body)}") + body


QUOTA = gateway("insufficient_quota", "You have used up your credits")
NO_CHANNEL = gateway("model_not_found", "No available channel for model nanobanana under group default")
RETRY_INFO = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "0s"}]
LONG_RETRY_INFO = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34s"}]
CHINESE = "当前分组上游负载已饱和 (request id: 20260101-abc)"
ERROR_BODIES = [
    row(
        "body-gateway",
        "answers 400 in the gateway's words",
        refusal(400, gateway("invalid_image", param="contents")),
        1,
        "BadRequestError",
        "no",
        attributes={"code": "invalid_image", "param": "contents", "type": "invalid_request_error"},
    ),
    row(
        "body-policy",
        "answers 400 `content_policy_violation`",
        refusal(400, gateway("content_policy_violation")),
        1,
        "ContentPolicyError",
        "no",
    ),
    row(
        "body-bad-key-as-400",
        "answers 400 for a bad key, in the upstream's words",
        refusal(400, upstream(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.")),
        1,
        "AuthenticationError",
        "no",
    ),
    row(
        "body-quota-429",
        "answers 429 `insufficient_quota`",
        refusal(429, QUOTA, "Retry-After: 0"),
        1,
        "QuotaExceededError",
        "no",
    ),
    row(
        "body-quota-403",
        "answers 403 `insufficient_user_quota`",
        refusal(403, gateway("insufficient_user_quota", CHINESE, type="new_api_error")),
        1,
        "QuotaExceededError",
        "no",
        attributes={"request_id": "req_fault"},
    ),
    row(
        "body-upstream-credits-gone",
        "answers 429 `RESOURCE_EXHAUSTED` without details: the credits are gone",
        refusal(429, upstream(429, "RESOURCE_EXHAUSTED")),
        1,
        "QuotaExceededError",
        "no",
    ),
    row(
        "body-upstream-details",
        "answers 429 `RESOURCE_EXHAUSTED` with a `retryDelay` longer than the time left",
        refusal(429, upstream(429, "RESOURCE_EXHAUSTED", details=LONG_RETRY_INFO)),
        1,
        "RateLimitError",
        "no",
        attributes={"retry_after": 34.0, "code": "RESOURCE_EXHAUSTED"},
    ),
    row(
        "body-list-wrapped",
        "answers 403 with the error object inside a list",
        refusal(403, b"[" + gateway("region_not_available") + b"]"),
        1,
        "PermissionDeniedError",
        "no",
        attributes={"code": "region_not_available"},
    ),
    row(
        "body-string-error",
        'answers 400 `{"error": "bad"}`',
        refusal(400, text({"error": "bad"})),
        1,
        "BadRequestError",
        "no",
        attributes={"message": "bad"},
    ),
    row(
        "body-flat",
        "answers 400 with a flat code and message",
        refusal(400, text({"code": "invalid_model", "message": "no such model"})),
        1,
        "BadRequestError",
        "no",
        attributes={"code": "invalid_model", "message": "no such model"},
    ),
    row(
        "body-empty-code",
        "answers 400 with an empty code",
        refusal(400, gateway("", type="new_api_error")),
        1,
        "BadRequestError",
        "no",
        attributes={"code": None, "type": "new_api_error"},
    ),
    row(
        "body-integer-code",
        "answers 401 with an integer code",
        refusal(401, gateway(1001)),
        1,
        "AuthenticationError",
        "no",
        attributes={"code": "1001"},
    ),
    row(
        "body-chinese",
        "answers 500 in Chinese, with the request id inside the message only",
        reply(500, gateway("", CHINESE, type="new_api_error")),
        1,
        "ServerError",
        "unknown",
        attributes={"request_id": "20260101-abc"},
    ),
    row(
        "body-odd-fields",
        "answers 400 with an error whose fields are all of the wrong type",
        refusal(400, text({"error": {"message": [1], "code": {"a": 1}, "type": 3.5, "param": [], "details": 7}})),
        1,
        "BadRequestError",
        "no",
    ),
    row("body-null", "answers 500 `null`", refusal(500, b"null"), 1, "ServerError", "unknown"),
    row("body-number", "answers 400 `3`", refusal(400, b"3"), 1, "BadRequestError", "no"),
    row("body-empty", "answers 524 with nothing", refusal(524, b""), 1, "ServerError", "unknown"),
    row(
        "body-html",
        "answers 502 with an HTML page",
        page(502),
        1,
        "ServerError",
        "unknown",
        attributes={"message": "Bad day"},
    ),
    row(
        "body-bare-524",
        "answers 524 with the bare words `error code: 524`",
        page(524, b"error code: 524"),
        1,
        "ServerError",
        "unknown",
        attributes={"message": "error code: 524"},
    ),
    row(
        "body-broken-json",
        "answers 400 with half an error",
        refusal(400, gateway("x")[:20]),
        1,
        "BadRequestError",
        "no",
    ),
    row(
        "body-invalid-utf8",
        "answers 400 in bytes that are no UTF-8",
        refusal(400, b"\xff\xfe\x80{"),
        1,
        "BadRequestError",
        "no",
    ),
    row(
        "body-deep",
        "answers 400 with 200,000 arrays in one another",
        refusal(400, b"[" * 200_000),
        1,
        "BadRequestError",
        "no",
    ),
    row(
        "body-huge",
        "answers 500 with a body of 50 MB, which is not read whole",
        flood(head(500, f"Content-Length: {50 * MB}"), b"x" * MB, 50),
        1,
        "ServerError",
        "unknown",
        most_sent=16 * MB,
    ),
    row(
        "body-cut-400",
        "answers 400 and closes in the middle of the body",
        write(head(400, "Content-Length: 5000") + gateway("invalid_image")[:40]),
        1,
        "BadRequestError",
        "no",
    ),
    row(
        "body-cut-429",
        "answers 429 with `Retry-After: 0`, closes in the middle of the body; then a picture",
        (write(head(429, "Retry-After: 0", "Content-Length: 5000") + b'{"err'), good),
        2,
        A_PICTURE,
        "yes",
    ),
    row(
        "body-false-gzip-401",
        "answers 401 with a body that is not the gzip it claims to be",
        refusal(401, b"plain", "Content-Encoding: gzip"),
        1,
        "AuthenticationError",
        "no",
    ),
    row(
        "chat-401", "answers 401 (chat format)", refusal(401), 1, "AuthenticationError", "no", wire="chat", rivals=NONE
    ),
]


def _date(form: str, ahead: float) -> Any:
    """A Retry-After field with a date that lies so many seconds ahead when it is sent."""

    def field(_: Connection) -> str:
        moment = time.gmtime(time.time() + ahead)
        if form == "IMF":
            return f"Retry-After: {email.utils.formatdate(time.time() + ahead, usegmt=True)}"
        if form == "RFC 850":
            return time.strftime("Retry-After: %A, %d-%b-%y %H:%M:%S GMT", moment)
        return f"Retry-After: {time.asctime(moment)}"

    return field


def wait(name: str, does: str, field: Any, requests: int, outcome: str, *, code: int = 429, **others: Any) -> Row:
    """A row for a Retry-After field; a second request gets a picture."""
    billed = "yes" if outcome == A_PICTURE else "no"
    return row(f"wait-{name}", does, (refusal(code, gateway("x"), field), good), requests, outcome, billed, **others)


HOUR = {"retry_after": (3590.0, 3600.0)}
WAITS = [
    wait("0", "answers 429 with `Retry-After: 0`; then a picture", "Retry-After: 0", 2, A_PICTURE),
    wait("1", "answers 429 with `Retry-After: 1`; then a picture", "Retry-After: 1", 2, A_PICTURE),
    row(
        "wait-none",
        "answers 429 without `Retry-After`; then a picture",
        (refusal(429), good),
        2,
        A_PICTURE,
        "yes",
    ),
    row(
        "wait-0-always",
        "answers 429 with `Retry-After: 0` always",
        refusal(429, gateway("rate_limit_exceeded"), "Retry-After: 0"),
        3,
        "RateLimitError",
        "no",
        attributes={"retry_after": 0.0},
    ),
    wait("date", "answers 429 with the date in a second (IMF-fixdate); then a picture", _date("IMF", 1), 2, A_PICTURE),
    wait("date-past", "answers 429 with a date of the past; then a picture", _date("IMF", -600), 2, A_PICTURE),
    wait(
        "date-hour",
        "answers 429 with the date in an hour (IMF-fixdate)",
        _date("IMF", 3600),
        1,
        "RateLimitError",
        attributes=HOUR,
    ),
    wait(
        "date-rfc850",
        "answers 429 with the date in an hour (RFC 850)",
        _date("RFC 850", 3600),
        1,
        "RateLimitError",
        attributes=HOUR,
    ),
    wait(
        "date-asctime",
        "answers 429 with the date in an hour (asctime)",
        _date("asctime", 3600),
        1,
        "RateLimitError",
        attributes=HOUR,
    ),
    wait("negative", "answers 429 with `Retry-After: -5`; then a picture", "Retry-After: -5", 2, A_PICTURE),
    wait(
        "huge",
        "answers 429 with `Retry-After: 99999999999`",
        "Retry-After: 99999999999",
        1,
        "RateLimitError",
        attributes={"retry_after": 99999999999.0},
    ),
    wait("nan", "answers 429 with `Retry-After: nan`; then a picture", "Retry-After: nan", 2, A_PICTURE),
    wait("inf", "answers 429 with `Retry-After: inf`; then a picture", "Retry-After: inf", 2, A_PICTURE),
    wait("garbage", "answers 429 with `Retry-After: soon`; then a picture", "Retry-After: soon", 2, A_PICTURE),
    wait(
        "odd-zone",
        "answers 429 with a date in a time zone that nobody knows; then a picture",
        "Retry-After: Sun, 06 Nov 1994 08:49:37 QQQ",
        2,
        A_PICTURE,
    ),
    row(
        "wait-retry-info",
        "answers 429 with a `retryDelay` of 0 s in the body; then a picture",
        (refusal(429, upstream(429, "RESOURCE_EXHAUSTED", details=RETRY_INFO)), good),
        2,
        A_PICTURE,
        "yes",
    ),
    wait("503", "answers 503 with `Retry-After: 0`; then a picture", "Retry-After: 0", 2, A_PICTURE, code=503),
    row(
        "wait-503-always",
        "answers 503 with `Retry-After: 0` always",
        refusal(503, gateway("service_unavailable"), "Retry-After: 0"),
        3,
        "ServerError",
        "no",
    ),
    wait(
        "503-long",
        "answers 503 with `Retry-After: 600`, longer than the time left",
        "Retry-After: 600",
        1,
        "ServerError",
        code=503,
        attributes={"retry_after": 600.0},
    ),
    row(
        "wait-503-no-channel",
        "answers 503, no channel for the model, with `Retry-After: 0`",
        refusal(503, NO_CHANNEL, "Retry-After: 0"),
        1,
        "ServerError",
        "no",
    ),
    row(
        "wait-500",
        "answers 500 with `Retry-After: 0`: it may have been processed",
        refusal(500, gateway("internal_error"), "Retry-After: 0"),
        1,
        "ServerError",
        "unknown",
    ),
    row(
        "wait-no-retries",
        "answers 429 with `Retry-After: 0` (client with `max_retries=0`)",
        refusal(429, gateway("x"), "Retry-After: 0"),
        1,
        "RateLimitError",
        "no",
        options={"max_retries": 0},
        rivals=NONE,
    ),
]


def opted(name: str, does: str, act: Any, requests: int, outcome: str, billed: str, **others: Any) -> Row:
    """A row for a client with `retry_unknown=True`."""
    others = {"options": OPTED_IN, "rivals": NONE, **others}
    return row(f"opted-{name}", does, act, requests, outcome, billed, **others)


OPT_INS = [
    opted("500", "answers 500; then a picture", (refusal(500), good), 2, A_PICTURE, "yes"),
    opted("500-always", "answers 500 always", refusal(500), 2, "ServerError", "unknown"),
    opted("503", "answers 503 without `Retry-After`; then a picture", (refusal(503), good), 2, A_PICTURE, "yes"),
    opted("524", "answers 524; then a picture", (page(524), good), 2, A_PICTURE, "yes"),
    opted("hang-up", "closes without an answer; then a picture", (hang_up, good), 2, A_PICTURE, "yes"),
    opted("reset", "resets after the request; then a picture", (break_off, good), 2, A_PICTURE, "yes"),
    opted(
        "cut",
        "closes in the middle of the body; then a picture",
        (write(head(200, "Content-Length: 500") + b'{"cand'), good),
        2,
        A_PICTURE,
        "yes",
    ),
    opted(
        "silence",
        "is silent until the time is over",
        write(end="linger"),
        1,
        "APITimeoutError",
        "unknown",
        options={**OPTED_IN, **SHORT},
    ),
    opted("400", "answers 400", refusal(400), 1, "BadRequestError", "no"),
    opted("quota", "answers 429 `insufficient_quota`", refusal(429, QUOTA), 1, "QuotaExceededError", "no"),
    opted("no-channel", "answers 503, no channel for the model", refusal(503, NO_CHANNEL), 1, "ServerError", "no"),
    opted("unusable", "answers 200 `null`", reply(200, b"null"), 1, "UnusableResponseError", "probably"),
]


def redirect(code: int, target: str = "{elsewhere}", **others: Any) -> Row:
    """A row for a redirect to another origin, which nothing may reach."""
    return row(
        f"redirect-{code}",
        f"answers {code} to another server",
        refusal(code, b"", lambda connection: f"Location: {target.format(elsewhere=connection.server.elsewhere)}"),
        1,
        "APIStatusError",
        "no",
        attributes={"location": target, "status_code": code},
        **others,
    )


REDIRECTS = [
    *(redirect(code) for code in (301, 302, 303, 307, 308)),
    row(
        "redirect-relative",
        "answers 307 to another path, and there again",
        refusal(307, b"", "Location: /elsewhere"),
        1,
        "APIStatusError",
        "no",
        attributes={"location": "/elsewhere"},
    ),
    row("redirect-nowhere", "answers 302 without a location", refusal(302, b""), 1, "APIStatusError", "no"),
    row(
        "redirect-no-address",
        "answers 302 to a location that is no address",
        refusal(302, b"", "Location: http://[::1"),
        1,
        "APIStatusError",
        "no",
        attributes={"status_code": 302},
    ),
    row("redirect-304", "answers 304", write(head(304), end="keep"), 1, "APIStatusError", "no"),
]

CONNECTIONS = [
    row(
        "refused",
        "refuses the connection",
        good,
        0,
        "APIConnectionError",
        "no",
        door="shut",
        connections=0,
    ),
    row(
        "never-accepted",
        "never accepts the connection (client with `connect_timeout=0.3`)",
        good,
        0,
        "APIConnectionError",
        "no",
        door="full",
        options={"connect_timeout": 0.3, "max_retries": 1},
        rivals=NONE,
    ),
    row(
        "slam",
        "resets the connection before it reads anything",
        slam,
        0,
        "OutcomeUnknownError",
        "unknown",
        or_else=("APIConnectionError", "no"),
    ),
    row(
        "shut",
        "closes the connection before it reads anything",
        shut,
        0,
        "OutcomeUnknownError",
        "unknown",
        connections=1,
    ),
    row("hang-up", "closes after the request, without an answer", hang_up, 1, "OutcomeUnknownError", "unknown"),
    row("reset", "resets after the request", break_off, 1, "OutcomeUnknownError", "unknown"),
    row(
        "closed-after-headers",
        "closes after the headers",
        write(head(200, "Content-Length: 500")),
        1,
        "OutcomeUnknownError",
        "unknown",
    ),
    row(
        "reset-in-body",
        "resets in the middle of the body",
        write(head(200, "Content-Length: 50000"), native()[:30], pause=0.05, end="reset"),
        1,
        "OutcomeUnknownError",
        "unknown",
    ),
    row(
        "cut-length",
        "closes in the middle of a body of stated length",
        write(head(200, "Content-Length: 50000") + native()[:30]),
        1,
        "OutcomeUnknownError",
        "unknown",
        attributes={"content": native()[:30]},
    ),
    row(
        "cut-chunked",
        "closes in the middle of a chunked body",
        write(head(200, "Transfer-Encoding: chunked") + b'5\r\n{"can\r\n40\r\ndid'),
        1,
        "OutcomeUnknownError",
        "unknown",
    ),
    row(
        "cut-chunked-end",
        "closes before the last, empty chunk",
        write(lambda c: head(200, "Transfer-Encoding: chunked") + _chunk(picture(c))),
        1,
        "OutcomeUnknownError",
        "unknown",
    ),
    row(
        "cut-unstated",
        "closes in the middle of a body of unstated length",
        write(lambda c: head(200, "Connection: close") + picture(c)[:-20]),
        1,
        "UnusableResponseError",
        "probably",
    ),
    row(
        "stale-closed",
        "closed the idle connection after the call before",
        (good_then(Connection.close), good),
        1,
        A_PICTURE,
        "yes",
        warm=0.1,
        rivals=NONE,
    ),
    row(
        "stale-reset",
        "reset the idle connection after the call before",
        (good_then(Connection.reset), good),
        1,
        A_PICTURE,
        "yes",
        warm=0.1,
        rivals=NONE,
    ),
    row(
        "stale-408",
        "sent 408 on the idle connection and closed it",
        (good_then(lambda connection: _say(connection, _whole(b"").replace(b"200 OK", b"408 Slow"))), good),
        1,
        A_PICTURE,
        "yes",
        warm=0.1,
        rivals=NONE,
    ),
    row(
        "stale-race",
        "closes a kept connection when the next request has come",
        (good, hang_up),
        1,
        "OutcomeUnknownError",
        "unknown",
        warm=0.05,
        rivals=NONE,
    ),
    row(
        "stale-race-unread",
        "resets a kept connection when the next request begins to come",
        (good, slam),
        0,
        "OutcomeUnknownError",
        "unknown",
        warm=0.05,
        or_else=("APIConnectionError", "no"),
        rivals=NONE,
    ),
]


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def _say(connection: Connection, data: bytes) -> None:
    connection.send(data)
    connection.close()


def broken(name: str, does: str, *pieces: Any, **others: Any) -> Row:
    """A row for an answer that is not HTTP."""
    return row(f"http-{name}", does, write(*pieces), 1, "OutcomeUnknownError", "unknown", **others)


FRAMES = [
    broken("garbage", "answers in another protocol", b"SSH-2.0-OpenSSH_9.9\r\n"),
    broken("binary", "answers with random bytes", bytes(range(256)) * 40),
    broken("09", "answers with a bare page, as HTTP/0.9 did", b"<html>hello</html>\r\n"),
    broken(
        "two-lengths",
        "states two different lengths",
        lambda c: head(200, "Content-Length: 5", "Content-Length: 6") + picture(c),
    ),
    broken("bad-length", "states a length that is no number", head(200, "Content-Length: many") + native()),
    broken("negative-length", "states a length below zero", head(200, "Content-Length: -1") + native()),
    broken(
        "bad-chunk-size",
        "sends a chunk whose size is no number",
        head(200, "Transfer-Encoding: chunked") + b"zz\r\n{}\r\n0\r\n\r\n",
    ),
    broken("odd-transfer", "sends an unknown transfer encoding", head(200, "Transfer-Encoding: brotli") + native()),
    broken("no-colon", "sends a header without a colon", head(200, "Content-Length: 2", "Nonsense") + b"{}"),
    broken("nul", "sends a header with a NUL in it", head(200, "Content-Length: 2", "X-Odd: a\0b") + b"{}"),
    broken("huge-header", "sends one header of 1 MB", head(200, f"X-Odd: {'a' * MB}", "Content-Length: 2") + b"{}"),
    row(
        "http-many-headers",
        "sends 10 MB of headers",
        flood(b"HTTP/1.1 200 OK\r\n", b"X-Odd: aaaaaaaaaaaaaaaaaaaaaaaaa\r\n" * 2048, 160),
        1,
        "OutcomeUnknownError",
        "unknown",
        most_sent=8 * MB,
    ),
    row(
        "http-trailing",
        "sends more bytes than the stated length, in one piece",
        write(lambda c: _whole(picture(c)) + b"HTTP/1.1 500 Leftover\r\nContent-Length: 0\r\n\r\n", end="keep"),
        1,
        A_PICTURE,
        "yes",
    ),
    row(
        "http-trailing-late",
        "sends a second answer behind the first, a little later",
        write(lambda c: _whole(picture(c)), head(500, "Content-Length: 0"), pause=0.05, end="keep"),
        1,
        A_PICTURE,
        "yes",
    ),
    row(
        "http-two-equal-lengths",
        "states the same length twice",
        write(
            lambda c: _whole(picture(c)).replace(b"\r\n\r\n", b"\r\nContent-Length: %d\r\n\r\n" % len(picture(c)), 1)
        ),
        1,
        A_PICTURE,
        "yes",
    ),
    row(
        "http-length-and-chunked",
        "states a length and sends chunks",
        write(
            lambda c: head(200, "Content-Length: 3", "Transfer-Encoding: chunked") + _chunk(picture(c)) + _chunk(b"")
        ),
        1,
        A_PICTURE,
        "yes",
    ),
    row(
        "http-tiny-chunks",
        "sends a picture in chunks of one byte, with a trailer",
        write(
            lambda c: (
                head(200, "Transfer-Encoding: chunked")
                + b"".join(_chunk(bytes([byte])) for byte in picture(c))
                + b"0\r\nX-Trailer: a\r\n\r\n"
            )
        ),
        1,
        A_PICTURE,
        "yes",
    ),
    row(
        "http-10",
        "sends a picture by HTTP/1.0, without a length",
        write(lambda c: b"HTTP/1.0 200 OK\r\n\r\n" + picture(c)),
        1,
        A_PICTURE,
        "yes",
    ),
    row(
        "http-bare-lf",
        "sends a picture, with headers in bare line feeds",
        write(lambda c: _whole(picture(c)).replace(b"\r\n", b"\n")),
        1,
        A_PICTURE,
        "yes",
    ),
    row(
        "http-latin1-header",
        "sends a picture, with a header in Latin-1",
        reply(200, picture, "X-Odd: caf\xe9", "x-request-id: \xff\xfe"),
        1,
        A_PICTURE,
        "yes",
    ),
]


def slow(
    name: str, does: str, act: Act, outcome: str = "APITimeoutError", billed: str = "unknown", **others: Any
) -> Row:
    """A row in which the time of the call runs out."""
    others = {"options": SHORT, **others}
    return row(
        f"slow-{name}",
        f"{does} (client with `timeout={others['options']['timeout']}`)",
        act,
        1,
        outcome,
        billed,
        **others,
    )


DRIPS = [b"X-Odd: a\r\n"]
TIMES = [
    slow("silence", "is silent after the request", write(end="linger")),
    slow("silence-in-body", "is silent after the headers", write(head(200, "Content-Length: 500"), end="linger")),
    slow(
        "drip-status",
        "sends a byte of the status line at a time",
        drip(b"", [bytes([b]) for b in b"HTTP/1.1 200 OK"]),
        rivals=NONE,
    ),
    slow("drip-headers", "sends a header at a time, without end", drip(b"HTTP/1.1 200 OK\r\n", DRIPS)),
    slow("drip-body", "sends a byte of the body at a time", drip(head(200, "Content-Length: 500"), [b" "])),
    slow(
        "drip-chunks",
        "sends a chunk at a time",
        drip(head(200, "Transfer-Encoding: chunked"), [b"1\r\n \r\n"]),
        rivals=NONE,
    ),
    slow("drip-interim", "sends 102 Processing again and again, without end", drip(b"", [head(102)]), rivals=NONE),
    slow(
        "flood-interim", "sends 102 Processing as fast as it can, without end", flood(b"", head(102) * 50), rivals=NONE
    ),
    slow(
        "drip-500",
        "answers 500 and sends a byte of the body at a time",
        drip(head(500, "Content-Length: 500"), [b" "]),
        "ServerError",
        rivals=NONE,
    ),
    slow(
        "drip-400",
        "answers 400 and sends a byte of the body at a time",
        drip(head(400, "Content-Length: 500"), [b" "]),
        "BadRequestError",
        "no",
        rivals=NONE,
    ),
    slow(
        "wait-too-long",
        "answers 429 with `Retry-After: 5`, which is longer than the time left",
        refusal(429, gateway("x"), "Retry-After: 5"),
        "RateLimitError",
        "no",
        attributes={"retry_after": 5.0},
        rivals=NONE,
    ),
    row(
        "slow-but-in-time",
        "takes a second for the headers and the body of a picture",
        write(
            b"HTTP/1.1 200 OK\r\n",
            lambda c: f"Content-Length: {len(picture(c))}\r\n".encode(),
            lambda c: b"\r\n" + picture(c)[:9],
            lambda c: picture(c)[9:],
            pause=0.3,
            end="keep",
        ),
        1,
        A_PICTURE,
        "yes",
    ),
]

BIG = 15 * MB  # bytes of a reference; a third more in Base64
TOO_LARGE = head(413, "Content-Length: 2", "Connection: close") + b"{}"
UPLOADS = [
    row("upload", "takes 20 MB and sends a picture", good, 1, A_PICTURE, "yes", upload=BIG, rivals=NONE),
    row(
        "upload-early-413",
        "answers 413 at once and goes on reading the 20 MB",
        early(TOO_LARGE, "drain"),
        1,
        "PayloadTooLargeError",
        "no",
        upload=BIG,
        rivals=NONE,
    ),
    row(
        "upload-early-413-close",
        "answers 413 at once, half-closes and throws the rest away",
        early(TOO_LARGE, "close"),
        0,
        "PayloadTooLargeError",
        "no",
        upload=BIG,
        rivals=NONE,
    ),
    row(
        "upload-early-413-reset",
        "answers 413 at once and resets while the client still uploads",
        early(TOO_LARGE, "reset"),
        0,
        "PayloadTooLargeError",
        "no",
        upload=BIG,
        or_else=("OutcomeUnknownError", "unknown"),
        rivals=NONE,
    ),
    row(
        "upload-reset",
        "resets while the client still uploads",
        early(b"", "reset"),
        0,
        "OutcomeUnknownError",
        "unknown",
        upload=BIG,
        rivals=NONE,
    ),
    row(
        "upload-early-413-stall",
        "answers 413 at once and reads nothing more (client with `timeout=1.0`)",
        early(TOO_LARGE, "stall"),
        0,
        "APITimeoutError",
        "unknown",
        upload=BIG,
        options={"timeout": 1.0},
        rivals=NONE,
    ),
    row(
        "upload-stall",
        "never reads the 20 MB (client with `timeout=1.0`)",
        stall,
        0,
        "APITimeoutError",
        "unknown",
        upload=BIG,
        options={"timeout": 1.0},
        rivals=NONE,
    ),
    row(
        "upload-sluggish",
        "reads the 20 MB a little at a time (client with `timeout=1.0`)",
        sluggish,
        0,
        "APITimeoutError",
        "unknown",
        upload=BIG,
        options={"timeout": 1.0},
        rivals=NONE,
    ),
]


def tls(name: str, does: str, act: Act, outcome: str = "APIConnectionError", billed: str = "no", **others: Any) -> Row:
    """A row for a server at an https:// address."""
    others = {"secure": True, "connections": 1, "rivals": NONE, **others}
    return row(f"tls-{name}", does, act, others.pop("requests", 0), outcome, billed, **others)


TLS = [
    tls("good", "sends a picture over TLS", good, A_PICTURE, "yes", requests=1, certificate="good"),
    tls("untrusted", "shows a certificate of an authority that nobody trusts", good, certificate="untrusted"),
    tls("self-signed", "shows a certificate signed by itself", good, certificate="signed by itself"),
    tls("wrong-name", "shows a certificate of another name", good, certificate="of another name"),
    tls("expired", "shows a certificate that has expired", good, certificate="expired"),
    tls("no-cipher", "has no cipher in common with the client", good, certificate="good, no cipher in common"),
    tls("plain", "speaks plain HTTP at an https:// address", write(b"HTTP/1.1 400 Bad Request\r\n\r\n", read=False)),
    tls("garbage", "answers the TLS handshake with garbage", write(b"\x15\x03\x01\x00\x02\x02\x28" * 3, read=False)),
    tls("closes", "closes during the TLS handshake", shut, connections=None, options={"max_retries": 0}),
    tls("resets", "resets during the TLS handshake", slam, connections=None, options={"max_retries": 0}),
    tls(
        "silent",
        "is silent during the TLS handshake (client with `connect_timeout=0.4`)",
        stall,
        options={"max_retries": 0, "connect_timeout": 0.4},
    ),
    tls(
        "cut",
        "closes in the middle of the body, over TLS",
        write(head(200, "Content-Length: 500") + b'{"cand'),
        "OutcomeUnknownError",
        "unknown",
        requests=1,
        certificate="good",
    ),
    tls(
        "reset-in-body",
        "resets in the middle of the body, over TLS",
        write(head(200, "Content-Length: 500"), b'{"cand', pause=0.05, end="reset"),
        "OutcomeUnknownError",
        "unknown",
        requests=1,
        certificate="good",
    ),
    tls(
        "at-http",
        "speaks TLS at an http:// address",
        good,
        "OutcomeUnknownError",
        "unknown",
        secure=False,
        certificate="good",
    ),
]

OFF_LOOPBACK = "http://nanobanana.invalid"
ADDRESSES = [
    row(
        "address-http",
        "lies at an http:// address on another machine",
        good,
        0,
        "ConfigurationError",
        "no",
        options={"base_url": OFF_LOOPBACK},
        rivals=NONE,
        connections=0,
    ),
    row(
        "address-http-look-alike",
        "lies at http://localhost.nanobanana.invalid, which is not this machine",
        good,
        0,
        "ConfigurationError",
        "no",
        options={"base_url": "http://localhost.nanobanana.invalid"},
        rivals=NONE,
        connections=0,
    ),
    row(
        "address-http-user",
        "lies at http://127.0.0.1@nanobanana.invalid, which is not this machine",
        good,
        0,
        "ConfigurationError",
        "no",
        options={"base_url": "http://127.0.0.1@nanobanana.invalid", "allow_insecure": True},
        rivals=NONE,
        connections=0,
    ),
    row(
        "address-allowed",
        "lies at an http:// address on another machine, behind a proxy (client with `allow_insecure=True`)",
        good,
        1,
        A_PICTURE,
        "yes",
        options={"base_url": OFF_LOOPBACK, "allow_insecure": True},
        environment={"HTTP_PROXY": "{url}"},
        rivals=NONE,
    ),
    row(
        "proxy-502",
        "is a proxy that answers 502 (client with `allow_insecure=True`)",
        page(502),
        1,
        "ServerError",
        "unknown",
        options={"base_url": OFF_LOOPBACK, "allow_insecure": True},
        environment={"HTTP_PROXY": "{url}"},
        rivals=NONE,
    ),
]


def unusable(
    name: str, does: str, body: Any, outcome: str = "UnusableResponseError", billed: str = "probably", **others: Any
) -> Row:
    """A row for a 200 that holds no picture."""
    fields = others.pop("fields", ())
    return row(f"ok-{name}", f"answers 200 with {does}", reply(200, body, *fields), 1, outcome, billed, **others)


DISGUISED = {"code": "upstream_error", "status_code": 200, "request_id": "req_1"}
BODIES = [
    unusable("empty", "nothing", b""),
    unusable("spaces", "white space", b" \r\n"),
    unusable("null", "`null`", b"null"),
    unusable("list", "`[]`", b"[]"),
    unusable("string", '`"x"`', b'"x"'),
    unusable("empty-string", '`""`', b'""'),
    unusable("number", "`3`", b"3"),
    unusable("true", "`true`", b"true"),
    unusable("list-of-pairs", '`[["candidates", null]]`', b'[["candidates", null]]', rivals=NATIVE),
    unusable("object", "`{}`", b"{}", "NoImageError"),
    unusable("no-candidates", '`{"candidates": null}`', b'{"candidates": null}', "NoImageError", rivals=NATIVE),
    unusable(
        "odd-candidates", '`{"candidates": [null, 3]}`', b'{"candidates": [null, 3]}', "NoImageError", rivals=NATIVE
    ),
    unusable("candidates-text", '`{"candidates": "x"}`', b'{"candidates": "x"}', "NoImageError", rivals=NATIVE),
    unusable("words", "words instead of a picture", words("I cannot draw that."), "NoImageError"),
    unusable("html", "an HTML page", b"<html><title>Log in</title></html>"),
    unusable("cut-json", "half an answer", lambda c: picture(c)[:-9]),
    unusable("two-documents", "two answers in one body", lambda c: picture(c) * 2),
    unusable("bom", "a picture behind a byte order mark", lambda c: b"\xef\xbb\xbf" + picture(c), A_PICTURE, "yes"),
    unusable("utf-16", "a picture in UTF-16", lambda c: picture(c).decode().encode("utf-16")),
    unusable("invalid-utf-8", "bytes that are no UTF-8", native().replace(b"STOP", b"ST\xffP"), A_PICTURE, "yes"),
    unusable(
        "nan", "`NaN` where a number belongs", native(usageMetadata={"totalTokenCount": float("nan")}), rivals=NATIVE
    ),
    unusable("infinity", "`Infinity` in a field nobody reads", native(odd=float("inf")), rivals=NATIVE),
    unusable("deep-arrays", "200,000 arrays in one another", b"[" * 200_000 + b"]" * 200_000),
    unusable("deep-objects", "200,000 objects in one another", b'{"a":' * 200_000 + b"1" + b"}" * 200_000),
    unusable(
        "duplicate-keys",
        "`candidates` twice, of which the last holds a picture",
        native().replace(b"{", b'{"candidates": null, ', 1),
        A_PICTURE,
        "yes",
        rivals=NATIVE,
    ),
    unusable(
        "long-number",
        "a number of 5000 digits",
        native().replace(b'"STOP"', b"9" * 5000),
        A_PICTURE,
        "yes",
        rivals=NATIVE,
    ),
    unusable(
        "error",
        "an error object",
        text({"error": {"message": "upstream failed (request id: req_1)", "code": "upstream_error"}}),
        billed="unknown",
        attributes=DISGUISED,
    ),
    unusable(
        "error-in-list",
        "an error object inside a list",
        text([{"error": {"message": "upstream failed (request id: req_1)", "code": "upstream_error"}}]),
        billed="unknown",
        attributes=DISGUISED,
    ),
    unusable("error-string", '`{"error": "failed"}`', text({"error": "failed"}), billed="unknown"),
    unusable("error-flat", "a flat code and message", text({"code": 500, "message": "failed"}), billed="unknown"),
    unusable(
        "error-and-picture",
        "an error and a picture",
        native(error={"message": "late"}),
        A_PICTURE,
        "yes",
        rivals=NATIVE,
    ),
    unusable(
        "blocked",
        "a blocked prompt",
        text({"promptFeedback": {"blockReason": "SAFETY"}}),
        "PromptBlockedError",
        rivals=NATIVE,
        attributes={"reason": "SAFETY"},
    ),
    unusable("chat-null", "`content: null` (chat format)", chat(None), "NoImageError", wire="chat", rivals=("openai",)),
    unusable("chat-list", "`[]` (chat format)", b"[]", wire="chat", rivals=NONE),
]


def data(name: str, does: str, value: object, outcome: str = "UnusableResponseError", **others: Any) -> Row:
    """A row for what stands in the place of a picture's Base64."""
    billed = "yes" if outcome == A_PICTURE else "probably"
    return unusable(f"data-{name}", does, native(value), outcome, billed, rivals=NATIVE, **others)


DATA = [
    data("bad", "Base64 that holds characters of no alphabet", B64[:20] + "!*" + B64[22:]),
    data("newline", "Base64 broken into lines", B64[:40] + "\n" + B64[40:], A_PICTURE),
    data("cut", "Base64 that ends too early", B64.rstrip("=")[:-1]),
    data("unpadded", "Base64 without its padding", B64.rstrip("="), A_PICTURE),
    data("url-safe", "Base64 of the alphabet for addresses", B64.replace("+", "-").replace("/", "_"), A_PICTURE),
    data("padding-inside", "Base64 with padding in the middle", B64[:8] + "====" + B64[8:]),
    data("not-ascii", "Base64 with a letter beyond ASCII", "é" + B64[1:]),
    data("empty", "an empty picture", "", "NoImageError"),
    data("number", "a number for a picture", 3, "NoImageError"),
    data("null", "`null` for a picture", None, "NoImageError"),
    unusable(
        "data-chat",
        "bad Base64 (chat format)",
        chat("![image](data:image/png;base64,iVBO!Rw0KGgo=)"),
        wire="chat",
        rivals=NONE,
    ),
]

CAP = {"max_response_bytes": 100_000}


def coded(name: str, does: str, body: Any, encoding: str, outcome: str = "UnusableResponseError", **others: Any) -> Row:
    """A row for a content encoding."""
    billed = "yes" if outcome == A_PICTURE else "probably"
    return unusable(f"coded-{name}", does, body, outcome, billed, fields=(f"Content-Encoding: {encoding}",), **others)


def capped(name: str, does: str, act: Act, outcome: str = "UnusableResponseError", **others: Any) -> Row:
    """A row for a client that takes 100 kB at most."""
    others = {"options": CAP, "rivals": NONE, **others}
    billed = "yes" if outcome == A_PICTURE else "probably"
    does = f"{does} (client with `max_response_bytes=100_000`)"
    return row(f"cap-{name}", does, act, 1, outcome, billed, **others)


def _bomb(decoded: int) -> bytes:
    packer, piece = zlib.compressobj(9, wbits=31), bytes(MB)
    return b"".join(packer.compress(piece) for _ in range(decoded // MB)) + packer.flush()


BOMB = _bomb(150 * MB)
GZIPPED = ("Content-Encoding: gzip",)
SIZES = [
    coded("gzip", "a picture in gzip", lambda c: gzip.compress(picture(c)), "gzip", A_PICTURE),
    coded("deflate", "a picture in deflate", lambda c: zlib.compress(picture(c)), "deflate", A_PICTURE),
    coded("false-gzip", "a body that is not the gzip it claims to be", picture, "gzip", A_PICTURE),
    coded("cut-gzip", "gzip that ends too early", lambda c: gzip.compress(picture(c))[:-40], "gzip"),
    coded("unknown", "an encoding that nobody knows", lambda c: picture(c)[::-1], "rot13"),
    capped(
        "length",
        "states 50 MB and sends them",
        flood(head(200, f"Content-Length: {50 * MB}"), b" " * MB, 50),
        most_sent=16 * MB,
    ),
    capped(
        "chunked",
        "sends chunks without end",
        flood(head(200, "Transfer-Encoding: chunked"), _chunk(b" " * 60_000)),
        most_sent=16 * MB,
    ),
    capped("unstated", "sends a body without a length and without end", flood(head(200), b" " * MB), most_sent=16 * MB),
    capped("exact", "sends a picture of exactly that size", reply(200, lambda c: picture(c).ljust(100_000)), A_PICTURE),
    capped("one-more", "sends a picture of one byte more", reply(200, lambda c: picture(c).ljust(100_001))),
    capped("bomb", "sends a gzip bomb of 150 MB", reply(200, BOMB, *GZIPPED), most_memory=100 * MB),
    capped(
        "bomb-in-gzip",
        "sends a gzip bomb of 150 MB in another layer of gzip",
        reply(200, gzip.compress(BOMB), "Content-Encoding: gzip, gzip"),
        most_memory=100 * MB,
    ),
    row(
        "cap-bomb-500",
        "answers 500 with a gzip bomb of 150 MB in another layer of gzip",
        reply(500, gzip.compress(BOMB), "Content-Encoding: gzip, gzip"),
        1,
        "ServerError",
        "unknown",
        rivals=NONE,
        most_memory=100 * MB,
    ),
]

ESCAPED_KEY = "".join(f"\\u{ord(letter):04x}" for letter in KEY)
SECRETS = [
    row(
        "key-in-error",
        "answers 401 and quotes the key",
        refusal(401, gateway("x", f"Bad key {KEY}")),
        1,
        "AuthenticationError",
        "no",
    ),
    row(
        "key-escaped",
        "answers 401 and quotes the key in JSON's escapes",
        refusal(401, gateway("x", "Bad key KEY").replace(b"KEY", ESCAPED_KEY.encode())),
        1,
        "AuthenticationError",
        "no",
        rivals=NONE,
    ),
    row(
        "key-in-headers",
        "answers 302 and quotes the key in its headers",
        refusal(302, b"", f"Location: /login?key={KEY}", f"x-request-id: {KEY}"),
        1,
        "APIStatusError",
        "no",
        rivals=NONE,
    ),
    row(
        "key-in-status-line",
        "quotes the key in a broken header",
        write(head(200, f"Bearer {KEY}")),
        1,
        "OutcomeUnknownError",
        "unknown",
        rivals=NONE,
    ),
    unusable("key-in-words", "words that quote the key", words(f"Your key is {KEY}."), "NoImageError", rivals=NONE),
    unusable(
        "key-in-words-escaped",
        "words that quote the key in JSON's escapes",
        native()
        .replace(b'"inlineData"', b'"odd"')
        .replace(b'"odd":', b'"text": "KEY", "odd":')
        .replace(b"KEY", ESCAPED_KEY.encode()),
        A_PICTURE,
        "yes",
        rivals=NONE,
    ),
    unusable(
        "key-in-disguise",
        "an error object that quotes the key",
        text({"error": {"message": f"Bad key {KEY}", "code": KEY}}),
        billed="unknown",
        rivals=NONE,
    ),
    row(
        "words-many-lines",
        "answers 400 with a message of many lines and a terminal's escape codes",
        refusal(400, gateway("x", "first\r\n\r\nsecond\x1b[2J\x1b]0;title\x07\tthird\u202e\x00end")),
        1,
        "BadRequestError",
        "no",
        rivals=NONE,
    ),
    row(
        "words-endless",
        "answers 400 with a message of 500 kB",
        refusal(400, gateway("x", "word " * 100_000)),
        1,
        "BadRequestError",
        "no",
        rivals=NONE,
    ),
    row(
        "words-endless-code",
        "answers 400 with a code of 500 kB",
        refusal(400, gateway("c" * 500_000)),
        1,
        "BadRequestError",
        "no",
        rivals=NONE,
    ),
    row(
        "words-endless-header",
        "answers 302 to a location of 60 kB, with a request id of 20 kB",
        reply(302, b"", f"Location: /{'l' * 60_000}", f"x-request-id: {'i' * 20_000}"),
        1,
        "APIStatusError",
        "no",
        rivals=NONE,
    ),
    row(
        "words-surrogate",
        "answers 400 with half a surrogate pair in its message",
        refusal(400, b'{"error": {"message": "half \\ud83d a smile", "code": "\\ud83d"}}'),
        1,
        "BadRequestError",
        "no",
        rivals=NONE,
    ),
    unusable(
        "words-odd",
        "words of many lines, with half a surrogate pair",
        b'{"candidates": [{"content": {"parts": [{"text": "No.\\n\\n\\ud83d\\u001b[2J"}]}, "finishReason": "STOP\\n"}]}',
        "NoImageError",
        rivals=NONE,
    ),
]

TOPICS = {
    "Statuses": STATUSES,
    "Error bodies": ERROR_BODIES,
    "Being told to wait": WAITS,
    "With `retry_unknown=True` and `max_retries=1`": OPT_INS,
    "Redirects": REDIRECTS,
    "Connections": CONNECTIONS,
    "HTTP gone wrong": FRAMES,
    "Slowness": TIMES,
    "Uploads": UPLOADS,
    "TLS": TLS,
    "Addresses and proxies": ADDRESSES,
    "200 and a body": BODIES,
    "Pictures": DATA,
    "Encodings and sizes": SIZES,
    "Words and secrets": SECRETS,
}
ROWS = [item for items in TOPICS.values() for item in items]
