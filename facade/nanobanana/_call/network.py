"""The way to the endpoint: httpx's own transports over httpcore's pools, with backends, proxies and TLS of ours.

httpx offers no way to hand a network backend on, so `_with_pool` puts our pool in the place of the transport's own:
the one private attribute that this package touches. The oldest and the newest allowed versions are tested.
"""

from __future__ import annotations

import os
import ssl
import sys
import urllib.request
from functools import lru_cache
from typing import Any, TypeVar

import httpcore
import httpx

from .._engine.sockets import SyncBackend
from ..errors import ConfigurationError
from .settings import LOOPBACK, Settings

T = TypeVar("T", httpx.HTTPTransport, httpx.AsyncHTTPTransport)


def sync_transport(settings: Settings) -> httpx.HTTPTransport:
    """The transport of a sync client."""
    pools = httpcore.ConnectionPool, httpcore.HTTPProxy, httpcore.SOCKSProxy
    pool = _pool(settings, _proxy(settings.base_url), *pools, network_backend=SyncBackend(settings.clock))
    return _with_pool(httpx.HTTPTransport(verify=_no_verify_context()), pool)


class _PerCall(httpx.AsyncBaseTransport):
    """A transport of its own for each call. As no connection outlives its call there is nothing to share, and so one
    client can serve several event loops, also at once in several threads."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._proxy = _proxy(settings.base_url)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        pools = httpcore.AsyncConnectionPool, httpcore.AsyncHTTPProxy, httpcore.AsyncSOCKSProxy
        transport = httpx.AsyncHTTPTransport(verify=_no_verify_context())
        pool = _pool(self._settings, self._proxy, *pools, network_backend=_async_backend())
        return await _with_pool(transport, pool).handle_async_request(request)


def _async_backend() -> httpcore.AsyncNetworkBackend | None:
    """Ours in a task of asyncio's; httpcore's own in one of trio's, which may be a guest on asyncio's loop."""
    import asyncio  # here, and no further up, as sync clients have no use for it

    try:
        is_asyncio = asyncio.current_task() is not None and sys.platform != "win32"
    except RuntimeError:
        is_asyncio = False
    if not is_asyncio:
        return None
    from .._engine.asyncio_sockets import AsyncioBackend

    return AsyncioBackend()


def async_transport(settings: Settings) -> httpx.AsyncBaseTransport:
    """The transport of an async client."""
    return _PerCall(settings)


def _with_pool(transport: T, pool: Any) -> T:
    transport._pool = pool
    return transport


def _pool(settings: Settings, proxy: httpcore.URL | None, direct: Any, by_http: Any, by_socks: Any, **more: Any) -> Any:
    """A pool of the kind that the way to the endpoint needs. Each call gets a connection of its own: that is nothing
    beside the 10 to 120 s that a call takes, while a stale connection, or bytes left over from the answer before, would
    cost a picture.

    Raises: ConfigurationError where the environment names a proxy that cannot be used.
    """
    secure = settings.base_url.scheme == "https"
    more |= {"ssl_context": ssl_context() if secure else None, "max_connections": None, "max_keepalive_connections": 0}
    if proxy is None:
        return direct(**more)
    if proxy.scheme == b"https":
        more["proxy_ssl_context"] = ssl_context()
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
