"""The network under a client: httpx's own transports over httpcore's pools, with the deadline in every wait.

httpx starts a time-out anew with each read, so a server that drips a byte a second could hold a sync call
for ever. httpcore's pools take a network backend, and one that shortens each wait to the time
that is left closes the gap. httpx offers no way to hand one on, so `_with_pool` puts our pool in the place of
the transport's own: the one private attribute that this package touches (httpx 0.27 and 0.28 both have it).
Async calls need none of it, as they are cancelled when the time is over.
"""

from __future__ import annotations

import os
import ssl
import urllib.request
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, TypeVar

import httpcore
import httpx

from .errors import ConfigurationError
from .exchange import CURRENT
from .settings import LOOPBACK, Settings

_PIECE = 128 * 1024  # bytes written at a time

T = TypeVar("T", httpx.HTTPTransport, httpx.AsyncHTTPTransport)


def sync_transport(settings: Settings) -> httpx.HTTPTransport:
    """The transport of a sync client."""
    pools = httpcore.ConnectionPool, httpcore.HTTPProxy, httpcore.SOCKSProxy
    pool = _pool(settings, *pools, network_backend=_Backend(settings))
    return _with_pool(httpx.HTTPTransport(verify=_no_verify_context()), pool)


class _PerCall(httpx.AsyncBaseTransport):
    """A transport of its own for each call. As no connection outlives its call there is nothing to share, and so one
    client can serve several event loops, also at once in several threads."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        pools = httpcore.AsyncConnectionPool, httpcore.AsyncHTTPProxy, httpcore.AsyncSOCKSProxy
        transport = httpx.AsyncHTTPTransport(verify=_no_verify_context())
        return await _with_pool(transport, _pool(self._settings, *pools)).handle_async_request(request)


def async_transport(settings: Settings) -> httpx.AsyncBaseTransport:
    """The transport of an async client."""
    return _PerCall(settings)


def _with_pool(transport: T, pool: Any) -> T:
    transport._pool = pool
    return transport


def _pool(settings: Settings, direct: Any, by_http: Any, by_socks: Any, **more: Any) -> Any:
    """A pool of the kind that the way to the endpoint needs. Each call gets a connection of its own: that is nothing
    beside the 10 to 120 s that a call takes, while a stale connection, or bytes left over from the answer before, would
    cost a picture.

    Raises: ConfigurationError where the environment names a proxy that cannot be used.
    """
    secure = settings.base_url.scheme == "https"
    more |= {"ssl_context": ssl_context() if secure else None, "max_connections": None, "max_keepalive_connections": 0}
    proxy = _proxy(settings.base_url)
    if proxy is None:
        return direct(**more)
    try:
        return (by_socks if proxy.scheme.startswith(b"socks") else by_http)(proxy_url=proxy, **more)
    except (ImportError, RuntimeError, ValueError) as exc:
        problem = str(exc)
    raise ConfigurationError(f"the proxy that the environment names cannot be used: {problem}")


def ssl_context() -> ssl.SSLContext:
    """The context that all clients of the process share, as making one costs some 30 ms.

    As with httpx, SSL_CERT_FILE and SSL_CERT_DIR bring other roots than certifi's.
    """
    return _ssl_context(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))


@lru_cache
def _ssl_context(file: str | None, folder: str | None) -> ssl.SSLContext:
    return httpx.create_ssl_context()


@lru_cache
def _no_verify_context() -> ssl.SSLContext:
    """An empty context for the pool that httpx makes and we replace: cheap, and it would trust nobody."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _proxy(url: httpx.URL) -> httpcore.URL | None:
    """The proxy that the environment (HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY) asks for on the way to `url`."""
    if url.host in LOOPBACK:
        return None
    proxies = urllib.request.getproxies()
    if urllib.request.proxy_bypass(url.host):
        return None
    found = proxies.get(url.scheme) or proxies.get("all")
    return httpcore.URL(found if "://" in found else f"http://{found}") if found else None


class _Backend(httpcore.NetworkBackend):
    """httpcore's own backend, with no wait longer than what is left of the call."""

    def __init__(self, settings: Settings) -> None:
        self._inner = httpcore.SyncBackend()
        self._clock = settings.clock

    def left(self, timeout: float | None, error: type[Exception]) -> float | None:
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
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        timeout = self.left(timeout, httpcore.ConnectTimeout)
        return _Stream(self._inner.connect_tcp(host, port, timeout, local_address, socket_options), self)

    def sleep(self, seconds: float) -> None:
        self._inner.sleep(seconds)


class _Stream(httpcore.NetworkStream):
    def __init__(self, inner: httpcore.NetworkStream, backend: _Backend) -> None:
        self._inner = inner
        self._backend = backend

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, self._backend.left(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        view = memoryview(buffer)  # httpcore copies the rest of what it writes at each step
        for start in range(0, len(view), _PIECE):
            piece = bytes(view[start : start + _PIECE])
            self._inner.write(piece, self._backend.left(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        timeout = self._backend.left(timeout, httpcore.ConnectTimeout)
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, timeout), self._backend)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)
