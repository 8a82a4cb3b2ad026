"""TLS over memory: many records at once, ends and damage, and nothing held back."""

from __future__ import annotations

import contextlib
import os
import ssl
from typing import Any

import pytest
from nanobanana._engine.waiting import Steps, run
from nanobanana._engine.wires import SIZE, TLS, Try

from ..faults.server import certificates
from .exchange import trusting


class Peer:
    """The server's end of TLS, and the wire to it: what is written to the wire is taken at once, and what is read from
    it is whatever the server has said."""

    floor = 0

    def __init__(self) -> None:
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.object = certificates().context("good").wrap_bio(self._in, self._out, server_side=True)
        self.said = b""

    def read(self, most: int = 0) -> Steps[memoryview]:
        with contextlib.suppress(ssl.SSLWantReadError):
            self.object.do_handshake()
        said, self.said = self.said + self._out.read(), b""
        return memoryview(said)
        yield

    def write(self, data: memoryview) -> Steps[None]:
        self._in.write(data)
        return
        yield

    def heard(self) -> bytes:
        """All that came."""
        data = b""
        with contextlib.suppress(ssl.SSLWantReadError):
            while True:
                data += self.object.read(65536)
        return data

    def close(self) -> None:
        """There is nothing to close."""

    def get_extra_info(self, info: str) -> Any:
        return None


@pytest.fixture
def pair() -> tuple[TLS, Peer]:
    """Both ends of a connection whose handshake is done."""
    peer = Peer()
    tls = run(TLS.over(peer, trusting(), "127.0.0.1"))
    peer.heard()
    return tls, peer


def test_many_records_are_read_at_once(pair: tuple[TLS, Peer]) -> None:
    """What has come is read in pieces of up to 120 KB, whatever the size of its records."""
    tls, peer = pair
    data = os.urandom(300_000)
    for start in range(0, len(data), 1000):
        peer.object.write(data[start : start + 1000])
    pieces = [bytes(run(tls.read())) for _ in range(3)]
    assert b"".join(pieces) == data
    assert [len(piece) for piece in pieces[:-1]] == [SIZE, SIZE]


def test_all_of_it_is_written(pair: tuple[TLS, Peer]) -> None:
    """A large piece is turned into records whole."""
    tls, peer = pair
    data = os.urandom(500_000)
    run(tls.write(memoryview(data)))
    assert peer.heard() == data


def test_a_key_update_is_answered(pair: tuple[TLS, Peer]) -> None:
    """Whatever TLS has to say while it reads is sent before more is waited for."""
    tls, peer = pair
    assert tls.get_extra_info("ssl_object").version() == "TLSv1.3"
    peer.object.write(b"before")
    assert bytes(run(tls.read())) == b"before"
    peer.object.write(b"after")
    assert bytes(run(tls.read())) == b"after"


@pytest.mark.parametrize("is_polite", [True, False])
def test_the_end(pair: tuple[TLS, Peer], is_polite: bool) -> None:
    """What came before the end is read before it, whether the other side said goodbye or just left."""
    tls, peer = pair
    peer.object.write(b"the last words")
    if is_polite:
        with contextlib.suppress(ssl.SSLWantReadError):
            peer.object.unwrap()
    assert [bytes(run(tls.read())) for _ in range(3)] == [b"the last words", b"", b""]


def test_damage_after_what_was_whole(pair: tuple[TLS, Peer]) -> None:
    """A damaged record is an error, but what came before it is read first, and the error stays."""
    tls, peer = pair
    peer.object.write(b"whole")
    whole = peer._out.read()
    peer.object.write(b"damaged")
    damaged = bytearray(peer._out.read())
    damaged[-1] ^= 1
    peer.said = whole + bytes(damaged)
    assert bytes(run(tls.read())) == b"whole"
    for _ in range(2):
        with pytest.raises(ssl.SSLError):
            run(tls.read())


def test_the_other_side_is_told_what_is_wrong() -> None:
    """A certificate that is not trusted raises, after an alert was sent."""
    peer = Peer()
    with pytest.raises(ssl.SSLCertVerificationError):
        run(TLS.over(peer, ssl.create_default_context(), "127.0.0.1"))
    with pytest.raises(ssl.SSLError, match="ALERT"):
        peer.object.do_handshake()


def test_the_time_of_a_try() -> None:
    """Connecting may use no more than its own time-out, and what follows all that is left of the call."""
    left = 10.0
    tried = Try(lambda: left)
    tried.begin(3.0)
    assert tried.wait() == 3.0
    left = 7.5
    assert tried.wait() == 0.5
    left = 7.0
    with pytest.raises(TimeoutError, match="connecting"):
        tried.wait()
    tried.wrote()
    assert not tried.sent
    tried.send()
    assert tried.wait() == 7.0
    tried.wrote()
    assert tried.sent
    left = 0.0
    with pytest.raises(TimeoutError, match="this call"):
        tried.wait()
