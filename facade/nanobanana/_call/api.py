"""The generated client on a client's key, deadline, cap and errors, for operations that the facade does not wrap."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import nanobanana_api
from attrs import frozen

from .exchange import Exchange
from .key import Key
from .settings import Settings, plain_client
from .transport import AsyncCallTransport, CallTransport


@frozen
class _PerCall(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Makes the transport of each call anew, so that nothing is kept from one to the next."""

    settings: Settings
    key: Key
    check_open: Callable[[], None]

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.check_open()
        return CallTransport(Exchange(self.settings, self.key)).handle_request(request)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.check_open()
        return await AsyncCallTransport(Exchange(self.settings, self.key)).handle_async_request(request)


def api_http(settings: Settings, key: Key, check_open: Callable[[], None]) -> httpx.Client:
    """The httpx client under `NanoBanana.api`."""
    return httpx.Client(transport=_PerCall(settings, key, check_open), **plain_client(settings))


def async_api_http(settings: Settings, key: Key, check_open: Callable[[], None]) -> httpx.AsyncClient:
    """The httpx client under `AsyncNanoBanana.api`."""
    return httpx.AsyncClient(transport=_PerCall(settings, key, check_open), **plain_client(settings))


def generated(settings: Settings) -> nanobanana_api.Client:
    """The generated client, still without an httpx client."""
    return nanobanana_api.Client(base_url=str(settings.base_url))
