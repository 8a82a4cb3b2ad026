"""The network under httpcore's pools, which take a backend of one's own: leaner than its default, and with deadlines.

Sync: httpx starts a time-out anew with each read, so a server that drips a byte a second could hold a call for ever.
Here no wait is longer than what is left of the call.

Asyncio: httpcore goes through anyio, which opens a cancel scope and passes two check points for each 64 KB. asyncio's
own transports take half the time, with the same proxies and TLS. Given up: time-outs of single reads and writes, which
would only repeat the one over the whole call, that cancels it. Trio keeps the default.

Both read up to 120 KB at a time where httpcore asks for 64, which it does not mind: over TLS that is several records at
once, and less than what malloc maps anew each time.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import threading
from collections.abc import Iterable, Iterator
from typing import Any

import httpcore

from .exchange import CURRENT
from .retry import Clock

_READ = 120 * 1024  # bytes

_Options = Iterable[httpcore.SOCKET_OPTION] | None
_THREAD = threading.local()


def _scratch() -> memoryview:
    """Where all connections of this thread read to. What came is copied out before another can."""
    if not hasattr(_THREAD, "scratch"):
        _THREAD.scratch = memoryview(bytearray(_READ))
    scratch: memoryview = _THREAD.scratch
    return scratch


class SyncBackend(httpcore.NetworkBackend):
    """httpcore's own backend, with streams of ours on its sockets."""

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
        socket_options: _Options = None,
    ) -> httpcore.NetworkStream:
        timeout = self.left(timeout, httpcore.ConnectTimeout)
        return _SyncStream(self._inner.connect_tcp(host, port, timeout, local_address, socket_options), self)

    def sleep(self, seconds: float) -> None:
        self._inner.sleep(seconds)


class _SyncStream(httpcore.NetworkStream):
    """A stream of httpcore's, whose socket is read and written directly.

    layers: of TLS. Through two of them, as on the way through an https:// proxy, the bytes must pass httpcore's hands.
    """

    def __init__(self, inner: httpcore.NetworkStream, backend: SyncBackend, layers: int = 0) -> None:
        self._inner = inner
        self._backend = backend
        self._layers = layers
        self._socket: socket.socket = inner.get_extra_info("socket")
        self._late: OSError | None = None

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if self._layers > 1:
            return self._inner.read(max_bytes, self._backend.left(timeout, httpcore.ReadTimeout))
        buffer = _scratch()
        with _mapped(httpcore.ReadTimeout, httpcore.ReadError):
            if self._late is not None:
                raise self._late
            self._socket.settimeout(self._backend.left(timeout, httpcore.ReadTimeout))
            size = self._socket.recv_into(buffer)
        if size and self._layers:
            size = self._drain(buffer, size)
        return bytes(buffer[:size])

    def _drain(self, buffer: memoryview, size: int) -> int:
        """Reads the records that are there already. What goes wrong is told at the next read."""
        self._socket.settimeout(0)
        try:
            while size < _READ and (more := self._socket.recv_into(buffer[size:])):
                size += more
        except (BlockingIOError, ssl.SSLWantReadError):
            pass
        except OSError as exc:
            self._late = exc
        return size

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        view = memoryview(buffer)
        while view:
            left = self._backend.left(timeout, httpcore.WriteTimeout)
            if self._layers > 1:
                self._inner.write(bytes(view[:_READ]), left)
                view = view[_READ:]
                continue
            with _mapped(httpcore.WriteTimeout, httpcore.WriteError):
                self._socket.settimeout(left)
                view = view[self._socket.send(view) :]

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        timeout = self._backend.left(timeout, httpcore.ConnectTimeout)
        inner = self._inner.start_tls(ssl_context, server_hostname, timeout)
        return _SyncStream(inner, self._backend, self._layers + 1)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class AsyncioBackend(httpcore.AsyncNetworkBackend):
    """asyncio's own transports."""

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: _Options = None,
    ) -> httpcore.AsyncNetworkStream:
        local = None if local_address is None else (local_address, 0)
        loop = asyncio.get_running_loop()
        with _mapped(httpcore.ConnectTimeout, httpcore.ConnectError):
            async with asyncio.timeout(timeout):
                transport, protocol = await loop.create_connection(
                    _Protocol, host, port, local_addr=local, happy_eyeballs_delay=0.25
                )
        for option in socket_options or ():
            transport.get_extra_info("socket").setsockopt(*option)
        return _AsyncioStream(transport, protocol)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class _Protocol(asyncio.BufferedProtocol):
    """What has come in and is not read yet, and whether more may go out."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._size = 0
        self._error: Exception | None = None
        self._is_over = False
        self._arrival: asyncio.Future[None] | None = None
        self._room: asyncio.Future[None] | None = None

    def get_buffer(self, sizehint: int) -> memoryview:
        return _scratch()

    def buffer_updated(self, nbytes: int) -> None:
        self._pieces.append(bytes(_scratch()[:nbytes]))
        self._size += nbytes
        if self._size >= _READ:
            self.transport.pause_reading()
        _wake(self._arrival)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.use(transport)  # type: ignore[arg-type]

    def use(self, transport: asyncio.Transport) -> None:
        """Takes the transport that bytes go through from now on. It is to buffer nothing."""
        self.transport = transport
        transport.set_write_buffer_limits(high=0)

    @property
    def is_readable(self) -> bool:
        return self._size > 0 or self._is_over

    def eof_received(self) -> None:
        self._is_over = True
        _wake(self._arrival)

    def connection_lost(self, exc: Exception | None) -> None:
        self._error, self._is_over = exc, True
        _wake(self._arrival)
        _wake(self._room)

    def pause_writing(self) -> None:
        self._room = asyncio.get_running_loop().create_future()

    def resume_writing(self) -> None:
        _wake(self._room)

    async def read(self) -> bytes:
        """What has come, at least a byte; nothing at the end. Raises: OSError."""
        if not self.is_readable:
            self._arrival = asyncio.get_running_loop().create_future()
            await self._arrival
        if not self._size and self._error is not None:
            raise _as_os_error(self._error)
        piece = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        self._pieces.clear()
        if self._size >= _READ and not self._is_over:
            self.transport.resume_reading()
        self._size = 0
        return piece

    async def write(self, piece: memoryview) -> None:
        """Sends a piece. Raises: OSError."""
        self._check()
        self.transport.write(piece)
        if self._room is not None:
            await self._room
            self._room = None
            self._check()

    def _check(self) -> None:
        if self._error is not None or self.transport.is_closing():
            raise _as_os_error(self._error or ConnectionResetError("the connection was closed"))


def _wake(waiter: asyncio.Future[None] | None) -> None:
    if waiter is not None and not waiter.done():
        waiter.set_result(None)


def _as_os_error(exc: Exception) -> OSError:
    return exc if isinstance(exc, OSError) else ConnectionError(str(exc))


class _AsyncioStream(httpcore.AsyncNetworkStream):
    def __init__(self, transport: asyncio.Transport, protocol: _Protocol) -> None:
        self._transport = transport
        self._protocol = protocol

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        with _mapped(httpcore.ReadTimeout, httpcore.ReadError):
            return await self._protocol.read()

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        view = memoryview(buffer)
        for start in range(0, len(view), _READ):
            with _mapped(httpcore.WriteTimeout, httpcore.WriteError):
                await self._protocol.write(view[start : start + _READ])

    async def aclose(self) -> None:
        self._transport.abort()
        await asyncio.sleep(0)  # the socket is closed in the loop's next round

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.AsyncNetworkStream:
        loop = asyncio.get_running_loop()
        try:
            with _mapped(httpcore.ConnectTimeout, httpcore.ConnectError):
                async with asyncio.timeout(timeout):
                    transport = await loop.start_tls(
                        self._transport, self._protocol, ssl_context, server_hostname=server_hostname
                    )
        except BaseException:
            self._transport.abort()
            raise
        if transport is None:
            raise httpcore.ConnectError("the connection was closed")
        self._protocol.use(transport)
        return _AsyncioStream(transport, self._protocol)

    def get_extra_info(self, info: str) -> Any:
        if info == "is_readable":
            return self._protocol.is_readable
        names = {"client_addr": "sockname", "server_addr": "peername"}
        return self._transport.get_extra_info(names.get(info, info))


@contextlib.contextmanager
def _mapped(timeout: type[Exception], error: type[Exception]) -> Iterator[None]:
    """Turns the system's exceptions into httpcore's."""
    try:
        yield
    except TimeoutError as exc:
        raise timeout(str(exc)) from exc
    except OSError as exc:
        raise error(str(exc)) from exc
