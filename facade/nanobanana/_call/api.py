"""The generated client on a client's key, deadline, cap and errors, for operations that the facade does not wrap."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import nanobanana_api

from .exchange import Exchange
from .key import Key
from .settings import Settings, plain_client
from .transport import CallTransport


def _transport(settings: Settings, key: Key, check_open: Callable[[], None]) -> CallTransport:
    def begin() -> Exchange:
        check_open()
        return Exchange(settings, key)

    return CallTransport(begin)


def api_http(settings: Settings, key: Key, check_open: Callable[[], None]) -> httpx.Client:
    """The httpx client under `NanoBanana.api`."""
    return httpx.Client(transport=_transport(settings, key, check_open), **plain_client(settings))


def async_api_http(settings: Settings, key: Key, check_open: Callable[[], None]) -> httpx.AsyncClient:
    """The httpx client under `AsyncNanoBanana.api`."""
    return httpx.AsyncClient(transport=_transport(settings, key, check_open), **plain_client(settings))


def generated(settings: Settings) -> nanobanana_api.Client:
    """The generated client, still without an httpx client."""
    return nanobanana_api.Client(base_url=str(settings.base_url))
