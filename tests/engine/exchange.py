"""One try of a call through the engine alone, on each kind of loop, and what came of it."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest
import trio
import uvloop
from attrs import define, field
from nanobanana._engine.intake import Intake
from nanobanana._engine.receive import receive, receive_async
from nanobanana._engine.tokens import Blobs
from nanobanana._engine.transport import AsyncTransport, SyncTransport, Way
from nanobanana._engine.upload import AsyncUpload, Upload
from nanobanana._engine.wires import Try

from ..faults.server import certificates

SECRET = (b"Authorization", b"Bearer sk-engine-0123456789")


@define
class Exchange:
    """What came of a try."""

    url: str
    upload: Upload = field(factory=lambda: Upload(b"{}", Blobs()))
    way: Way = field(factory=lambda: Way(trusting()))
    timeout: float = 20.0
    options: dict[str, Any] = field(factory=dict)
    """Of the intake."""
    try_: Try = field(init=False)
    intake: Intake = field(init=False)
    response: httpx.Response | None = None
    error: BaseException | None = None
    elapsed: float = 0.0

    def __attrs_post_init__(self) -> None:
        end = time.monotonic() + self.timeout
        self.try_ = Try(lambda: end - time.monotonic())
        self.intake = Intake(limit=8_000_000)

    def request(self, stream: Upload | AsyncUpload) -> httpx.Request:
        length = {"Content-Length": str(len(self.upload))}
        request = httpx.Request("POST", self.url, headers=length)
        request.stream = stream
        return request

    def taken(self, response: httpx.Response) -> Intake:
        self.response = response
        length = response.headers.get("content-length", "0")
        encoding = response.headers.get("content-encoding", "")
        self.intake = Intake(encoding, **{"limit": 8_000_000, "expected": int(length), **self.options})
        return self.intake

    def run(self) -> None:
        transport = SyncTransport(self.way, self.try_, [SECRET])
        with httpx.Client(transport=transport) as client:
            response = client.send(self.request(self.upload), stream=True)
            receive(response, self.taken(response), self.try_.left)

    async def run_async(self) -> None:
        transport = AsyncTransport(self.way, self.try_, [SECRET])
        async with httpx.AsyncClient(transport=transport) as client:
            response = await client.send(self.request(AsyncUpload(self.upload)), stream=True)
            await receive_async(response, self.taken(response), self.try_.left)


Drive = Callable[[Exchange], Exchange]


def _kept(run: Callable[[Exchange], None]) -> Drive:
    def drive(exchange: Exchange) -> Exchange:
        began = time.monotonic()
        try:
            run(exchange)
        except Exception as error:
            exchange.error = error
        exchange.elapsed = time.monotonic() - began
        exchange.intake.finish()
        return exchange

    return drive


def _on_uvloop(exchange: Exchange) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(exchange.run_async())


DRIVERS: dict[str, Drive] = {
    "sync": _kept(lambda exchange: exchange.run()),
    "asyncio": _kept(lambda exchange: asyncio.run(exchange.run_async())),
    "uvloop": _kept(_on_uvloop),
    "trio": _kept(lambda exchange: trio.run(exchange.run_async)),
}
EVERYWHERE = pytest.mark.parametrize("drive", DRIVERS.values(), ids=DRIVERS)
TWINS = pytest.mark.parametrize("drive", [DRIVERS["sync"], DRIVERS["asyncio"]], ids=["sync", "asyncio"])


def trusting() -> ssl.SSLContext:
    """A context that trusts the certificates of the tests, and no others."""
    return ssl.create_default_context(cafile=certificates().roots)
