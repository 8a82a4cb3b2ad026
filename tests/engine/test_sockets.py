"""The network under the clients: TLS over memory, large bodies, proxies, turns on the event loop, and old versions of httpx."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import gc
import gzip
import hashlib
import json
import os
import re
import select
import socket
import ssl
import subprocess
import sys
import threading
import time
import tomllib
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trio
import uvloop
from nanobanana import (
    APIConnectionError,
    AsyncNanoBanana,
    Generation,
    ImageRequest,
    NanoBanana,
    UnusableResponseError,
)
from nanobanana._engine.tls import READ, TLS

from ..conftest import KEY
from ..faults import environment
from ..faults.server import Connection, Server, certificates, native, reply

ROOT = Path(__file__).parents[2]
LARGE = b"\x89PNG\r\n\x1a\n" + os.urandom(3_000_000)
ANSWER = native(base64.b64encode(LARGE).decode())
LIMIT = 8_000_000  # bytes of an answer
Draw = Callable[[str, ImageRequest], Generation]


def draw(url: str, request: ImageRequest) -> Generation:
    """Makes a picture with the sync client."""
    with NanoBanana(KEY, base_url=url, timeout=30, max_response_bytes=LIMIT) as client:
        return client.send(request)


async def draw_async(url: str, request: ImageRequest) -> Generation:
    """Makes a picture with the async client."""
    async with AsyncNanoBanana(KEY, base_url=url, timeout=30, max_response_bytes=LIMIT) as client:
        return await client.send(request)


def draw_asyncio(url: str, request: ImageRequest) -> Generation:
    """The same on asyncio."""
    return asyncio.run(draw_async(url, request))


def draw_uvloop(url: str, request: ImageRequest) -> Generation:
    """The same on uvloop."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(draw_async(url, request))


def draw_trio(url: str, request: ImageRequest) -> Generation:
    """The same on trio."""
    return trio.run(draw_async, url, request)


EVERYWHERE = pytest.mark.parametrize(
    "draw", [draw, draw_asyncio, draw_uvloop, draw_trio], ids=["sync", "asyncio", "uvloop", "trio"]
)


@pytest.fixture
def trusted() -> Iterator[None]:
    """An environment in which the certificates of the tests are trusted."""
    with environment(SSL_CERT_FILE=certificates().roots):
        yield


class Digest:
    """An act of the server that keeps the digest of the body it got, reading slowly at first, so that the sender must wait."""

    def __init__(self, answer: bytes = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(ANSWER) + ANSWER) -> None:
        self.hexdigest = ""
        self._answer = answer

    def __call__(self, connection: Connection) -> None:
        connection.read_head()
        digest, left = hashlib.sha256(connection._buffer), connection._length - len(connection._buffer)
        time.sleep(0.2)
        while left > 0:
            piece = connection._receive(keep=False)
            digest.update(piece)
            left -= len(piece)
        self.hexdigest = digest.hexdigest()
        connection.send(self._answer)
        connection.close()


@EVERYWHERE
@pytest.mark.parametrize("secure", [False, True], ids=["plain", "TLS"])
@pytest.mark.usefixtures("trusted")
def test_large_bodies_go_both_ways(draw: Draw, secure: bool) -> None:
    """Five large references arrive byte for byte at a server that is slow to read, and a large picture comes back."""
    references = [b"\x89PNG\r\n\x1a\n" + os.urandom(2_000_000 + size) for size in range(5)]
    parts: list[Any] = [{"text": "Draw"}]
    parts += [
        {"inline_data": {"mimeType": "image/png", "data": base64.b64encode(data).decode()}} for data in references
    ]
    config = {"responseModalities": ["TEXT", "IMAGE"], "imageConfig": {"aspectRatio": "1:1", "imageSize": "1K"}}
    wanted = json.dumps(
        {"contents": [{"role": "user", "parts": parts}], "generationConfig": config}, separators=(",", ":")
    )
    act = Digest()
    with Server([act], secure=secure, certificate="good" if secure else None) as server:
        generation = draw(server.url, ImageRequest("Draw", references=references, aspect_ratio="1:1"))
    assert generation.image.data == LARGE
    assert act.hexdigest == hashlib.sha256(wanted.encode()).hexdigest()


@EVERYWHERE
def test_a_repeat_sends_the_same_again(draw: Draw) -> None:
    """A call that is turned away and repeated sends its references again, byte for byte."""
    acts = [Digest(b"HTTP/1.1 429 Slow down\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n"), Digest()]
    with Server(acts) as server:
        assert draw(server.url, ImageRequest("Draw", references=[LARGE, LARGE])).image.data == LARGE
    assert acts[0].hexdigest == acts[1].hexdigest != hashlib.sha256().hexdigest()


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "TLS"])
@pytest.mark.usefixtures("trusted")
def test_many_calls_at_once(secure: bool) -> None:
    """Calls that run at once on asyncio all get their large pictures, and no socket is left open."""

    async def main(url: str) -> list[Generation]:
        async with AsyncNanoBanana(KEY, base_url=url, timeout=30, max_response_bytes=LIMIT) as client:
            return await asyncio.gather(*(client.generate(f"Draw {number}") for number in range(12)))

    with (
        warnings.catch_warnings(),
        Server([reply(200, ANSWER)], secure=secure, certificate="good" if secure else None) as server,
    ):
        warnings.simplefilter("error", ResourceWarning)
        generations = asyncio.run(main(server.url))
        gc.collect()
    assert [generation.image.data == LARGE for generation in generations] == [True] * 12


def test_a_large_picture_lets_others_have_their_turn() -> None:
    """While a picture pours in as fast as it can be read, the event loop goes on with other work."""
    picture = LARGE + bytes(40_000_000)
    body = native(base64.b64encode(picture).decode())

    async def main(url: str) -> float:
        longest, last, is_over = 0.0, time.monotonic(), False

        async def tick() -> None:
            nonlocal longest, last
            while not is_over:
                await asyncio.sleep(0)
                longest, last = max(longest, time.monotonic() - last), time.monotonic()

        ticking = asyncio.create_task(tick())
        began = time.monotonic()
        async with AsyncNanoBanana(KEY, base_url=url, timeout=30) as client:
            assert (await client.generate("Draw")).image.data == picture
        is_over = True
        await ticking
        return longest / (time.monotonic() - began)

    with Server([reply(200, body)]) as server:
        assert asyncio.run(main(server.url)) < 0.6  # of the whole call: reading takes most of it, in many turns


@pytest.mark.usefixtures("trusted")
def test_a_cancelled_call_leaves_nothing_on_the_loop() -> None:
    """A call that is cancelled while it waits for its answer takes its reader off the loop, and the client goes on."""

    async def main(url: str) -> bytes:
        async with AsyncNanoBanana(KEY, base_url=url, timeout=30, max_response_bytes=LIMIT) as client:
            task = asyncio.create_task(client.generate("Draw"))
            await asyncio.sleep(0.3)
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            selector = asyncio.get_running_loop()._selector  # type: ignore[attr-defined]
            assert len(selector.get_map()) == 1, "only the loop's own pipe is left"
            return (await client.generate("Draw")).image.data

    def late(connection: Connection) -> None:
        connection.read()
        connection.linger()

    with Server([late, reply(200, ANSWER)], secure=True, certificate="good") as server:
        assert asyncio.run(main(server.url)) == LARGE


@EVERYWHERE
def test_a_gzip_bomb_is_stopped_at_the_limit(draw: Draw) -> None:
    """No more is inflated than the limit allows, and the error says that it was too much."""
    body = gzip.compress(bytes(60_000_000))
    act = reply(200, body, "Content-Encoding: gzip", "Content-Type: application/json")
    with Server([act]) as server, pytest.raises(UnusableResponseError, match="larger than 8000000 bytes") as caught:
        draw(server.url, ImageRequest("Draw"))
    assert len(caught.value.content) == LIMIT + 1


@pytest.mark.parametrize("client", [NanoBanana, AsyncNanoBanana])
def test_a_handshake_that_drips_is_over_in_time(client: Any) -> None:
    """connect_timeout bounds the whole handshake, however often a byte of it comes."""

    def act(connection: Connection) -> None:
        connection.send(b"\x16\x03\x03\x40\x00")
        with contextlib.suppress(OSError):
            for _ in range(100):
                connection.send(b"\0")
                time.sleep(0.1)

    with Server([act]) as server:
        made = client(
            KEY, base_url=server.url.replace("http:", "https:"), timeout=20, connect_timeout=0.6, max_retries=0
        )
        began = time.monotonic()
        with pytest.raises(APIConnectionError):
            if client is NanoBanana:
                made.generate("Draw")
            else:
                asyncio.run(made.generate("Draw"))
        assert time.monotonic() - began < 5


class Proxy:
    """A proxy on 127.0.0.1, itself behind TLS, that connects everybody to one server. `asked` is what it was asked for."""

    def __init__(self, port: int) -> None:
        self._port, self.asked = port, ""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self._listener.accept()
                threading.Thread(target=self._attend, args=(sock,), daemon=True).start()

    def _attend(self, sock: socket.socket) -> None:
        near = certificates().context("good").wrap_socket(sock, server_side=True)
        with near, contextlib.suppress(OSError):
            head = b""
            while b"\r\n\r\n" not in head:
                head += near.recv(65536)
            self.asked = head.split(b" ")[1].decode()
            with socket.create_connection(("127.0.0.1", self._port)) as far:
                near.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                while True:
                    ready = [near] if near.pending() else select.select([near, far], [], [], 30)[0]
                    for source in ready:
                        piece = source.recv(65536)
                        if not piece:
                            return
                        (far if source is near else near).sendall(piece)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@EVERYWHERE
def test_tls_through_a_proxy_behind_tls(draw: Draw) -> None:
    """Through an https:// proxy, a TLS connection runs inside another, and large bodies go both ways."""
    with Server([reply(200, ANSWER)], secure=True, certificate="of another name") as server:
        with contextlib.closing(Proxy(int(server.url.rpartition(":")[2]))) as proxy:
            with environment(SSL_CERT_FILE=certificates().roots, HTTPS_PROXY=proxy.url):
                generation = draw("https://elsewhere.example", ImageRequest("Draw", references=[LARGE]))
    assert generation.image.data == LARGE
    assert proxy.asked == "elsewhere.example:443"


class Peer:
    """The server's end of a TLS connection over memory."""

    def __init__(self) -> None:
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.object = certificates().context("good").wrap_bio(self.incoming, self.outgoing, server_side=True)


@pytest.fixture
def pair() -> tuple[TLS, Peer]:
    """Both ends of a connection whose handshake is done."""
    ours = TLS(ssl.create_default_context(cafile=certificates().roots), "127.0.0.1")
    theirs = Peer()
    for _ in range(4):
        done = ours.shake_hands()
        theirs.incoming.write(ours.outgoing())
        with contextlib.suppress(ssl.SSLWantReadError):
            theirs.object.do_handshake()
        if theirs.outgoing.pending:
            ours.feed(theirs.outgoing.read())
    assert done
    return ours, theirs


def test_tls_reads_many_records_at_once(pair: tuple[TLS, Peer]) -> None:
    """What was fed is read in pieces of up to 120 KB, whatever the size of its records; then more is needed."""
    ours, theirs = pair
    data = os.urandom(300_000)
    for start in range(0, len(data), 1000):
        theirs.object.write(data[start : start + 1000])
    ours.feed(theirs.outgoing.read())
    pieces = []
    while (piece := ours.read()) is not None:
        pieces.append(piece)
    assert b"".join(pieces) == data
    assert [len(piece) for piece in pieces[:-1]] == [READ, READ]


def test_tls_writes_all_of_it(pair: tuple[TLS, Peer]) -> None:
    """A large piece is turned into records whole."""
    ours, theirs = pair
    data = os.urandom(500_000)
    ours.write(memoryview(data))
    theirs.incoming.write(ours.outgoing())
    came = b""
    with contextlib.suppress(ssl.SSLWantReadError):
        while True:
            came += theirs.object.read(65536)
    assert came == data


@pytest.mark.parametrize("is_polite", [True, False])
def test_tls_ends(pair: tuple[TLS, Peer], is_polite: bool) -> None:
    """What came before the end is read before it, whether the other side said goodbye or just left."""
    ours, theirs = pair
    theirs.object.write(b"the last words")
    if is_polite:
        with contextlib.suppress(ssl.SSLWantReadError):
            theirs.object.unwrap()
    ours.feed(theirs.outgoing.read())
    ours.feed(b"")
    assert [ours.read(), ours.read(), ours.read()] == [b"the last words", b"", b""]


def test_tls_tells_of_damage_after_what_was_whole(pair: tuple[TLS, Peer]) -> None:
    """A damaged record is an error, but what came before it is read first."""
    ours, theirs = pair
    theirs.object.write(b"whole")
    whole = theirs.outgoing.read()
    theirs.object.write(b"damaged")
    damaged = bytearray(theirs.outgoing.read())
    damaged[-1] ^= 1
    ours.feed(whole + bytes(damaged))
    assert ours.read() == b"whole"
    with pytest.raises(ssl.SSLError):
        ours.read()


SMOKE = """
import asyncio, sys, httpx, httpcore
from pathlib import Path
from nanobanana import NanoBanana, AsyncNanoBanana, APITimeoutError
url, path = sys.argv[1:]
png = Path(path).read_bytes()
with NanoBanana("sk-x-y-z-old", base_url=url, timeout=20) as client:
    assert client.generate("Draw", references=[png]).image.data == png
    assert client.generate("Draw", save_to=path + ".copy").image.data == png
async def main():
    async with AsyncNanoBanana("sk-x-y-z-old", base_url=url, timeout=20) as client:
        for generation in await asyncio.gather(*(client.generate("Draw", references=[png]) for _ in range(4))):
            assert generation.image.data == png
    async with AsyncNanoBanana("sk-x-y-z-old", base_url=url + "/never", timeout=0.5) as client:
        try:
            await client.generate("Draw")
        except APITimeoutError:
            print("httpx", httpx.__version__, "httpcore", httpcore.__version__)
asyncio.run(main())
"""


def _answer_unless_never(connection: Connection) -> None:
    connection.read()
    if connection.path.startswith("/never"):
        connection.linger()
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(ANSWER) + ANSWER)
    connection.close()


def test_the_oldest_versions_work(tmp_path: Path) -> None:
    """With the oldest version of each dependency that pyproject.toml allows, calls go both ways, over TLS and in time. (All
    other tests run with the newest.)"""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    oldest = [re.sub(r">=([^,]+).*", r"==\1", requirement) for requirement in project["dependencies"]]
    assert all("==" in requirement for requirement in oldest)
    python = tmp_path / "venv" / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True, timeout=120)
    subprocess.run([python, "-m", "pip", "install", "--quiet", *oldest], check=True, capture_output=True, timeout=300)
    (tmp_path / "picture.png").write_bytes(LARGE)
    roots = {name: str(ROOT / name) for name in ("facade", "generated")}
    with Server([_answer_unless_never], secure=True, certificate="good") as server:
        with environment(SSL_CERT_FILE=certificates().roots, PYTHONPATH=os.pathsep.join(roots.values())):
            done = subprocess.run(
                [python, "-W", "error::ResourceWarning", "-c", SMOKE, server.url, tmp_path / "picture.png"],
                capture_output=True,
                text=True,
                timeout=120,
                cwd=tmp_path,
            )
    versions = dict(requirement.split("==") for requirement in oldest)
    assert done.stdout == f"httpx {versions['httpx']} httpcore {versions['httpcore']}\n", done.stderr
