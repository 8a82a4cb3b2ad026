"""Call: one request on its way, from the generated model it becomes to the generation it gives. Nothing here waits."""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Mapping, Sequence
from contextvars import Token
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any, Self

from .._engine.fetch import is_public
from .._engine.tokens import Blobs
from .._formats import chat, native
from .._formats.refusals import error_in_disguise, read_fault
from ..errors import UnusableResponseError, plain
from ..pictures.generation import Generation
from ..pictures.image import GeneratedImage
from ..pictures.provenance import Record
from ..request import ImageRequest
from .exchange import CURRENT, Exchange
from .settings import Settings

LOGGER = logging.getLogger("nanobanana")
LOGGER.addHandler(logging.NullHandler())


WIRES: dict[str, ModuleType] = {"native": native, "chat": chat}


class Call:
    """One request on its way. As a context around the generated operation it starts the clock; `take` or `trip`
    says how the operation ended, and `result` is what the caller gets.

    history, blobs: the earlier turns as JSON, and what they hold tokens of. folder: where the final picture goes while
    it arrives, into a file without a name of its own; without one it goes to memory.
    """

    def __init__(
        self,
        request: ImageRequest,
        settings: Settings,
        history: Sequence[Mapping[str, Any]] = (),
        *,
        blobs: Blobs | None = None,
        folder: Path | None = None,
    ) -> None:
        self.request = request
        self.wire = WIRES[request.wire]
        self.exchange = Exchange(settings.clock.monotonic() + settings.timeout, lifts=True, folder=folder)
        references = self.exchange.references
        references.update(blobs or {})
        self.turn = self.wire.user_turn(request, lambda reference: references.add(reference.data))
        self.arguments: dict[str, Any] = self.wire.arguments(self.turn, request, history)
        self._settings = settings
        self._token: Token[Exchange] | None = None
        self._parsed: Any = None
        self._problem = ""

    def __enter__(self) -> Self:
        self._token = CURRENT.set(self.exchange)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._token is not None:
            CURRENT.reset(self._token)
        if error is not None:
            self.exchange.blobs.discard()
            self._log(type(error).__name__, None)

    def take(self, parsed: Any) -> None:
        """Takes what the generated code made of the answer; None where it knows nothing of the status."""
        self._parsed = parsed
        self._problem = "" if parsed is not None else f"HTTP {self.exchange.status_code} is not in it"

    def trip(self, problem: Exception) -> None:
        """Takes the exception that stopped the generated parser. One from before the answer is a fault of ours,
        and raised as it is."""
        if not self.exchange.status_code:
            raise problem
        self._problem = plain(str(problem), 300) or type(problem).__name__

    def result(self) -> Generation:
        """The generation that the answer holds.

        Raises: UnusableResponseError or one of its kin, with the answer on it.
        """
        error: UnusableResponseError
        try:
            generation = self._generation()
        except UnusableResponseError as exc:
            error = exc
        except Exception as exc:  # a document too deep, no file descriptor left: the answer is there all the same
            error = UnusableResponseError(f"the answer cannot be read: {plain(str(exc), 300) or type(exc).__name__}")
        else:
            self._log("ok", generation.usage.total_tokens)
            return generation
        error.status_code = self.exchange.status_code
        error.request_id = error.request_id or self.exchange.request_id
        error.content = self.exchange.content()
        self.exchange.blobs.discard()
        self._log(type(error).__name__, None)
        raise error

    def _generation(self) -> Generation:
        exchange = self.exchange
        reading = None if self._problem else self.wire.read(self._parsed, exchange.blobs)
        if reading is None or not reading.has_pictures:
            fault = read_fault(exchange.blobs.restore(exchange.document))
            if fault is not None:
                raise error_in_disguise(fault, status_code=exchange.status_code)
        if reading is None:
            raise UnusableResponseError(f"the answer does not fit the contract: {self._problem}")
        record = Record(self.request.prompt, self.request.model, exchange.request_id)
        generation: Generation = reading.conclude(record)
        if not _is_near(self._settings.base_url.host):
            generation = generation.from_afar()
        if exchange.folder is not None:
            generation = generation.with_one_file()
            final = generation.image
            exchange.blobs.discard(but=final.content if isinstance(final, GeneratedImage) else None)
        return generation

    def _log(self, outcome: str, tokens: int | None) -> None:
        started = self.exchange.deadline - self._settings.timeout
        LOGGER.info(
            "%s %s %s %s: %s after %d ms and %d tries, %d bytes out, %d bytes in, %s tokens",
            self.request.wire,
            self.request.model,
            self.request.aspect_ratio,
            self.request.image_size,
            outcome,
            round((self._settings.clock.monotonic() - started) * 1000),
            self.exchange.tries,
            self.exchange.bytes_out,
            self.exchange.bytes_in,
            "?" if tokens is None else tokens,
        )


def _is_near(host: str) -> bool:
    """Whether the endpoint is on this machine or its network, so that the pictures it names may be as well."""
    try:
        return not is_public(ipaddress.ip_address(host.strip("[]")))
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
