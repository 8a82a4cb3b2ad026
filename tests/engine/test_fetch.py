"""Fetching: a picture elsewhere comes without the key, bounded, and only from addresses that may be asked."""

from __future__ import annotations

import gzip
import ipaddress
import socket
import time
from collections.abc import Iterator

import httpx
import pytest
from nanobanana._engine.fetch import fetch, is_public

from ..faults import environment
from ..faults.server import PICTURE, Connection, Server, certificates, drip, head, reply, write
from .proxies import Proxy


def anywhere(_: object) -> bool:
    """Allows every address: the servers of the tests are on this machine."""
    return True


def get(url: str, **options: object) -> bytes:
    """Fetches from the servers of the tests."""
    return fetch(url, **{"max_bytes": 100_000, "timeout": 5, "allow": anywhere, **options})  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def _environment() -> Iterator[None]:
    with environment(SSL_CERT_FILE=certificates().roots):
        yield


@pytest.mark.parametrize("secure", [False, True])
def test_a_picture_is_fetched(secure: bool) -> None:
    """The bytes at an http or https address come as they are."""
    with Server([reply(200, PICTURE)], secure=secure, certificate="good" if secure else None) as server:
        assert get(f"{server.url}/a%20b.png?x=1#y") == PICTURE


def test_what_is_sent() -> None:
    """The request holds the address and asks for a picture; it holds no key, no cookie and no user."""
    seen: list[bytes] = []

    def act(connection: Connection) -> None:
        while b"\r\n\r\n" not in connection._buffer:
            connection._receive()
        seen.append(connection._buffer)
        connection.send(head(200, f"Content-Length: {len(PICTURE)}", "Set-Cookie: a=b") + PICTURE)
        connection.close()

    with Server([act]) as server:
        address = server.url.removeprefix("http://")
        assert get(f"http://alice:secret@{address}/x?y=%2F") == PICTURE
    lines = seen[0].decode().lower().split("\r\n")
    assert lines[0] == "get /x?y=%2f http/1.1"
    assert f"host: {address}" in lines
    assert not [line for line in lines if line.startswith(("authorization", "cookie"))]


def test_redirects_are_followed() -> None:
    """Up to three redirects are followed, relative ones included."""
    acts = [reply(302, b"", f"Location: /{number}") for number in range(3)]
    with Server([*acts, reply(200, PICTURE)]) as server:
        assert get(server.url) == PICTURE
    with Server([reply(302, b"", "Location: /again")]) as server, pytest.raises(httpx.TooManyRedirects):
        get(server.url)


@pytest.mark.parametrize(
    "location", ["http://127.0.0.1:1/x", "ftp://x/", "http://", "http://[::1", "http://a b/", "//", "\xff", "x" * 5000]
)
def test_redirects_that_are_not_followed(location: str) -> None:
    """From https to http, or to what is no address, nobody is followed."""
    act = reply(302, b"", f"Location: {location}")
    with Server([act], secure=True, certificate="good") as server, pytest.raises(httpx.HTTPError):
        get(server.url)


@pytest.mark.parametrize(
    "url", ["", "cat.png", "ftp://x/cat.png", "file:///etc/passwd", "http://", "http://[", "javascript:x"]
)
def test_what_is_no_address(url: str) -> None:
    """What is no http(s) address is refused before anything is sent."""
    with pytest.raises(ValueError, match="not an http"):
        get(url)


@pytest.mark.parametrize("status", [204, 206, 301, 304, 404, 500, 599])
def test_other_statuses(status: int) -> None:
    """Without a whole 2xx answer there is no picture."""
    with Server([write(head(status, "Content-Length: 0"))]) as server:
        if status in (204, 206):
            assert get(server.url) == b""
        else:
            with pytest.raises(httpx.ProtocolError, match=str(status)):
                get(server.url)


@pytest.mark.parametrize("encoding", ["", "gzip"])
def test_what_is_too_large(encoding: str) -> None:
    """No more is taken than the limit, also of what inflates to more."""
    body = bytes(5_000_000)
    fields = ["Content-Encoding: gzip"] if encoding else []
    act = reply(200, gzip.compress(body) if encoding else body, *fields)
    with Server([act]) as server, pytest.raises(httpx.ReadError, match="larger than 100000 bytes"):
        get(server.url)


def test_what_takes_too_long() -> None:
    """One deadline holds over all of it."""
    act = drip(head(200, "Content-Length: 10000"), [b"x"])
    began = time.monotonic()
    with Server([act]) as server, pytest.raises(httpx.ReadTimeout):
        get(server.url, timeout=0.6)
    assert time.monotonic() - began < 3


def test_damage_is_an_error() -> None:
    """What is not in the encoding it claims is no picture."""
    body = gzip.compress(PICTURE)
    act = reply(200, body[:20] + bytes(20) + body[40:], "Content-Encoding: gzip")
    with Server([act]) as server, pytest.raises(httpx.DecodingError):
        get(server.url)


def test_this_machine_is_not_asked_unless_allowed() -> None:
    """By default an address of one's own network is not connected to, by number or by name, at once or after a redirect."""
    with Server([reply(200, PICTURE)]) as server:
        port = server.url.rpartition(":")[2]
        for host in ("127.0.0.1", "localhost", "127.1", "0x7f.1", "2130706433", "[::ffff:127.0.0.1]", "0.0.0.0"):
            with pytest.raises(httpx.ConnectError, match="not a public address"):
                fetch(f"http://{host}:{port}/", max_bytes=1000, timeout=5)
        assert server.connections == 0


def test_a_name_is_judged_by_where_it_leads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each address that is connected to is judged, so a name that leads elsewhere the second time gains nothing."""
    answers = [["198.51.100.7", "127.0.0.1"], ["10.0.0.1"]]
    real = socket.getaddrinfo

    def getaddrinfo(host: str, port: int, *args: object, **options: object) -> object:
        if options.get("flags") == socket.AI_NUMERICHOST or host != "rebinding.test":
            return real(host, port, *args, **options)  # type: ignore[arg-type]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in answers.pop(0)]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    for _ in range(2):
        with pytest.raises(httpx.ConnectError, match="not a public address"):
            fetch("http://rebinding.test/", max_bytes=1000, timeout=5)


def test_redirects_are_judged_as_well() -> None:
    """A server that may be asked cannot send us to one that may not."""
    allowed = {"127.0.0.1"}
    with Server([reply(302, b"", "Location: http://127.0.0.2:9/")]) as server:
        with pytest.raises(httpx.ConnectError, match="not a public address"):
            get(server.url, allow=lambda address: str(address) in allowed)


PUBLIC = {
    "93.184.215.14": True, "2606:2800:21f:cb07::1": True, "127.0.0.1": False, "10.1.2.3": False, "172.16.0.1": False,
    "192.168.1.1": False, "169.254.169.254": False, "100.64.0.1": False, "0.0.0.0": False, "224.0.0.1": False,
    "255.255.255.255": False, "::1": False, "::": False, "fe80::1": False, "fd00::1": False, "ff02::1": False,
    "::ffff:10.0.0.1": False, "::ffff:93.184.215.14": True, "64:ff9b::a00:1": False, "64:ff9b::5db8:d70e": True,
    "2002:a00:1::": False, "2001:0:1:2:3:4:f5ff:fffe": False,
}  # fmt: skip


@pytest.mark.parametrize("address", PUBLIC)
def test_which_addresses_are_public(address: str) -> None:
    """Loopback, private, link-local and multicast addresses are none, however IPv6 wraps them."""
    assert is_public(ipaddress.ip_address(address)) is PUBLIC[address]


def test_through_a_proxy() -> None:
    """Where a proxy is set it is used, as there may be no other way; what is named by a private number is still refused."""
    with Server([reply(200, PICTURE)]) as server, Proxy("http", int(server.url.rpartition(":")[2])) as proxy:
        with environment(HTTP_PROXY=proxy.url):
            assert fetch("http://pictures.example/cat.png", max_bytes=1000, timeout=5) == PICTURE
            with pytest.raises(httpx.ConnectError, match="not a public address"):
                fetch("http://10.0.0.1/cat.png", max_bytes=1000, timeout=5)
    assert proxy.asked == ["GET http://pictures.example/cat.png HTTP/1.1"]
