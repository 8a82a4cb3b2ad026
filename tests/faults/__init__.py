"""Playing a row of the table: what the client makes of a fault, and whether it works afterwards."""

from __future__ import annotations

import contextlib
import os
import time
import tracemalloc
from collections.abc import Iterator
from typing import Any
from unittest import mock

from attrs import define
from nanobanana import AsyncNanoBanana, Generation, ImageRequest, NanoBanana

from .server import KEY, PICTURE, Server, certificates
from .table import A_PICTURE, Row

_MODELS: dict[str, Any] = {"native": "nanobanana", "chat": "nanobanana_2"}


@define
class Played:
    """What came of a row."""

    requests: int = 0
    connections: int = 0
    strayed: int = 0
    sent: int = 0
    elapsed: float = 0.0
    peak: int = 0
    elsewhere: str = ""
    error: BaseException | None = None
    afterwards: BaseException | None = None

    @property
    def outcome(self) -> str:
        """The name of the error's class, or that there was a picture."""
        return A_PICTURE if self.error is None else type(self.error).__name__

    @property
    def billed(self) -> str:
        """The error's word on the bill; "yes" for a picture."""
        return "yes" if self.error is None else getattr(self.error, "billed", "?")


@contextlib.contextmanager
def environment(**values: str) -> Iterator[None]:
    """The environment with these values and without any proxy, key or address of the machine's own."""
    ours = ("_PROXY", "INFINITYBLUE_", "SSL_CERT_", "GOOGLE_", "GEMINI_", "OPENAI_")
    kept = {name: value for name, value in os.environ.items() if not any(part in name.upper() for part in ours)}
    with mock.patch.dict(os.environ, {**kept, **values}, clear=True):
        yield


@contextlib.contextmanager
def stage(row: Row) -> Iterator[tuple[Server, dict[str, Any], ImageRequest]]:
    """The server of a row, the arguments for a client and the request to make."""
    with Server(row.acts, door=row.door, secure=row.secure, certificate=row.certificate) as server:
        variables = {name: value.format(url=server.url) for name, value in row.environment.items()}
        if row.secure:
            variables["SSL_CERT_FILE"] = certificates().roots
        options = {"base_url": server.url, "timeout": 20.0, **row.options}
        references = [PICTURE + bytes(row.upload)] if row.upload else []
        with environment(**variables):
            yield server, options, ImageRequest("Draw a cat", references=references, model=_MODELS[row.wire])


def play(row: Row) -> Played:
    """Plays a row with the sync client."""
    played = Played()
    with stage(row) as (server, options, request), contextlib.ExitStack() as stack:
        client: NanoBanana | None = None
        if row.warm:
            client = stack.enter_context(NanoBanana(KEY, **options))
            client.send(request)
            time.sleep(row.warm)
        with _watch(row, played, server):
            client = client or stack.enter_context(NanoBanana(KEY, **options))
            _check(client.send(request))
        if client is not None:
            server.mend()
            try:
                _check(client.send(request))
            except Exception as error:
                played.afterwards = error
    return played


async def play_async(row: Row) -> Played:
    """Plays a row with the async client, on whichever event loop runs."""
    import anyio

    played = Played()
    with stage(row) as (server, options, request):
        async with contextlib.AsyncExitStack() as stack:
            client: AsyncNanoBanana | None = None
            if row.warm:
                client = await stack.enter_async_context(AsyncNanoBanana(KEY, **options))
                await client.send(request)
                await anyio.sleep(row.warm)
            with _watch(row, played, server):
                if client is None:
                    client = await stack.enter_async_context(AsyncNanoBanana(KEY, **options))
                _check(await client.send(request))
            if client is not None:
                server.mend()
                try:
                    _check(await client.send(request))
                except Exception as error:
                    played.afterwards = error
    return played


@contextlib.contextmanager
def _watch(row: Row, played: Played, server: Server) -> Iterator[None]:
    before = server.requests, server.connections
    started = time.monotonic()
    if row.most_memory:
        tracemalloc.start()
    try:
        yield
    except Exception as error:
        played.error = error
    finally:
        if row.most_memory:
            played.peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
    played.elapsed = time.monotonic() - started
    time.sleep(0.01)
    while server.requests - before[0] < row.requests and time.monotonic() < started + played.elapsed + 2:
        time.sleep(0.01)  # the server is still reading what was sent
    played.requests, played.connections = server.requests - before[0], server.connections - before[1]
    played.strayed, played.sent, played.elsewhere = server.strayed, server.sent, server.elsewhere


def _check(generation: Generation) -> None:
    if generation.image.data != PICTURE:
        raise AssertionError(f"a wrong picture: {generation!r}")
