"""The transport: large bodies both ways on every kind of loop, proxies, the key, what counts as sent, and the deadline."""

from __future__ import annotations

import asyncio
import base64
import gc
import hashlib
import json
import logging
import os
import socket
import ssl
import time
import warnings
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from nanobanana._engine.receive import receive_async
from nanobanana._engine.route import proxy_from_url
from nanobanana._engine.tokens import Blobs
from nanobanana._engine.transport import AsyncTransport, SyncTransport, Way
from nanobanana._engine.upload import Upload
from nanobanana._engine.wires import Try

from ..faults.server import Connection, Server, drip, head, native, reply, stall, write
from .exchange import EVERYWHERE, SECRET, TWINS, Drive, Exchange, trusting
from .proxies import Proxy

LARGE = os.urandom(3_000_000)
ANSWER = native(base64.b64encode(LARGE).decode())
USER, PASSWORD = b"dom\\alice", b"p@ss:w#rd/%"


def upload(*blobs: bytes) -> Upload:
    """A request with large values."""
    kept = Blobs()
    return Upload(json.dumps([kept.add(blob) for blob in blobs]).encode(), kept)


class Digest:
    """An act that keeps the head and the digest of the body it got, reading slowly at first, so that the sender waits."""

    def __init__(self) -> None:
        self.hexdigest = ""

    def __call__(self, connection: Connection) -> None:
        connection.read_head()
        digest, left = hashlib.sha256(connection._buffer), connection._length - len(connection._buffer)
        time.sleep(0.2)
        while left > 0:
            piece = connection._receive(keep=False)
            digest.update(piece)
            left -= len(piece)
        self.hexdigest = digest.hexdigest()
        connection.send(head(200, f"Content-Length: {len(ANSWER)}") + ANSWER)
        connection.close()


class Heads:
    """An act that keeps the head of each request, and answers well."""

    def __init__(self) -> None:
        self.heads: list[bytes] = []

    def __call__(self, connection: Connection) -> None:
        while b"\r\n\r\n" not in connection._buffer:
            connection._receive()
        self.heads.append(connection._buffer.partition(b"\r\n\r\n")[0])
        reply(200, ANSWER)(connection)
        connection.close()


def came_whole(exchange: Exchange) -> bool:
    """Whether the answer came, and nothing went wrong."""
    if exchange.error is not None:
        raise exchange.error
    return list(exchange.intake.lifted.blobs.values()) == [LARGE]


@EVERYWHERE
@pytest.mark.parametrize("secure", [False, True], ids=["plain", "TLS"])
def test_large_bodies_go_both_ways(drive: Drive, secure: bool) -> None:
    """Five large blobs arrive byte for byte at a server that is slow to read, and a large answer comes back."""
    act, body = Digest(), upload(*(os.urandom(2_000_000 + size) for size in range(5)))
    with Server([act], secure=secure, certificate="good" if secure else None) as server:
        exchange = drive(Exchange(server.url, body))
    assert came_whole(exchange)
    assert exchange.try_.sent
    assert act.hexdigest == hashlib.sha256(b"".join(body)).hexdigest()


def _options(kind: str, server: Server) -> tuple[str, str]:
    """The address to ask for, and what the proxy is to be asked."""
    if server.url.startswith("https"):
        return (
            "https://elsewhere.example",
            "CONNECT elsewhere.example:443 HTTP/1.1" if kind != "socks5" else "elsewhere.example:443",
        )
    return (
        "http://elsewhere.example/x",
        "POST http://elsewhere.example/x HTTP/1.1" if kind != "socks5" else "elsewhere.example:80",
    )


@EVERYWHERE
@pytest.mark.parametrize("kind", ["http", "https", "socks5"])
@pytest.mark.parametrize("secure", [False, True], ids=["plain", "TLS"])
@pytest.mark.parametrize("named", [False, True], ids=["anybody", "a user"])
def test_through_a_proxy(drive: Drive, kind: str, secure: bool, named: bool) -> None:
    """Through a proxy of any kind, one behind TLS included, large bodies go both ways, and it is given the user and
    password of its address, percent-decoded."""
    who = f"{quote(USER, safe='')}:{quote(PASSWORD, safe='')}@" if named else ""
    expected = {"user": USER, "password": PASSWORD} if named else {}
    with Server([reply(200, ANSWER)], secure=secure, certificate="of another name" if secure else None) as server:
        with Proxy(kind, int(server.url.rpartition(":")[2]), **expected) as proxy:
            url, asked = _options(kind, server)
            way = Way(trusting(), proxy_from_url(f"{kind}://{who}{proxy.address}", "HTTPS_PROXY"))
            exchange = drive(Exchange(url, upload(LARGE), way))
    assert came_whole(exchange)
    assert proxy.asked == [asked]
    assert proxy.given == [(USER, PASSWORD) if named else None]


@TWINS
@pytest.mark.parametrize("kind", ["http", "socks5"])
@pytest.mark.parametrize("who", ["", "eve:guess@"], ids=["nobody", "another"])
def test_a_proxy_that_refuses(drive: Drive, kind: str, who: str) -> None:
    """A proxy that does not let us through is an error of its own, nothing of the request was sent, and neither the
    password nor the key is in the words."""
    with Proxy(kind, 9, user=USER, password=PASSWORD) as proxy:
        way = Way(trusting(), proxy_from_url(f"{kind}://{who}{proxy.address}", "HTTPS_PROXY"))
        exchange = drive(Exchange("https://elsewhere.example", way=way, timeout=10))
    assert isinstance(exchange.error, httpx.ProxyError)
    assert not exchange.try_.sent
    assert "guess" not in repr(exchange.error) + repr(way)


@TWINS
@pytest.mark.parametrize(
    "nonsense", [b"", b"\x05", b"SSH-2.0-OpenSSH\r\n", b"\x04\x00", b"HTTP/1.1 400 Bad Request\r\n\r\n"]
)
@pytest.mark.parametrize("kind", ["http", "socks5"])
def test_a_proxy_that_talks_nonsense(drive: Drive, kind: str, nonsense: bytes) -> None:
    """Whatever speaks where a proxy should, the error is one of httpx, and nothing of the request was sent."""
    with Proxy(kind, 9, nonsense=nonsense) as proxy:
        way = Way(trusting(), proxy_from_url(proxy.url, "HTTPS_PROXY"))
        exchange = drive(Exchange("https://elsewhere.example", way=way, timeout=5))
    assert isinstance(exchange.error, httpx.HTTPError)
    assert not exchange.try_.sent


@TWINS
def test_the_secret_is_in_no_object_of_httpx(drive: Drive) -> None:
    """Secret headers reach the server, and stand in no request or response of httpx."""
    act = Heads()
    with Server([act]) as server:
        exchange = drive(Exchange(server.url))
    assert came_whole(exchange)
    assert b"%s: %s" % SECRET in act.heads[0]
    assert exchange.response is not None
    request = exchange.response.request
    seen = [*request.headers.raw, *exchange.response.headers.raw, *request.extensions.items()]
    assert SECRET[1].decode() not in str(seen)


@TWINS
def test_instrumentation_sees_each_try(drive: Drive) -> None:
    """OpenTelemetry's instrumentation of httpx makes a span for each try, without the key in it."""
    from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    instrumentor = HTTPXClientInstrumentor()
    instrumentor.instrument(tracer_provider=provider)
    try:
        with Server([reply(200, ANSWER)]) as server:
            for _ in range(2):
                assert came_whole(drive(Exchange(server.url)))
    finally:
        instrumentor.uninstrument()
    spans = exporter.get_finished_spans()
    assert [span.name for span in spans] == ["POST", "POST"]
    assert all("sk-engine" not in span.to_json() for span in spans)


@TWINS
def test_logs_do_not_hold_the_secret(drive: Drive, caplog: pytest.LogCaptureFixture) -> None:
    """At the finest level of logging, the key of the request is in no line of httpx's or httpcore's."""
    caplog.set_level(logging.DEBUG)
    with Server([reply(200, ANSWER)]) as server:
        assert came_whole(drive(Exchange(server.url)))
    assert "send_request_headers" in caplog.text
    assert "sk-engine" not in caplog.text


REFUSALS: dict[str, tuple[dict[str, Any], bool]] = {
    "nobody listens": ({"door": "closed"}, False),
    "nobody answers": ({"door": "full"}, False),
    "no TLS": ({"acts": [stall]}, False),
    "a handshake that drips": ({"acts": [write(*[b"\x16\x03\x03\x40\x00", *[b"\0"] * 60], pause=0.1, read=False)]}, False),
    "a certificate that nobody trusts": ({"secure": True, "certificate": "untrusted"}, False),
    "a certificate of another name": ({"secure": True, "certificate": "of another name"}, False),
    "an answer that never comes": ({"secure": True, "certificate": "good", "acts": [write(end="linger")]}, True),
    "an answer that is no HTTP": ({"secure": True, "certificate": "good", "acts": [write(b"\0" * 99)]}, True),
    "the end before an answer": ({"secure": True, "certificate": "good", "acts": [write(end="reset")]}, True),
    "an answer that drips": ({"secure": True, "certificate": "good", "acts": [drip(b"HTTP/1.1 200 OK\r\n", [b"x"])]}, True),
}  # fmt: skip


@EVERYWHERE
@pytest.mark.parametrize("refusal", REFUSALS)
def test_what_counts_as_sent(drive: Drive, refusal: str) -> None:
    """Only when a byte of the request was handed to the socket is it called sent, and every failure is one of httpx, in
    time."""
    options, sent = REFUSALS[refusal]
    with Server(**{"acts": [reply(200, ANSWER)], **options}) as server:
        way = Way(trusting(), connect_timeout=0.6)
        exchange = drive(Exchange(server.url.replace("http:", "https:"), way=way, timeout=1.5))
    assert isinstance(exchange.error, httpx.HTTPError)
    assert exchange.try_.sent is sent
    assert exchange.elapsed < 4
    if "name" in refusal or "nobody trusts" in refusal:
        causes: list[BaseException | None] = [exchange.error]
        while causes[-1] is not None:
            causes.append(causes[-1].__cause__ or causes[-1].__context__)
        assert any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes)


@EVERYWHERE
@pytest.mark.parametrize("secure", [False, True], ids=["plain", "TLS"])
def test_a_server_that_stops_reading(drive: Drive, secure: bool) -> None:
    """A request that nobody takes is a write time-out when the time of the call is over, and called sent."""

    def act(connection: Connection) -> None:
        connection.read_head()
        stall(connection)

    body = upload(bytes(30_000_000))
    with Server([act], secure=secure, certificate="good" if secure else None) as server:
        exchange = drive(Exchange(server.url, body, timeout=1.0))
    assert isinstance(exchange.error, httpx.WriteTimeout)
    assert exchange.try_.sent
    assert exchange.elapsed < 4


@TWINS
@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="the kernel's table of connections is Linux's")
def test_a_silent_connection_is_kept_alive(drive: Drive) -> None:
    """While a call waits in silence, the kernel shows the other side within a minute that we are still there."""
    timers: list[str] = []

    def act(connection: Connection) -> None:
        connection.read()
        time.sleep(0.5)
        server, client = (f"{sock[1]:04X}" for sock in (connection.sock.getsockname(), connection.sock.getpeername()))
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[1].endswith(":" + client) and fields[2].endswith(":" + server):
                timers.append(fields[5])
        connection.send(head(200, f"Content-Length: {len(ANSWER)}") + ANSWER)
        connection.close()

    with Server([act]) as server:
        assert came_whole(drive(Exchange(server.url)))
    (timer,) = timers
    kind, _, due = timer.partition(":")
    assert kind == "02"
    assert int(due, 16) / os.sysconf("SC_CLK_TCK") <= 60


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "TLS"])
def test_many_calls_at_once(secure: bool) -> None:
    """Calls that run at once all get their large answers, and no socket is left open."""

    async def main(url: str) -> list[Exchange]:
        exchanges = [Exchange(url, upload(LARGE)) for _ in range(12)]
        await asyncio.gather(*(exchange.run_async() for exchange in exchanges))
        return exchanges

    certificate = "good" if secure else None
    with warnings.catch_warnings(), Server([reply(200, ANSWER)], secure=secure, certificate=certificate) as server:
        warnings.simplefilter("error")
        exchanges = asyncio.run(main(server.url))
        gc.collect()
    for exchange in exchanges:
        exchange.intake.finish()
        assert came_whole(exchange)


@pytest.mark.parametrize("came", [0, 100_000])
def test_a_cancelled_call_leaves_nothing_on_the_loop(came: int) -> None:
    """A call that is cancelled, before its answer or in the middle of it, takes its readers off the loop."""

    async def main(url: str) -> int:
        exchange = Exchange(url)
        task = asyncio.create_task(exchange.run_async())
        await asyncio.sleep(0.4)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        selector = asyncio.get_running_loop()._selector  # type: ignore[attr-defined]
        return len(selector.get_map())

    answer = (head(200, f"Content-Length: {len(ANSWER)}") + ANSWER)[:came]
    with warnings.catch_warnings(), Server([write(answer, end="linger")], secure=True, certificate="good") as server:
        warnings.simplefilter("error")
        assert asyncio.run(main(server.url)) == 1, "only the loop's own pipe is left"
        gc.collect()


def test_a_large_answer_lets_others_have_their_turn() -> None:
    """While an answer pours in as fast as it can be read, the event loop goes on with other work."""
    body = native(base64.b64encode(bytes(40_000_000)).decode())

    async def main(url: str) -> float:
        longest, last, is_over = 0.0, time.monotonic(), False

        async def tick() -> None:
            nonlocal longest, last
            while not is_over:
                await asyncio.sleep(0)
                longest, last = max(longest, time.monotonic() - last), time.monotonic()

        ticking = asyncio.create_task(tick())
        began = time.monotonic()
        await Exchange(url, options={"limit": 80_000_000}).run_async()
        took, is_over = time.monotonic() - began, True
        await ticking
        return longest / took

    with Server([reply(200, body)]) as server:
        assert asyncio.run(main(server.url)) < 0.6  # of the whole call: reading takes most of it, in many turns


def test_one_client_serves_several_loops() -> None:
    """Nothing is kept between tries, so the same way can be used from one event loop after another."""
    way = Way(trusting())
    with Server([reply(200, ANSWER)], secure=True, certificate="good") as server:
        for _ in range(2):
            exchange = Exchange(server.url, way=way)
            asyncio.run(exchange.run_async())
            exchange.intake.finish()
            assert came_whole(exchange)


def test_a_try_through_the_transport_alone() -> None:
    """The transports can be used without a client around them, as httpx's own can."""

    async def main(url: str) -> bytes:
        transport = AsyncTransport(Way(), Try(lambda: 10.0))
        async with transport:
            exchange = Exchange(url)
            response = await transport.handle_async_request(httpx.Request("GET", url))
            await receive_async(response, exchange.taken(response), lambda: 10.0)
        exchange.intake.finish()
        return exchange.intake.content()

    with Server([reply(200, ANSWER)]) as server:
        with SyncTransport(Way(), Try(lambda: 10.0)) as transport:
            response = transport.handle_request(httpx.Request("GET", server.url))
            assert response.read() == ANSWER
        assert asyncio.run(main(server.url)) == ANSWER


@TWINS
def test_rerouting(drive: Drive) -> None:
    """A reroute says where to connect, while the server's name stays what TLS and HTTP are told."""
    asked: list[tuple[str, int]] = []
    act = Heads()
    with Server([act], secure=True, certificate="of another name") as server:
        port = int(server.url.rpartition(":")[2])

        def reroute(host: str, at: int) -> tuple[str, int]:
            asked.append((host, at))
            return "127.0.0.1", port

        exchange = drive(Exchange("https://elsewhere.example", way=Way(trusting(), reroute=reroute)))
    assert came_whole(exchange)
    assert asked == [("elsewhere.example", 443)]
    assert b"host: elsewhere.example" in act.heads[0].lower()


def test_descriptors_are_closed_when_connecting_fails() -> None:
    """Refused and timed-out connections leave no socket behind."""
    with warnings.catch_warnings(), Server([stall], door="full") as server:
        warnings.simplefilter("error")
        end = time.monotonic() + 5
        transport = SyncTransport(Way(connect_timeout=0.2), Try(lambda: end - time.monotonic()))
        with pytest.raises(httpx.ConnectTimeout):
            transport.handle_request(httpx.Request("GET", server.url))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            with pytest.raises(httpx.ConnectError, match="refused"):
                transport.handle_request(httpx.Request("GET", f"http://127.0.0.1:{free.getsockname()[1]}"))
        gc.collect()
