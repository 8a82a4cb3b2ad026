"""The generated client on a client's key, deadline, cap and errors, for operations that the facade does not wrap."""

from __future__ import annotations

import httpx
import nanobanana_api

from .exchange import Exchange
from .key import Key
from .settings import Settings, plain_client
from .transport import AsyncCallTransport, CallTransport


class _PerCall(httpx.BaseTransport):
    def __init__(self, settings: Settings, key: Key) -> None:
        self._settings, self._key = settings, key

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return CallTransport(Exchange(self._settings, self._key)).handle_request(request)


class _PerAsyncCall(httpx.AsyncBaseTransport):
    def __init__(self, settings: Settings, key: Key) -> None:
        self._settings, self._key = settings, key

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await AsyncCallTransport(Exchange(self._settings, self._key)).handle_async_request(request)


def api_client(settings: Settings, key: Key) -> nanobanana_api.Client:
    """The generated client for sync calls."""
    http = httpx.Client(transport=_PerCall(settings, key), **plain_client(settings))
    return nanobanana_api.Client(base_url=str(settings.base_url)).set_httpx_client(http)


def async_api_client(settings: Settings, key: Key) -> nanobanana_api.Client:
    """The generated client for async calls."""
    http = httpx.AsyncClient(transport=_PerAsyncCall(settings, key), **plain_client(settings))
    return nanobanana_api.Client(base_url=str(settings.base_url)).set_async_httpx_client(http)
