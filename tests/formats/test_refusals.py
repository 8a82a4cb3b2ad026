"""Refusals: error bodies of every shape become typed errors, whatever stands in them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from nanobanana import APIStatusError, QuotaExceededError, UnusableResponseError
from nanobanana._formats.refusals import (
    error_in_disguise,
    parse_duration,
    parse_retry_after,
    read_refusal,
    status_error,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
NAMES = st.sampled_from(
    ["error", "message", "code", "type", "param", "status", "details", "retryDelay", "reason", "@type"]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.sampled_from(["34s", "-1s", "\ud83d", "(request id: x)"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=15,
)  # fmt: skip
DATES = st.builds(
    " ".join,
    st.lists(
        st.sampled_from(["Wed,", "Foo,", "21", "99", "Oct", "2026", "99999", "0", "-1", "07:28:00", "99:99:99", "1e400", "GMT", "UTC", "+99:99", "+2400", "BST", "AM",
                         "\u0663", "", ".", "Inf", "NaN", "12:00:00.5", "T07:28:00Z", "0" * 40, "9" * 40]),
        max_size=8,
    ),
)  # fmt: skip


@settings(deadline=None)  # the first call imports dateutil
@given(DATES | st.text(max_size=40), st.none() | st.just(NOW))
@example("Wed, 31 Dec 9999 23:59:59 GMT", None)
@example("Mon, 01 Jan 0001 00:00:00 +2359", NOW)
@example("Wed, 21 Oct 2026 07:28:00 +99:99", NOW)
@example("9" * 15, None)
@example("0\x1f", None)
def test_any_time_to_come_back_is_seconds_or_none(value: str, now: datetime | None) -> None:
    """Whatever Retry-After says, it is a number of seconds that can be waited for, or nothing."""
    found = parse_retry_after(value, now=now)
    assert found is None or 0 <= found < 1e16


@pytest.mark.parametrize(
    ("value", "seconds"),
    [(None, None), ("", None), ("7", 7), (" 7.5 ", 7.5), ("-3", 0), ("soon", None), ("Thu, 01 Jan 2026 00:01:00 GMT", 60),
     ("Thursday, 01-Jan-26 00:01:00 GMT", 60), ("Thu Jan  1 00:01:00 2026", 60), ("Thu, 01 Jan 2026 01:01:00 +0100", 60),
     ("Wed, 31 Dec 2025 00:00:00 GMT", 0), ("Thu, 99 Jan 2026 00:01:00 GMT", None)],
)  # fmt: skip
def test_times_to_come_back(value: str | None, seconds: float | None) -> None:
    """Seconds and HTTP dates in their three forms (RFC 9110, 5.6.7) are understood, and one that is past is now."""
    assert parse_retry_after(value, now=NOW) == seconds


@given(VALUES)
@example("1e400s")
def test_any_duration_is_seconds_or_none(value: Any) -> None:
    """Whatever stands where a duration is due, it is a number of seconds or nothing."""
    found = parse_duration(value)
    assert found is None or 0 <= found < 1e16


@given(VALUES, st.integers(300, 599), st.text(max_size=30))
def test_any_error_body_is_a_typed_error(document: Any, status_code: int, header: str) -> None:
    """Whatever JSON an error answer holds, it becomes the error for its status, in words that can be written."""
    error = status_error(status_code, {"retry-after": header, "x-request-id": header}, json.dumps(document).encode())
    assert isinstance(error, APIStatusError)
    f"{error} {error.code} {error.type} {error.param} {error.request_id} {error.body}".encode()


@given(st.binary(max_size=200))
@example(b"[" * 100_000)
@example(b"<title " * 50_000)
@example(b'{"error":{"code":' + b"9" * 5000 + b"}}")
def test_any_error_bytes_are_a_typed_error(body: bytes) -> None:
    """Whatever bytes an error answer holds, it becomes the error for its status."""
    str(status_error(502, {}, body)).encode()


@given(VALUES)
def test_any_document_reports_an_error_or_none(document: Any) -> None:
    """An error that came with a 2xx is told in words that can be written, whatever stands in it."""
    refusal = read_refusal(document)
    if refusal is not None:
        error = error_in_disguise(refusal, status_code=200)
        assert isinstance(error, UnusableResponseError)
        str(error).encode()


@pytest.mark.parametrize("code", [0, 200, "0", "200", "success"])
def test_envelope_of_a_good_answer_is_no_refusal(code: Any) -> None:
    """A flat body whose code says that all is well reports no error."""
    assert read_refusal({"code": code, "message": "success", "data": {}}) is None
    assert read_refusal({"code": 500, "message": "busy"}) is not None


def test_code_without_words_is_a_refusal_where_the_status_refuses() -> None:
    """A flat body needs no words under a status that refuses, and reports no error under any other."""
    assert read_refusal({"code": "busy"}) is None
    assert read_refusal({"code": "busy"}, is_refused=True) is not None
    assert read_refusal({"code": "success"}, is_refused=True) is None


@pytest.mark.parametrize(("value", "name"), [(" a\n b ", "a b"), ("  ", None), (12.0, "12"), (1.5, None), (True, None)])
def test_names_are_words_or_whole_numbers(value: Any, name: str | None) -> None:
    """What names an error is folded; what is blank, or neither words nor a whole number, names nothing."""
    refusal = read_refusal({"error": {"type": value}})
    assert refusal is not None
    assert refusal.type == name


def test_digits_of_other_scripts_are_no_time() -> None:
    """A time to come back is written in the digits 0 to 9."""
    assert parse_retry_after("\u0663") is None
    assert parse_duration("\u0663s") is None


def test_each_detail_may_give_the_reason() -> None:
    """Credits are gone where any detail says so, not only the first that has a reason."""
    details = [{"reason": "OTHER"}, {"reason": "insufficient_quota"}]
    body = json.dumps({"error": {"message": "Sorry", "details": details}}).encode()
    assert isinstance(status_error(429, {}, body), QuotaExceededError)
