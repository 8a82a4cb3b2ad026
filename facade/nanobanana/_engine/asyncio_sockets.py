"""The network under an async client on asyncio: a backend for httpcore's pools, on sockets of its own.

httpcore would go through anyio and asyncio's transports, with a cancel scope and two check points for each 64 KB. Here
a call reads its socket itself, when it is its turn, so that of two hundred calls only one holds a piece at a time. That
takes half the time and a fraction of the memory, with the same proxies. Given up are time-outs of single reads and
writes: they would only repeat the one over the whole call, which is cancelled when its time is over. On trio, and on
Windows, whose loop has no readers and writers, httpcore's default stays.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl
from collections.abc import Callable
from typing import Any

import httpcore

from .sockets import Options, mapped
from .tls import READ, TLS, scratch

_TURN = 0.008  # seconds that a call goes on, where there is always more, before others have their turn


class AsyncioBackend(httpcore.AsyncNetworkBackend):
    """Connections as asyncio makes them, and nothing else of its streams."""

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Options = None,
    ) -> httpcore.AsyncNetworkStream:
        local = None if local_address is None else (local_address, 0)
        loop = asyncio.get_running_loop()
        eyeballs: dict[str, Any] = {"happy_eyeballs_delay": 0.25} if isinstance(loop, asyncio.BaseEventLoop) else {}
        with mapped(httpcore.ConnectTimeout, httpcore.ConnectError):
            async with asyncio.timeout(timeout):
                transport, _ = await loop.create_connection(asyncio.Protocol, host, port, local_addr=local, **eyeballs)
            try:
                connection = socket.socket(fileno=os.dup(transport.get_extra_info("socket").fileno()))
            finally:
                transport.abort()  # the connection lives on in the copy
            connection.setblocking(False)
            for option in socket_options or ():
                connection.setsockopt(*option)
        return _Stream(connection)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class _Stream(httpcore.AsyncNetworkStream):
    """A connection."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()  # when the present turn began

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if self._loop.time() > self._began + _TURN:
            await asyncio.sleep(0)
            self._began = self._loop.time()
        with mapped(httpcore.ReadTimeout, httpcore.ReadError):
            while True:
                try:
                    size = self._socket.recv_into(scratch())
                    return bytes(scratch()[:size])
                except BlockingIOError:
                    await self._wait(self._loop.add_reader, self._loop.remove_reader)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        view = memoryview(buffer)
        with mapped(httpcore.WriteTimeout, httpcore.WriteError):
            while view:
                try:
                    view = view[self._socket.send(view) :]
                except BlockingIOError:
                    await self._wait(self._loop.add_writer, self._loop.remove_writer)

    async def _wait(self, add: Callable[..., Any], remove: Callable[..., Any]) -> None:
        ready: asyncio.Future[None] = self._loop.create_future()
        add(self._socket, _wake, ready)
        try:
            await ready
        finally:
            remove(self._socket)
        self._began = self._loop.time()

    async def aclose(self) -> None:
        self._socket.close()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.AsyncNetworkStream:
        return await _secured(self, TLS(ssl_context, server_hostname), timeout)

    def get_extra_info(self, info: str) -> Any:
        match info:
            case "socket":
                return self._socket
            case "client_addr":
                return self._socket.getsockname()
            case "server_addr":
                return self._socket.getpeername()
            case _:  # nobody asks whether it is readable, as no connection is used twice
                return None


def _wake(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)


class _TLSStream(httpcore.AsyncNetworkStream):
    """TLS over another stream."""

    def __init__(self, inner: httpcore.AsyncNetworkStream, tls: TLS) -> None:
        self._inner = inner
        self._tls = tls

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        with mapped(httpcore.ReadTimeout, httpcore.ReadError):
            while (piece := self._tls.read()) is None:
                await self._inner.write(self._tls.outgoing())  # such as the answer to an update of keys
                self._tls.feed(await self._inner.read(READ, timeout))
        return piece

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        view = memoryview(buffer)
        for start in range(0, len(view), READ):
            with mapped(httpcore.WriteTimeout, httpcore.WriteError):
                self._tls.write(view[start : start + READ])
            await self._inner.write(self._tls.outgoing(), timeout)

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.AsyncNetworkStream:
        return await _secured(self, TLS(ssl_context, server_hostname), timeout)

    def get_extra_info(self, info: str) -> Any:
        return self._tls.object if info == "ssl_object" else self._inner.get_extra_info(info)


async def _secured(stream: httpcore.AsyncNetworkStream, tls: TLS, timeout: float | None) -> httpcore.AsyncNetworkStream:
    try:
        with mapped(httpcore.ConnectTimeout, httpcore.ConnectError):
            async with asyncio.timeout(timeout):
                while not tls.shake_hands():
                    await stream.write(tls.outgoing())
                    tls.feed(await stream.read(READ))
                await stream.write(tls.outgoing())
    except BaseException as exc:
        if isinstance(exc, Exception):
            with contextlib.suppress(Exception):
                await stream.write(tls.outgoing())  # what is wrong, for the other side
        await stream.aclose()
        raise
    return _TLSStream(stream, tls)
