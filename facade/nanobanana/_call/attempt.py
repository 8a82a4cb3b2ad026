"""Attempt: one try of a call. Its context prepares the request, types what goes wrong and cleans up; sync and async
transports only wait inside it."""

from __future__ import annotations

import ssl
from types import TracebackType
from typing import Self

import httpx

from .._engine.intake import Intake
from .._engine.upload import AsyncUpload, Upload
from .._engine.wires import Try
from .._formats.refusals import status_error
from ..errors import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    NanoBananaError,
    OutcomeUnknownError,
    UnusableResponseError,
    plain,
)
from .exchange import Answer, Exchange, parsed
from .tries import decide

_ERROR_BODY_LIMIT = 1024 * 1024  # bytes of an error answer that are read
_HEADERS = {"Accept": "application/json", "Accept-Encoding": "identity"}


class Attempt:
    """One try of a call.

    `outcome` is how it ended: the answer, or the error for what happened. It is an error of ours for every Exception,
    whatever its class; Ctrl-C and a cancellation pass through.
    """

    def __init__(self, exchange: Exchange, request: httpx.Request, upload: Upload) -> None:
        self.outcome: Answer | NanoBananaError
        self._exchange = exchange
        self._outer = request
        self._upload = upload
        self._intake = Intake("", limit=0)
        self._response: httpx.Response | None = None
        self._error: Exception | None = None
        self.way = exchange.settings.way
        self.limits = exchange.current = Try(exchange.left)
        if exchange.is_aborted:  # before there was a try to cut
            self.limits.cut()

    def __enter__(self) -> Self:
        exchange = self._exchange
        exchange.tries += 1
        exchange.bytes_out = len(self._upload)
        return self

    @property
    def secret_headers(self) -> list[tuple[bytes, bytes]]:
        """What the engine adds where the request leaves, to the one origin that the settings name."""
        base, url = self._exchange.settings.base_url, self._outer.url
        is_ours = (url.scheme, url.host, url.port) == (base.scheme, base.host, base.port)
        return [self._exchange.key.header()] if is_ours else []

    def request(self, *, is_async: bool = False) -> httpx.Request:
        """The request to send."""
        settings, outer = self._exchange.settings, self._outer
        headers = httpx.Headers(outer.headers)
        headers.update([(name, value) for name, value in settings.headers])
        headers.update(_HEADERS)
        for name in ("Cookie", "Authorization", "Content-Length", "Transfer-Encoding", "Connection"):
            headers.pop(name, None)
        if self._upload or outer.method in ("POST", "PUT", "PATCH"):
            headers["Content-Length"] = str(len(self._upload))
        request = httpx.Request(outer.method, outer.url, headers=headers)
        if self._upload:  # as `content`, httpx would put a generator around it, and leave that open
            request.stream = AsyncUpload(self._upload) if is_async else self._upload
        return request

    def begin(self, response: httpx.Response) -> Intake:
        """What is to take the body of the response: of an error, the beginning tells enough."""
        exchange, encoding = self._exchange, response.headers.get("content-encoding", "")
        self._response = response
        if not response.is_success:
            self._intake = Intake(encoding, limit=_ERROR_BODY_LIMIT, lifts=False)
            return self._intake
        length = response.headers.get("content-length", "")
        self._intake = Intake(
            encoding,
            limit=exchange.settings.max_response_bytes,
            expected=int(length) if length.isdecimal() and len(length) < 16 else 0,
            folder=exchange.folder,
            lifts=exchange.lifts and not exchange.key.may_be_base64,
        )
        return self._intake

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        if error is not None and not isinstance(error, Exception):
            self._intake.lifted.blobs.discard()
            error.with_traceback(None)  # frames further in hold the headers
            return False
        self._error = error
        return True

    @property
    def size(self) -> int:
        """The bytes of JSON that `conclude` has to read."""
        return len(self._intake.lifted.text)

    def conclude(self) -> None:
        """Sets `outcome`, now that the connection is closed."""
        response, self._response = self._response, None  # a circle of httpx's objects would keep its buffers
        error, self._error = self._error, None
        self._exchange.current = None  # another circle, which would keep the answer until it is collected
        self._intake.finish()
        self._exchange.bytes_in = self._intake.size
        try:
            if response is not None and not response.is_success:
                self.outcome = self._refused(response)
            elif response is not None and error is None:
                self.outcome = self._accepted(response)
            else:
                self.outcome = self._failed(error or RuntimeError("no response came"), response)
        except Exception as exc:  # such as no memory left: what came is there all the same
            words = f"the answer cannot be read: {plain(str(exc), 300) or type(exc).__name__}"
            self.outcome = UnusableResponseError(words, content=self._content())
        if not isinstance(self.outcome, Answer):
            self._intake.lifted.blobs.discard()

    @property
    def pause(self) -> float | None:
        """Seconds to wait before the next try; None where there is none."""
        settings = self._exchange.settings
        if isinstance(self.outcome, Answer) or self._exchange.is_aborted:
            return None
        return decide(
            self.outcome,
            attempt=self._exchange.tries,
            left=self._exchange.left(),
            max_retries=settings.max_retries,
            retry_unknown=settings.retry_unknown,
            jitter=settings.clock.random(),
        )

    def _failed(self, exc: Exception, response: httpx.Response | None) -> NanoBananaError:
        """The error for a failure on the way, by whether anything had been sent."""
        settings = self._exchange.settings
        words = plain(self._exchange.key.redact(str(exc)), 300) or type(exc).__name__
        host = settings.base_url.host
        if not self.limits.sent:
            if isinstance(exc, NanoBananaError):
                return exc
            if _is_tls(exc):
                return APIConnectionError(
                    f"no secure connection to {host} could be made: {words}",
                    transient=False,
                    advice="Check the base URL and the certificates of this machine (SSL_CERT_FILE)",
                )
            transient = isinstance(exc, httpx.HTTPError | OSError)
            return APIConnectionError(f"no connection to {host} could be made: {words}", transient=transient)
        if isinstance(exc, httpx.TimeoutException | TimeoutError):
            return APITimeoutError(f"no complete answer came within {settings.timeout:g} s", content=self._content())
        return OutcomeUnknownError(f"the connection broke after the request was sent: {words}", content=self._content())

    def _accepted(self, response: httpx.Response) -> Answer | NanoBananaError:
        exchange, intake = self._exchange, self._intake
        status, request_id = response.status_code, self._request_id(response)
        if intake.is_full:
            limit = exchange.settings.max_response_bytes
            return self._unusable(response, f"the answer is larger than {limit} bytes", "Raise max_response_bytes=...")
        answer = Answer(intake.lifted, status, self._headers(response), request_id)
        problem = "HTTP 206 is a part of one" if status == 206 else intake.problem
        read = problem or (parsed(answer, exchange.key) if exchange.lifts else answer)
        if isinstance(read, str):
            return self._unusable(response, f"the answer does not fit the contract: {read}")
        return read

    def _unusable(self, response: httpx.Response, message: str, advice: str | None = None) -> UnusableResponseError:
        return UnusableResponseError(
            message,
            status_code=response.status_code,
            request_id=self._request_id(response),
            content=self._content(),
            advice=advice,
        )

    def _refused(self, response: httpx.Response) -> APIStatusError:
        key = self._exchange.key
        body = key.redact_bytes(self._intake.content()[:_ERROR_BODY_LIMIT])
        error = status_error(
            response.status_code, self._headers(response), body, now=self._exchange.settings.clock.now()
        )
        for name, value in vars(error).items():
            if isinstance(value, str):  # what was escaped shows only after parsing
                setattr(error, name, key.redact(value))
        error.args = (error.message,)
        return error

    def _headers(self, response: httpx.Response) -> dict[str, str]:
        """The headers of the answer, in lower case, without the key and without cookies."""
        redact = self._exchange.key.redact
        pairs = ((name.lower(), redact(value)) for name, value in response.headers.items())
        return {name: value for name, value in pairs if name != "set-cookie"}

    def _request_id(self, response: httpx.Response) -> str | None:
        found = response.headers.get("x-request-id")
        return plain(self._exchange.key.redact(found), 100) if found else None

    def _content(self) -> bytes:
        """What came of the answer."""
        return self._exchange.key.redact_bytes(self._intake.content())


def _is_tls(exc: BaseException | None) -> bool:
    while exc is not None:
        if isinstance(exc, ssl.SSLError):
            return True
        exc = exc.__cause__ or exc.__context__
    return False
