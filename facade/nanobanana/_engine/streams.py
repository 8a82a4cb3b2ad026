"""Streams: the network under httpcore's pools, sync and async, on the same wires.

httpx starts a time-out anew with each read, so a server that drips a byte a second could hold a call for ever. Here no
wait is longer than what is left of the call. Reads return up to 120 KB where httpcore asks for 64, which it does not
mind. Own streams rather than anyio's over asyncio's transports take half the time of async calls, and a fraction of
their memory.
"""

from __future__ import annotations

import contextlib
import ssl
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import anyio.lowlevel
import httpcore

from .connecting import connect
from .waiting import Steps, run, run_async
from .wires import SIZE, TCP, TLS, Try, Wire

Reroute: TypeAlias = Callable[[str, int], tuple[str, int]]
"""Where to connect instead of a host and a port."""
Allow: TypeAlias = Callable[[str], None]
_FIRST = 4 * 1024  # bytes: of the piece that the head comes with, HTTP's parser and its generators keep two copies
_TURN = 0.008  # seconds that a call goes on, where there is always more, before others have their turn


@contextlib.contextmanager
def mapped(timeout: type[Exception], error: type[Exception]) -> Iterator[None]:
    """Turns the system's exceptions into those of an HTTP library."""
    try:
        yield
    except TimeoutError as exc:
        raise timeout(str(exc) or "timed out") from exc
    except (OSError, ValueError) as exc:  # ValueError: a name that TLS cannot take
        raise error(str(exc)) from exc


class _Backend:
    """Connects for one try. `allow` raises OSError for an address that must not be used."""

    def __init__(self, try_: Try, reroute: Reroute | None = None, allow: Allow | None = None) -> None:
        self._try, self._reroute, self._allow = try_, reroute, allow
        self.wires: list[Wire] = []

    def _connected(self, host: str, port: int) -> Steps[Wire]:
        host, port = self._reroute(host, port) if self._reroute else (host, port)
        wire = TCP((yield from connect(host, port, self._try.wait, allow=self._allow)), self._try)
        self.wires.append(wire)
        return wire


class _Stream:
    """A wire, as pools of httpcore have it."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._most = _FIRST

    def _reading(self) -> Steps[memoryview]:
        most, self._most = self._most, SIZE
        return self._wire.read(most)

    def get_extra_info(self, info: str) -> Any:
        return self._wire.get_extra_info(info)


class SyncBackend(_Backend, httpcore.NetworkBackend):
    """The network under sync pools."""

    def connect_tcp(self, host: str, port: int, *_: Any, **__: Any) -> httpcore.NetworkStream:
        with mapped(httpcore.ConnectTimeout, httpcore.ConnectError):
            return SyncStream(run(self._connected(host, port)))


class SyncStream(_Stream, httpcore.NetworkStream):
    """A wire, as sync pools of httpcore have it."""

    def read_view(self) -> memoryview:
        """What has come, as long as nothing else is read in this thread; nothing at the end. Raises: OSError."""
        return run(self._reading())

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        with mapped(httpcore.ReadTimeout, httpcore.ReadError):
            return bytes(self.read_view())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        with mapped(httpcore.WriteTimeout, httpcore.WriteError):
            run(self._wire.write(memoryview(buffer)))

    def close(self) -> None:
        self._wire.close()

    def start_tls(self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, *_: Any, **__: Any) -> Any:
        with mapped(httpcore.ConnectTimeout, httpcore.ConnectError):
            return SyncStream(run(TLS.over(self._wire, ssl_context, server_hostname)))


class AsyncBackend(_Backend, httpcore.AsyncNetworkBackend):
    """The network under async pools."""

    async def connect_tcp(self, host: str, port: int, *_: Any, **__: Any) -> httpcore.AsyncNetworkStream:
        with mapped(httpcore.ConnectTimeout, httpcore.ConnectError):
            return AsyncStream(await run_async(self._connected(host, port)))


class AsyncStream(_Stream, httpcore.AsyncNetworkStream):
    """A wire, as async pools of httpcore have it."""

    def __init__(self, wire: Wire) -> None:
        super().__init__(wire)
        self._began = time.monotonic()  # when the present turn began

    async def read_view(self) -> memoryview:
        """What has come, as long as nothing else is waited for; nothing at the end. Raises: OSError."""
        if time.monotonic() > self._began + _TURN:
            await anyio.lowlevel.checkpoint()
            self._began = time.monotonic()
        return await run_async(self._reading())

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        with mapped(httpcore.ReadTimeout, httpcore.ReadError):
            return bytes(await self.read_view())

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        with mapped(httpcore.WriteTimeout, httpcore.WriteError):
            await run_async(self._wire.write(memoryview(buffer)))

    async def aclose(self) -> None:
        self._wire.close()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, *_: Any, **__: Any
    ) -> Any:
        with mapped(httpcore.ConnectTimeout, httpcore.ConnectError):
            return AsyncStream(await run_async(TLS.over(self._wire, ssl_context, server_hostname)))
