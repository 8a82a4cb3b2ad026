"""Receiving: an answer comes whole, or says how far it came, whichever way it is framed."""

from __future__ import annotations

import base64
import gzip
import json
import os
import warnings

import httpx
import pytest

from ..faults.server import Server, head, reply, write
from .exchange import EVERYWHERE, TWINS, Drive, Exchange

LARGE = os.urandom(3_000_000)
BODY = json.dumps({"data": base64.b64encode(LARGE).decode(), "end": True}).encode()


def chunked(body: bytes, size: int = 70_001) -> bytes:
    """The body in chunks (RFC 9112, 7.1)."""
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


FRAMED = {
    "length": head(200, f"Content-Length: {len(BODY)}") + BODY,
    "two lengths that agree": head(200, f"Content-Length: {len(BODY)}, {len(BODY)}") + BODY,
    "chunks": head(200, "Transfer-Encoding: chunked") + chunked(BODY),
    "chunks and a length": head(200, "Transfer-Encoding: chunked", "Content-Length: 5") + chunked(BODY),
    "until the end": head(200, "Connection: close") + BODY,
    "more than its length": head(200, f"Content-Length: {len(BODY)}") + BODY + b"what nobody asked for" * 9999,
    "compressed": head(200, "Content-Encoding: gzip", f"Content-Length: {len(gzip.compress(BODY, 1))}")
    + gzip.compress(BODY, 1),
    "compressed chunks": head(200, "Content-Encoding: gzip", "Transfer-Encoding: chunked")
    + chunked(gzip.compress(BODY, 1)),
}


@EVERYWHERE
@pytest.mark.parametrize("framing", FRAMED)
def test_an_answer_comes_whole(drive: Drive, framing: str) -> None:
    """However its end is told, an answer comes byte for byte, and its large value is lifted."""
    with Server([write(FRAMED[framing])]) as server, warnings.catch_warnings():
        warnings.simplefilter("error")
        exchange = drive(Exchange(server.url))
    assert exchange.error is None
    assert list(exchange.intake.lifted.blobs.values()) == [LARGE]
    assert exchange.intake.content() == BODY


@EVERYWHERE
@pytest.mark.parametrize("came", [0, 1, 200, 100_000, len(BODY) - 1])
@pytest.mark.parametrize("end", ["close", "reset"])
def test_a_cut_answer_is_an_error(drive: Drive, came: int, end: str) -> None:
    """An answer that is shorter than its length raises, and what came of it is there."""
    act = write(head(200, f"Content-Length: {len(BODY)}") + BODY[:came], end=end)
    with Server([act]) as server:
        exchange = drive(Exchange(server.url))
    assert isinstance(exchange.error, httpx.RemoteProtocolError | httpx.ReadError)
    assert exchange.try_.sent
    if end == "close":
        assert exchange.intake.content() == BODY[:came]


@EVERYWHERE
@pytest.mark.parametrize("framing", ["length", "chunks", "compressed"])
def test_no_more_is_taken_than_the_limit(drive: Drive, framing: str) -> None:
    """Receiving stops when there is more than the limit, and leaves nothing open."""
    with Server([write(FRAMED[framing])]) as server, warnings.catch_warnings():
        warnings.simplefilter("error")
        exchange = drive(Exchange(server.url, options={"limit": 1_000_000}))
    assert exchange.error is None
    assert exchange.intake.is_full
    assert 1_000_000 < exchange.intake.size < 1_200_000
    assert exchange.intake.content() == BODY[: exchange.intake.size]


@TWINS
@pytest.mark.parametrize("status", [204, 304])
def test_an_answer_that_has_no_body_is_not_waited_for(drive: Drive, status: int) -> None:
    """A status that has no body ends with its head, whatever length it names."""
    with Server([write(head(status, "Content-Length: 1000"), end="linger")]) as server:
        exchange = drive(Exchange(server.url, timeout=5))
    assert exchange.error is None
    assert exchange.intake.content() == b""


@EVERYWHERE
def test_silence_in_the_middle_ends_with_the_call(drive: Drive) -> None:
    """A body that stops coming is a read time-out when the time of the call is over."""
    act = write(head(200, f"Content-Length: {len(BODY)}") + BODY[:500_000], end="linger")
    with Server([act]) as server:
        exchange = drive(Exchange(server.url, timeout=0.6))
    assert isinstance(exchange.error, httpx.ReadTimeout)
    assert 0.5 < exchange.elapsed < 5
    assert exchange.intake.content() == BODY[:500_000]


@EVERYWHERE
def test_inflating_knows_the_deadline(drive: Drive) -> None:
    """A small answer that inflates to much is left when the time of the call is over."""
    body = gzip.compress(b'"data":"' * (40 * 131_072), 9)  # 40 MB, whose every eighth byte begins a value
    with Server([reply(200, body, "Content-Encoding: gzip")]) as server:
        exchange = drive(Exchange(server.url, timeout=0.3, options={"limit": 256 * 1024 * 1024}))
    assert isinstance(exchange.error, httpx.ReadTimeout)
    assert 0 < exchange.intake.size < 40 * 1024 * 1024
