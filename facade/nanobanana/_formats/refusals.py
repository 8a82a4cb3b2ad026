"""Refusals: from an error body, in every shape that the gateway and its upstreams are known to send, to a typed
error."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from attrs import frozen

from ..errors import (
    APIStatusError,
    AuthenticationError,
    Billed,
    ContentPolicyError,
    QuotaExceededError,
    ServerError,
    UnusableResponseError,
    plain,
    status_error_class,
)
from .jsons import as_count, as_text

_BODY_KEPT = 4000  # characters
_MESSAGE_KEPT, _NAME_KEPT = 500, 100  # characters
_QUOTA_CODES = {"insufficient_quota", "insufficient_user_quota"}
_BAD_KEY_CODES = {"invalid_api_key", "missing_authorization", "expired_api_key", "API_KEY_INVALID"}
_NO_CHANNEL = re.compile(r"no (available )?channel|无可用渠道|無可用渠道", re.IGNORECASE)
_BAD_KEY = re.compile(r"api key not valid|invalid api key|api key expired", re.IGNORECASE)
_REQUEST_ID = re.compile(r"\(request id: ([^)\s]+)\)", re.IGNORECASE)
_NUMBER = re.compile(r"-?\d{1,15}(\.\d{1,9})?", re.ASCII)
_DATE = re.compile(r"[A-Z][a-z]{2,8},? .*\d\d:\d\d:\d\d")
_MAY_BE_PROCESSED = {408, 499}
_ALL_IS_WELL = (0, 200, "0", "200", "success", "ok")  # the codes of an envelope around a good answer


@frozen
class Refusal:
    """What an error body says, whatever shape it came in."""

    message: str = ""
    code: str | None = None
    type: str | None = None
    param: str | None = None
    reasons: frozenset[str] = frozenset()
    retry_delay: float | None = None
    has_details: bool = False


def read_refusal(document: Any, *, is_refused: bool = False) -> Refusal | None:
    """The error that a JSON document reports; None where it reports none. is_refused: whether the status says that it
    is an error; then a flat one needs no words.

    Known are the gateway's `{"error": {...}}`, the upstream's (with `status` and `details`), either inside a list,
    `error` as a plain string, and the flat `{"code", "message"}`.
    """
    if isinstance(document, list) and document:
        document = document[0]
    if not isinstance(document, dict):
        return None
    error = document.get("error")
    if isinstance(error, str) and error:
        error = {"message": error, "code": document.get("code")}
    if not isinstance(error, dict) or not error:
        code, has_words = document.get("code", 0), isinstance(document.get("message"), str)
        if code in _ALL_IS_WELL or not (has_words or (is_refused and _name(code))):
            return None
        error = document
    found, code = error.get("details"), error.get("code")
    details = [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []
    delays = [parse_duration(entry.get("retryDelay")) for entry in details]
    return Refusal(
        message=plain(as_text(error.get("message")), _MESSAGE_KEPT),
        code=_name(as_text(code)) or _name(error.get("status")) or _name(code),
        type=_name(error.get("type")),
        param=_name(error.get("param")),
        reasons=frozenset(as_text(entry.get("reason")) for entry in details),
        retry_delay=next((delay for delay in delays if delay is not None), None),
        has_details=bool(found),
    )


def _name(value: object) -> str | None:
    number = as_count(value)
    return plain(as_text(value) if number is None else str(number), _NAME_KEPT) or None


def status_error(
    status_code: int, headers: Mapping[str, str], body: bytes, *, now: datetime | None = None
) -> APIStatusError:
    """The typed error for an answer whose status is not 2xx. `headers` are looked up in lower case."""
    text = body[: 4 * _BODY_KEPT].decode("utf-8", "replace")
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        document = None
    refusal = read_refusal(document, is_refused=True) or Refusal(message=_words(text))
    location = None
    if 300 <= status_code < 400:
        location = headers.get("location") or None
        target = plain(location or "nowhere", 300)
        refusal = Refusal(message=f"the answer is a redirect to {target}, which is not followed")
    request_id = _name(headers.get("x-request-id")) or _request_id(refusal.message)
    retry_after = parse_retry_after(headers.get("retry-after"), now=now)
    if retry_after is None:
        retry_after = refusal.retry_delay
    cls, billed, advice = _judge(status_code, refusal, retry_after)
    return cls(
        refusal.message or "no reason was given",
        status_code=status_code,
        code=refusal.code,
        type=refusal.type,
        param=refusal.param,
        request_id=request_id,
        retry_after=retry_after,
        location=location,
        body=text[:_BODY_KEPT],
        billed=billed,
        advice=advice,
    )


def _judge(
    status_code: int, refusal: Refusal, retry_after: float | None
) -> tuple[type[APIStatusError], Billed, str | None]:
    """The class, whether it may have been billed, and advice where the class's own does not fit."""
    cls = status_error_class(status_code)
    if 300 <= status_code < 400:
        return cls, "no", "Correct the base URL"
    if status_code == 503 and _NO_CHANNEL.search(refusal.message):
        return cls, "no", "The gateway has no channel for this model; waiting does not help, another model may"
    if status_code == 503 and retry_after is not None:
        return cls, "no", "Wait and try again"
    if not 400 <= status_code < 500:
        return cls, "unknown", None
    names = {refusal.code, refusal.type, *refusal.reasons}
    is_exhausted = status_code == 429 and refusal.code == "RESOURCE_EXHAUSTED"
    if names & _QUOTA_CODES or (is_exhausted and not refusal.has_details and retry_after is None):
        cls = QuotaExceededError
    elif status_code == 400 and (names & _BAD_KEY_CODES or _BAD_KEY.search(refusal.message)):
        cls = AuthenticationError
    elif status_code == 400 and refusal.code == "content_policy_violation":
        cls = ContentPolicyError
    return cls, "unknown" if status_code in _MAY_BE_PROCESSED else "no", None


def is_turned_away(error: ServerError) -> bool:
    """Whether a 5xx says that the call was not begun and may be repeated later: a 503 with a time to come back."""
    return error.status_code == 503 and error.retry_after is not None and not _NO_CHANNEL.search(error.message)


def error_in_disguise(refusal: Refusal, *, status_code: int) -> UnusableResponseError:
    """The error for an error object that came with a 2xx."""
    return UnusableResponseError(
        f"HTTP {status_code}, but with an error in it: {refusal.message or 'no reason was given'}",
        request_id=_request_id(refusal.message),
        code=refusal.code,
        billed="unknown",
    )


def _request_id(message: str) -> str | None:
    found = _REQUEST_ID.search(message)
    return found[1] if found else None


def _words(text: str) -> str:
    """What a body that is not JSON says to a person: an HTML page's title, or its first words."""
    title = re.search(r"<title[^<>]{0,200}>([^<]*+)", text, re.IGNORECASE)
    if title is None and "<html" in text.lower():
        return "an HTML page instead of an answer"
    return plain(title[1] if title else text, 200)


def parse_retry_after(value: str | None, *, now: datetime | None = None) -> float | None:
    """Seconds to wait by a `Retry-After` header (RFC 9110, 10.2.3), in seconds or as an HTTP date.

    A time in the past gives 0; what is neither gives None.
    """
    value = (value or "").strip(" \t")
    if _NUMBER.fullmatch(value):
        return max(0.0, float(value))
    if not _DATE.match(value):  # dateutil would take almost anything for a date
        return None
    from dateutil import parser  # slow to import, and rarely needed

    try:
        moment = parser.parse(value, tzinfos=lambda name, offset: UTC if offset is None else offset)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return max(0.0, (moment - (now or datetime.now(UTC))).total_seconds())
    except Exception:  # the words of a stranger: dateutil lets out whatever its arithmetic raises on them
        return None


def parse_duration(value: object) -> float | None:
    """Seconds by a protobuf duration in JSON, such as "34s" or "0.5s"; None for anything else."""
    number, unit = as_text(value)[:-1], as_text(value)[-1:]
    return max(0.0, float(number)) if unit == "s" and _NUMBER.fullmatch(number) else None
