"""The transports of a call: httpx's own extension point, made for one call and gone with it.

The generated code runs on a plain httpx client around one of these. What it gets is a small, clean JSON answer; all
else leaves here as a typed error, raised where no frame holds what the server sent, which may repeat the key.
"""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

import anyio
import httpx

from .._engine.receive import receive, receive_async
from .._engine.transport import AsyncTransport, SyncTransport
from ..errors import NanoBananaError
from .attempt import Attempt
from .exchange import Answer, Exchange
from .interrupts import to_its_end

_STATUSES = {int(status) for status in HTTPStatus}


class CallTransport(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Sends the request of a call as often as is safe; of asyncio and trio as well.

    begin: gives what is exchanged, for each call anew where there is more than one.
    """

    def __init__(self, begin: Callable[[], Exchange]) -> None:
        self._begin = begin

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        exchange = self._begin()
        upload = exchange.upload(request.read())
        while True:
            attempt = Attempt(exchange, request, upload)
            with attempt:
                _carry(attempt, exchange)
            attempt.conclude()
            pause = attempt.pause
            if pause is None:
                return _answered(exchange, attempt.outcome)
            exchange.settings.clock.sleep(pause)
            if exchange.is_aborted:
                return _answered(exchange, attempt.outcome)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        exchange = self._begin()
        upload = exchange.upload(await request.aread())
        while True:
            attempt = Attempt(exchange, request, upload)
            with attempt, anyio.fail_after(max(0.0, exchange.left())):
                await _carry_async(attempt, exchange)
            await to_its_end(attempt.conclude, attempt.size)
            pause = attempt.pause
            if pause is None:
                return _answered(exchange, attempt.outcome)
            await exchange.settings.clock.sleep_async(pause)


def _carry(attempt: Attempt, exchange: Exchange) -> None:
    with SyncTransport(attempt.way, attempt.limits, attempt.secret_headers) as transport:
        response = transport.handle_request(attempt.request())
        receive(response, attempt.begin(response), exchange.left)


async def _carry_async(attempt: Attempt, exchange: Exchange) -> None:
    async with AsyncTransport(attempt.way, attempt.limits, attempt.secret_headers) as transport:
        response = await transport.handle_async_request(attempt.request(is_async=True))
        await receive_async(response, attempt.begin(response), exchange.left)


def _answered(exchange: Exchange, outcome: Answer | NanoBananaError) -> httpx.Response:
    """What the generated code is to read, or the error raised."""
    if isinstance(outcome, NanoBananaError):
        raise outcome
    exchange.answer = outcome
    if exchange.lifts:
        # Any 2xx with a whole answer is good: what was paid for is not lost over a number that no contract lists.
        return httpx.Response(200, headers={"content-type": "application/json"}, content=outcome.readable)
    status = outcome.status_code if outcome.status_code in _STATUSES else 200
    content = outcome.lifted.text
    if exchange.key.is_distinct:
        content = exchange.key.redact_bytes(content)
    headers = {name: value for name, value in outcome.headers.items() if name not in _FRAMING}
    return httpx.Response(status, headers=headers, content=content)


_FRAMING = {"content-encoding", "content-length", "transfer-encoding"}
