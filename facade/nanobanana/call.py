"""Call: one request on its way, from the generated model it becomes to the generation it gives. Nothing here waits."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextvars import Token
from types import ModuleType, TracebackType
from typing import Any, Self

from . import chat, native
from .errors import UnusableResponseError, plain
from .exchange import CURRENT, Exchange
from .faults import error_in_disguise, read_fault
from .generation import Generation
from .record import Record
from .request import ImageRequest
from .settings import Settings

LOGGER = logging.getLogger("nanobanana")
LOGGER.addHandler(logging.NullHandler())

WIRES: dict[str, ModuleType] = {"native": native, "chat": chat}


class Call:
    """One request on its way. As a context around the generated operation it starts the clock; `take` or `trip`
    says how the operation ended, and `result` is what the caller gets."""

    def __init__(
        self,
        request: ImageRequest,
        settings: Settings,
        history: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        self.request = request
        self.wire = WIRES[request.wire]
        self.arguments: dict[str, Any] = self.wire.arguments(request, history)
        self.exchange = Exchange(deadline=settings.clock.monotonic() + settings.timeout)
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
        try:
            generation = self._generation()
        except UnusableResponseError as error:
            error.status_code = self.exchange.status_code
            error.request_id = error.request_id or self.exchange.request_id
            error.content = self.exchange.content
            self._log(type(error).__name__, None)
            raise
        self._log("ok", generation.usage.total_tokens)
        return generation

    def _generation(self) -> Generation:
        reading = None if self._problem else self.wire.read(self._parsed)
        fault = read_fault(self.exchange.document)
        if fault is not None and (reading is None or not reading.has_pictures):
            raise error_in_disguise(fault, status_code=self.exchange.status_code)
        if reading is None:
            raise UnusableResponseError(f"the answer does not fit the contract: {self._problem}")
        record = Record(self.request.prompt, self.request.model, self.exchange.request_id)
        generation: Generation = reading.conclude(record)
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
