"""The network under a sync client: a backend for httpcore's pools, with the deadline of the call in every wait.

httpx starts a time-out anew with each read, so a server that drips a byte a second could hold a call for ever. Here no
wait is longer than what is left of the call.

Reads return up to 120 KB where httpcore asks for 64, which it does not mind.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias

import httpcore

from .._call.exchange import CURRENT
from .._call.tries import Clock
from .tls import READ, TLS, scratch

Options: TypeAlias = Iterable[httpcore.SOCKET_OPTION] | None


class SyncBackend(httpcore.NetworkBackend):
    """httpcore's own connecting, with streams of ours."""

    def __init__(self, clock: Clock) -> None:
        self._inner = httpcore.SyncBackend()
        self._clock = clock

    def left(self, timeout: float | None, error: type[Exception]) -> float | None:
        """The shorter of a time-out and what is left of the present call, in seconds."""
        exchange = CURRENT.get(None)
        if exchange is None:
            return timeout
        left = exchange.deadline - self._clock.monotonic()
        if left <= 0:
            raise error("the time for this call is over")
        return left if timeout is None else min(timeout, left)

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Options = None,
    ) -> httpcore.NetworkStream:
        timeout = self.left(timeout, httpcore.ConnectTimeout)
        return _Stream(self._inner.connect_tcp(host, port, timeout, local_address, socket_options), self)

    def sleep(self, seconds: float) -> None:
        self._inner.sleep(seconds)


class _Stream(httpcore.NetworkStream):
    """A connection. Its socket is read and written directly."""

    def __init__(self, inner: httpcore.NetworkStream, backend: SyncBackend) -> None:
        self._inner = inner
        self._backend = backend
        self._socket: socket.socket = inner.get_extra_info("socket")

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        with mapped(httpcore.ReadTimeout, httpcore.ReadError):
            self._socket.settimeout(self._backend.left(timeout, httpcore.ReadTimeout))
            size = self._socket.recv_into(scratch())
        return bytes(scratch()[:size])

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        view = memoryview(buffer)
        with mapped(httpcore.WriteTimeout, httpcore.WriteError):
            while view:
                self._socket.settimeout(self._backend.left(timeout, httpcore.WriteTimeout))
                view = view[self._socket.send(view) :]

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _secured(self, TLS(ssl_context, server_hostname), timeout)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class _TLSStream(httpcore.NetworkStream):
    """TLS over another stream."""

    def __init__(self, inner: httpcore.NetworkStream, tls: TLS) -> None:
        self._inner = inner
        self._tls = tls

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        with mapped(httpcore.ReadTimeout, httpcore.ReadError):
            while (piece := self._tls.read()) is None:
                self._inner.write(self._tls.outgoing(), timeout)  # such as the answer to an update of keys
                self._tls.feed(self._inner.read(READ, timeout))
        return piece

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        view = memoryview(buffer)
        for start in range(0, len(view), READ):
            with mapped(httpcore.WriteTimeout, httpcore.WriteError):
                self._tls.write(view[start : start + READ])
            self._inner.write(self._tls.outgoing(), timeout)

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _secured(self, TLS(ssl_context, server_hostname), timeout)

    def get_extra_info(self, info: str) -> Any:
        return self._tls.object if info == "ssl_object" else self._inner.get_extra_info(info)


def _secured(stream: httpcore.NetworkStream, tls: TLS, timeout: float | None) -> httpcore.NetworkStream:
    end = None if timeout is None else time.monotonic() + timeout

    def left() -> float | None:
        if end is not None and time.monotonic() >= end:
            raise TimeoutError("the handshake took too long")
        return None if end is None else end - time.monotonic()

    try:
        with mapped(httpcore.ConnectTimeout, httpcore.ConnectError):
            while not tls.shake_hands():
                stream.write(tls.outgoing(), left())
                tls.feed(stream.read(READ, left()))
            stream.write(tls.outgoing(), left())
    except BaseException:
        with contextlib.suppress(Exception):
            stream.write(tls.outgoing(), timeout)  # what is wrong, for the other side
        stream.close()
        raise
    return _TLSStream(stream, tls)


@contextlib.contextmanager
def mapped(timeout: type[Exception], error: type[Exception]) -> Iterator[None]:
    """Turns the system's exceptions, and those of a stream further in, into httpcore's."""
    try:
        yield
    except (TimeoutError, httpcore.TimeoutException) as exc:
        raise timeout(str(exc)) from exc
    except (OSError, httpcore.NetworkError) as exc:
        raise error(str(exc)) from exc
