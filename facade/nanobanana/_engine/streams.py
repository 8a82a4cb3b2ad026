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
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeAlias

import anyio
import anyio.lowlevel
import httpcore

from .connecting import connect
from .waiting import run, run_async
from .wires import SIZE, TCP, TLS, Try, Wire

Reroute: TypeAlias = Callable[[str, int], tuple[str, int]]
"""Where to connect instead of a host and a port."""
Allow: TypeAlias = Callable[[str], None]
_Options: TypeAlias = Iterable[httpcore.SOCKET_OPTION] | None
_FIRST = 4 * 1024  # bytes: of the piece that the head comes with, HTTP's parser and its generators keep two copies
_TURN = 0.008  # seconds that a call goes on, where there is always more, before others have their turn


@contextlib.contextmanager
def _mapped(timeout: type[Exception], error: type[Exception]) -> Iterator[None]:
    """Turns the system's exceptions into httpcore's."""
    try:
        yield
    except TimeoutError as exc:
        raise timeout(str(exc) or "timed out") from exc
    except (OSError, ValueError) as exc:  # ValueError: a name that TLS cannot take
        raise error(str(exc)) from exc


class SyncBackend(httpcore.NetworkBackend):
    """Connects for one try. `allow` raises OSError for an address that must not be used."""

    def __init__(self, try_: Try, reroute: Reroute | None = None, allow: Allow | None = None) -> None:
        self._try, self._reroute, self._allow = try_, reroute, allow
        self.wires: list[Wire] = []

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: _Options = None,
    ) -> httpcore.NetworkStream:
        host, port = self._reroute(host, port) if self._reroute else (host, port)
        with _mapped(httpcore.ConnectTimeout, httpcore.ConnectError):
            wire = TCP(run(connect(host, port, self._try.wait, allow=self._allow)), self._try)
        self.wires.append(wire)
        return SyncStream(wire)

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class SyncStream(httpcore.NetworkStream):
    """A wire, as sync pools of httpcore have it."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._most = _FIRST

    def read_view(self) -> memoryview:
        """What has come, as long as nothing else is read in this thread; nothing at the end."""
        most, self._most = self._most, SIZE
        with _mapped(httpcore.ReadTimeout, httpcore.ReadError):
            return run(self._wire.read(most))

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return bytes(self.read_view())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        with _mapped(httpcore.WriteTimeout, httpcore.WriteError):
            run(self._wire.write(memoryview(buffer)))

    def close(self) -> None:
        self._wire.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        try:
            with _mapped(httpcore.ConnectTimeout, httpcore.ConnectError):
                tls = TLS(self._wire, ssl_context, server_hostname)
                run(tls.shake_hands())
        except BaseException:
            self.close()
            raise
        return SyncStream(tls)

    def get_extra_info(self, info: str) -> Any:
        return self._wire.get_extra_info(info)


class AsyncBackend(httpcore.AsyncNetworkBackend):
    """`SyncBackend` for async pools."""

    def __init__(self, try_: Try, reroute: Reroute | None = None, allow: Allow | None = None) -> None:
        self._try, self._reroute, self._allow = try_, reroute, allow
        self.wires: list[Wire] = []

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: _Options = None,
    ) -> httpcore.AsyncNetworkStream:
        host, port = self._reroute(host, port) if self._reroute else (host, port)
        with _mapped(httpcore.ConnectTimeout, httpcore.ConnectError):
            wire = TCP(await run_async(connect(host, port, self._try.wait, allow=self._allow)), self._try)
        self.wires.append(wire)
        return AsyncStream(wire)

    async def sleep(self, seconds: float) -> None:
        await anyio.sleep(seconds)


class AsyncStream(httpcore.AsyncNetworkStream):
    """`SyncStream` for async pools."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._most = _FIRST
        self._began = time.monotonic()  # when the present turn began

    async def read_view(self) -> memoryview:
        """What has come, as long as nothing else is waited for; nothing at the end."""
        if time.monotonic() > self._began + _TURN:
            await anyio.lowlevel.checkpoint()
            self._began = time.monotonic()
        most, self._most = self._most, SIZE
        with _mapped(httpcore.ReadTimeout, httpcore.ReadError):
            return await run_async(self._wire.read(most))

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return bytes(await self.read_view())

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        with _mapped(httpcore.WriteTimeout, httpcore.WriteError):
            await run_async(self._wire.write(memoryview(buffer)))

    async def aclose(self) -> None:
        self._wire.close()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.AsyncNetworkStream:
        try:
            with _mapped(httpcore.ConnectTimeout, httpcore.ConnectError):
                tls = TLS(self._wire, ssl_context, server_hostname)
                await run_async(tls.shake_hands())
        except BaseException:
            self._wire.close()
            raise
        return AsyncStream(tls)

    def get_extra_info(self, info: str) -> Any:
        return self._wire.get_extra_info(info)
