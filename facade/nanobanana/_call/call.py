"""Call: one request on its way, from the value it is made of to the generation it gives. Nothing here waits but the two
functions that perform one."""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import nanobanana_api

from .._engine.fetch import is_public
from .._engine.tokens import Blobs
from .._formats import format_of
from .._formats.elsewhere import found_in
from .._formats.findings import Findings
from .._formats.refusals import error_in_disguise, read_refusal
from ..errors import UnusableResponseError, plain
from ..pictures.generation import Generation
from ..pictures.image import GeneratedImage
from ..request import ImageRequest
from .exchange import Answer, Exchange
from .interrupts import to_its_end
from .key import Key
from .settings import Settings, plain_client
from .transport import CallTransport

LOGGER = logging.getLogger("nanobanana")
LOGGER.addHandler(logging.NullHandler())


class Call:
    """One request on its way.

    history, blobs: the earlier turns as JSON, and what they hold tokens of. folder: where the final picture goes while
    it arrives, into a file without a name of its own; without one it goes to memory.
    """

    def __init__(
        self,
        request: ImageRequest,
        settings: Settings,
        key: Key,
        *,
        history: Sequence[bytes] = (),
        blobs: Blobs | None = None,
        folder: Path | None = None,
    ) -> None:
        self.request = request
        self.format = format_of(request.wire)
        references = Blobs()
        references.update(blobs or {})
        self.arguments: dict[str, Any] = self.format.arguments(request, lambda given: references.add(given.data))
        self.exchange = Exchange(
            settings,
            key,
            references=references,
            turns=self.format.turns,
            history=history,
            extra=request.extra_body,
            lifts=True,
            folder=folder,
        )
        self.findings = Findings()
        self._parsed: Any = None
        self._problem = ""
        self._tokens: int | None = None

    @contextmanager
    def logged(self) -> Iterator[None]:
        """Writes one line about the call, however it ends."""
        outcome = "ok"
        try:
            yield
        except BaseException as exc:
            outcome = type(exc).__name__
            raise
        finally:
            self._log(outcome)

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Around the generated operation: what stops its parser is kept as what is wrong with the answer. What is
        raised before there is an answer passes through."""
        try:
            yield
        except Exception as exc:
            if self.exchange.answer is None:
                raise
            self._problem = plain(str(exc), 300) or type(exc).__name__

    def take(self, parsed: Any) -> None:
        """Takes what the generated code made of the answer."""
        self._parsed = parsed

    @property
    def answer(self) -> Answer:
        """The whole answer, once there is one."""
        assert self.exchange.answer is not None  # noqa: S101 - the transport has answered or raised
        return self.exchange.answer

    def conclude(self) -> Generation:
        """The generation that the answer holds.

        Raises: UnusableResponseError or one of its kin, with the answer on it.
        """
        answer = self.answer
        error: UnusableResponseError
        try:
            generation = self._generation(answer)
        except UnusableResponseError as exc:
            error = exc
        except Exception as exc:  # a document too deep, no file descriptor left: the answer is there all the same
            error = UnusableResponseError(f"the answer cannot be read: {plain(str(exc), 300) or type(exc).__name__}")
        else:
            self._tokens = generation.usage.total_tokens
            return generation
        error.status_code = answer.status_code
        error.request_id = answer.request_id or error.request_id
        error.content = self.exchange.key.redact_bytes(answer.lifted.whole())
        answer.lifted.blobs.discard()
        raise error

    def _generation(self, answer: Answer) -> Generation:
        blobs = answer.lifted.blobs
        findings = found_in(answer.document, blobs) if self._problem else self.format.find(self._parsed, blobs)
        self.findings = findings
        if not findings.has_pictures:
            refusal = read_refusal(blobs.fill(answer.document))
            if refusal is not None:
                raise error_in_disguise(refusal, status_code=answer.status_code)
            if self._problem:
                raise UnusableResponseError(f"the answer does not fit the contract: {self._problem}")
        generation = findings.conclude(
            prompt=self.request.prompt,
            model=self.request.model,
            request_id=answer.request_id,
            headers=answer.headers,
            answer=answer.lifted,
        )
        if not _is_near(self.exchange.settings.base_url.host):
            generation = generation.from_afar()
        final = generation.image  # of all pictures, it alone stays in its file
        blobs.recall(but=final.content if isinstance(final, GeneratedImage) else None)
        return generation

    def _log(self, outcome: str) -> None:
        request, exchange = self.request, self.exchange
        LOGGER.info(
            "%s %s %s %s: %s after %d ms and %d tries, %d bytes out, %d bytes in, %s tokens",
            request.wire,
            request.model,
            request.aspect_ratio,
            request.image_size,
            outcome,
            round((exchange.settings.timeout - exchange.left()) * 1000),
            exchange.tries,
            exchange.bytes_out,
            exchange.bytes_in,
            "?" if self._tokens is None else self._tokens,
        )


def _is_near(host: str) -> bool:
    """Whether the endpoint is on this machine or its network, so that the pictures it names may be as well."""
    try:
        return not is_public(ipaddress.ip_address(host.strip("[]")))
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def perform(call: Call) -> Generation:
    """Makes a call, and returns what it gave. Raises: any error of the tree but those of a bad request."""
    with call.logged():
        transport = CallTransport(lambda: call.exchange)
        with httpx.Client(transport=transport, **plain_client(call.exchange.settings)) as http:
            client = nanobanana_api.Client(base_url=str(http.base_url)).set_httpx_client(http)
            with call.guarded():
                call.take(call.format.operation(client=client, **call.arguments))
        return call.conclude()


async def perform_async(call: Call) -> Generation:
    """Makes a call, as `perform` does, on asyncio or trio."""
    with call.logged():
        transport = CallTransport(lambda: call.exchange)
        async with httpx.AsyncClient(transport=transport, **plain_client(call.exchange.settings)) as http:
            client = nanobanana_api.Client(base_url=str(http.base_url)).set_async_httpx_client(http)
            with call.guarded():
                call.take(await call.format.async_operation(client=client, **call.arguments))
        return await to_its_end(call.conclude, len(call.answer.lifted.text))
