"""Caller: settings and a key, and the calls that are made with them. Both clients are made from it."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn, Self, TypeVar

from attrs import evolve

from .._engine.tokens import Blobs
from .._engine.transport import Way
from ..errors import ConfigurationError, InvalidRequestError
from ..pictures.generation import Generation
from ..request import ImageRequest
from .call import Call, perform, perform_async
from .clock import Clock
from .interrupts import apart
from .key import Key
from .settings import Settings, checked_base_url, context_for, headers_of, proxy_to

_LARGEST_ANSWER = 256 * 1024 * 1024  # bytes
T = TypeVar("T")


class Caller:
    """Settings, and the key, which is kept where nothing shows it."""

    def __init__(
        self,
        api_key: str | None = None,
        *,
        base_url: str | None = None,
        timeout: float = 600.0,
        connect_timeout: float = 10.0,
        max_retries: int = 2,
        retry_unknown: bool = False,
        max_response_bytes: int = _LARGEST_ANSWER,
        allow_insecure: bool = False,
        headers: Mapping[str, str] | None = None,
        proxy: str | None = None,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        key = Key.of(api_key)
        del api_key  # from here on, no traceback shows it
        if isinstance(key, ConfigurationError):
            raise key
        address = checked_base_url(base_url, allow_insecure=allow_insecure)
        through = proxy_to(proxy, address)
        del proxy  # it may hold a password
        if isinstance(through, ConfigurationError):
            raise through
        self._key = key
        self._is_closed = False
        self._settings = Settings(
            base_url=address,
            timeout=timeout,
            connect_timeout=connect_timeout,
            max_retries=max_retries,
            retry_unknown=retry_unknown,
            max_response_bytes=max_response_bytes,
            headers=headers_of(headers, key),
            way=Way(context_for(ssl_context, address, through), through, connect_timeout),
        )

    @classmethod
    def _wired(
        cls,
        *,
        clock: Clock | None = None,
        reroute: Callable[[str, int], tuple[str, int]] | None = None,
        **options: Any,
    ) -> Self:
        """A client on a clock and on connections that somebody else decides on: where the vectors are played."""
        client = cls(**options)
        settings = client._settings
        way = evolve(settings.way, reroute=reroute)
        client._settings = evolve(settings, clock=clock or settings.clock, way=way)
        return client

    def _call(
        self,
        request: ImageRequest,
        *,
        extra_headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        folder: Path | None = None,
        history: Sequence[bytes] = (),
        blobs: Blobs | None = None,
    ) -> Call:
        if not isinstance(request, ImageRequest):
            raise InvalidRequestError(
                f"the request is of type {type(request).__name__}; it must be an ImageRequest",
                param="request",
                advice="Make one, ImageRequest(prompt, ...), or give the prompt to generate()",
            )
        settings = self._settings.for_call(timeout=timeout, extra_headers=extra_headers)
        return Call(request, settings, self._key, history=history, blobs=blobs, folder=folder)

    async def _draw_async(self, request: ImageRequest, folder: Path | None) -> Generation:
        self._check_open()
        return await perform_async(self._call(request, folder=folder))

    def _check_open(self) -> None:
        if self._is_closed:
            raise ConfigurationError("this client has been closed", advice="Make a new one")

    def __repr__(self) -> str:
        settings = vars(self).get("_settings")  # it is missing while the client is being made
        return f"<{type(self).__name__} {settings.base_url if settings else 'unfinished'}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"a {type(self).__name__} holds a key; make one in each process instead")


class SyncCaller(Caller):
    """One whose calls block: a `NanoBanana`."""

    def _perform(self, call: Call) -> Generation:
        self._check_open()
        return perform(call)

    def _made(self, call: Call, *, then: Callable[[Generation], T]) -> T:
        """Makes a call and does something with what it gave, which no Ctrl-C parts."""
        return apart(call.exchange, lambda: then(self._perform(call)))


class AsyncCaller(Caller):
    """One whose calls are awaited, on asyncio or trio: an `AsyncNanoBanana`."""

    async def _perform(self, call: Call) -> Generation:
        self._check_open()
        return await perform_async(call)
