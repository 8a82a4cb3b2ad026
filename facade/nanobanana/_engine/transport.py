"""Transport: httpx's own transports, each for one try of one call, over httpcore's pools on our streams.

httpx offers no way to hand a pool on, so `_pool` is set here: the one private attribute of another library that is
used. The oldest and the newest allowed versions are tested. What wraps `httpx.HTTPTransport.handle_request`, as
OpenTelemetry's instrumentation does, sees each try.
"""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Iterator
from typing import Any, TypeAlias

import httpcore
import httpx
from attrs import field, frozen

from .route import Proxy
from .streams import Allow, AsyncBackend, Reroute, SyncBackend
from .wires import Try

Headers: TypeAlias = list[tuple[bytes, bytes]]
_KNOWN = (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError, httpcore.ProxyError)


@frozen
class Way:
    """How the server is reached, for all calls of a client.

    ssl_context: for https, the proxy's included; None where neither is https. connect_timeout: seconds for everything
    before the request: the look-up, the connection, the proxy, TLS. reroute: where to connect instead. allow: called
    with the address of each connection before it is made, and raises OSError for one that must not be.
    """

    ssl_context: ssl.SSLContext | None = None
    proxy: Proxy | None = None
    connect_timeout: float = 10.0
    reroute: Reroute | None = field(default=None, kw_only=True)
    allow: Allow | None = field(default=None, kw_only=True)


class SyncTransport(httpx.HTTPTransport):
    """Carries the request of one try, on a connection of its own.

    Beside 10 to 120 s that a call takes, a connection is nothing, while a stale one, or bytes left over from the answer
    before, would cost a picture. `secret_headers` are added to httpcore's request, so no object of httpx has them.
    """

    def __init__(self, way: Way, try_: Try, secret_headers: Headers | None = None) -> None:
        kinds = httpcore.ConnectionPool, httpcore.HTTPProxy, httpcore.SOCKSProxy
        backend = SyncBackend(try_, way.reroute, way.allow)
        self._pool: Any = _SyncPool(_pool(way, kinds, backend), backend, way, try_, secret_headers or [])


class AsyncTransport(httpx.AsyncHTTPTransport):
    """`SyncTransport` for async calls."""

    def __init__(self, way: Way, try_: Try, secret_headers: Headers | None = None) -> None:
        kinds = httpcore.AsyncConnectionPool, httpcore.AsyncHTTPProxy, httpcore.AsyncSOCKSProxy
        backend = AsyncBackend(try_, way.reroute, way.allow)
        self._pool: Any = _AsyncPool(_pool(way, kinds, backend), backend, way, try_, secret_headers or [])


def _pool(way: Way, kinds: tuple[Any, Any, Any], backend: Any) -> Any:
    direct, by_http, by_socks = kinds
    options = {"ssl_context": way.ssl_context, "max_keepalive_connections": 0, "network_backend": backend}
    if way.proxy is None:
        return direct(**options)
    options |= {"proxy_url": way.proxy.url, "proxy_auth": way.proxy.auth}
    if way.proxy.is_socks:
        return by_socks(**options)
    return by_http(**options, proxy_ssl_context=way.ssl_context if way.proxy.url.scheme == b"https" else None)


class _Pool:
    """What is done to a request on its way from httpx to httpcore."""

    def __init__(
        self, pool: Any, backend: SyncBackend | AsyncBackend, way: Way, try_: Try, secret_headers: Headers
    ) -> None:
        super().__init__()
        self._pool, self._backend = pool, backend
        self._way, self._try, self._secret_headers = way, try_, secret_headers

    def _prepare(self, request: httpcore.Request, trace: Any) -> None:
        self._try.begin(self._way.connect_timeout)
        request.headers = [*request.headers, *self._secret_headers]
        # httpx's own time-outs would end a call that is silent for five seconds; the streams know the deadline
        request.extensions = {**request.extensions, "timeout": {}, "trace": trace}

    def _note(self, event: str, info: dict[str, Any]) -> None:
        """Notes, as a trace function of httpcore's, when the request itself begins to leave."""
        if event.endswith("send_request_headers.started") and info["request"].method != b"CONNECT":
            self._try.send()

    @contextlib.contextmanager
    def _guarded(self) -> Iterator[None]:
        """httpcore leaves the connection open where a proxy answers nonsense, and its SOCKS library asserts, and has
        exceptions of its own."""
        try:
            yield
        except BaseException as exc:
            for wire in self._backend.wires:
                wire.close()
            is_foreign = isinstance(exc, Exception) and not isinstance(exc, _KNOWN)
            if is_foreign and self._way.proxy is not None and self._way.proxy.is_socks and not self._try.sent:
                raise httpcore.ProxyError("the proxy does not speak SOCKS5 (RFC 1928)") from None
            raise


class _SyncPool(_Pool, contextlib.ExitStack):
    """A pool that is closed as a context, or by `close`."""

    def handle_request(self, request: httpcore.Request) -> httpcore.Response:
        self.callback(self._pool.close)
        self._prepare(request, self._note)
        with self._guarded():
            response: httpcore.Response = self._pool.handle_request(request)
        return response


class _AsyncPool(_Pool, contextlib.AsyncExitStack):
    """`_SyncPool` for async calls."""

    async def handle_async_request(self, request: httpcore.Request) -> httpcore.Response:
        async def note(event: str, info: dict[str, Any]) -> None:
            self._note(event, info)

        self.push_async_callback(self._pool.aclose)
        self._prepare(request, note)
        with self._guarded():
            response: httpcore.Response = await self._pool.handle_async_request(request)
        return response
