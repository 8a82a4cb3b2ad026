"""Connecting: one deadline over the look-up and all addresses, whichever of them answer."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from nanobanana._engine import connecting
from nanobanana._engine.transport import Way

from ..faults.server import Server, reply
from .exchange import EVERYWHERE, TWINS, Drive, Exchange

NAME = "gateway.test"


@contextlib.contextmanager
def dead_addresses(count: int) -> Iterator[tuple[list[str], int]]:
    """Addresses on one port at which whatever comes is dropped, as their queues are full."""
    with contextlib.ExitStack() as stack:
        port = 0
        for number in range(count):
            listener = stack.enter_context(socket.socket())
            listener.bind((f"127.0.0.{number + 2}", port))
            listener.listen(0)
            port = listener.getsockname()[1]
            for _ in range(4):
                filler = stack.enter_context(socket.socket())
                filler.setblocking(False)
                filler.connect_ex(listener.getsockname())
        time.sleep(0.1)
        yield [f"127.0.0.{number + 2}" for number in range(count)], port


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the resolver says: addresses, an exception, or the seconds that it says nothing for."""
    known: dict[str, Any] = {}
    real = socket.getaddrinfo

    def getaddrinfo(host: Any, port: Any, *args: Any, **options: Any) -> Any:
        if options.get("flags") == socket.AI_NUMERICHOST or host not in known:
            return real(host, port, *args, **options)
        found = known[host]
        if isinstance(found, Exception):
            raise found
        if isinstance(found, float):
            time.sleep(found)
            found = ["127.0.0.1"]
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, port)) for address in found]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return known


@EVERYWHERE
def test_many_dead_addresses_take_no_longer_than_one(drive: Drive, names: dict[str, Any]) -> None:
    """A name with six addresses that never answer is given up when the time for connecting is over."""
    with dead_addresses(6) as (addresses, port):
        names[NAME] = addresses
        exchange = drive(Exchange(f"http://{NAME}:{port}", way=Way(connect_timeout=0.8)))
    assert isinstance(exchange.error, httpx.ConnectTimeout)
    assert exchange.elapsed < 3
    assert not exchange.try_.sent


@EVERYWHERE
def test_a_dead_address_does_not_hide_a_living_one(drive: Drive, names: dict[str, Any]) -> None:
    """An address that refuses, or never answers, costs a quarter of a second at most."""
    with Server([reply(200, b"{}")]) as server, socket.socket() as dead:
        port = int(server.url.rpartition(":")[2])
        dead.bind(("127.0.0.2", port))
        dead.listen(0)
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(dead.getsockname())
        names[NAME] = ["127.0.0.2", "127.0.0.3", "127.0.0.1"]  # dead, refuses, lives
        exchange = drive(Exchange(f"http://{NAME}:{port}"))
        for filler in fillers:
            filler.close()
    assert exchange.error is None
    assert exchange.intake.content() == b"{}"
    assert exchange.elapsed < 3


@EVERYWHERE
@pytest.mark.parametrize(("timeout", "connect_timeout"), [(10.0, 0.4), (0.4, 10.0)])
def test_a_slow_look_up(drive: Drive, timeout: float, connect_timeout: float, names: dict[str, Any]) -> None:
    """A resolver that says nothing is given up when the time for connecting, or for the call, is over."""
    names[NAME] = 4.0
    exchange = drive(Exchange(f"http://{NAME}", way=Way(connect_timeout=connect_timeout), timeout=timeout))
    assert isinstance(exchange.error, httpx.ConnectTimeout)
    assert exchange.elapsed < 3
    assert not exchange.try_.sent


@TWINS
@pytest.mark.parametrize(
    "answer",
    [
        socket.gaierror(socket.EAI_NONAME, "Name or service not known"),
        UnicodeError("label too long"),
        [],
        OSError(24, "x"),
    ],
    ids=["unknown", "odd", "none", "no descriptors"],
)
def test_a_name_that_leads_nowhere(drive: Drive, answer: Any, names: dict[str, Any]) -> None:
    """Whatever the resolver says instead of an address, it is a connection that could not be made."""
    names[NAME] = answer
    exchange = drive(Exchange(f"http://{NAME}"))
    assert isinstance(exchange.error, httpx.ConnectError)
    assert not exchange.try_.sent


@TWINS
def test_no_more_threads(drive: Drive, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system gives no thread for the look-up, it is a connection that could not be made."""

    def start(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    real = threading.Thread.start
    monkeypatch.setattr(threading.Thread, "start", lambda self: (start if self.name == "look-up" else real)(self))
    exchange = drive(Exchange(f"http://{NAME}"))
    assert isinstance(exchange.error, httpx.ConnectError)


def test_families_take_turns() -> None:
    """Addresses are tried as the resolver orders them, but for IPv6 and IPv4, which take turns."""
    six, four = socket.AF_INET6, socket.AF_INET
    addresses = [(six, 1), (six, 2), (four, 3), (six, 4), (four, 5)]
    assert [number for _, number in connecting._in_turn(addresses)] == [1, 3, 2, 5, 4]


@EVERYWHERE
def test_an_address_of_ipv6(drive: Drive) -> None:
    """A server on IPv6 is reached by its address."""
    try:
        listener = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("this machine has no IPv6")

    def serve() -> None:
        sock, _ = listener.accept()
        with sock:
            sock.recv(65536)
            sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    with listener:
        threading.Thread(target=serve, daemon=True).start()
        exchange = drive(Exchange(f"http://[::1]:{listener.getsockname()[1]}"))
    assert exchange.error is None
    assert exchange.intake.content() == b"{}"
