"""Our own httpx clients, on which the generated code runs as it is.

They own the key, the deadline, the repeats and the size limit, and let nothing pass to the generated parser
but a whole 2xx answer: everything else leaves here as a typed error. An error is raised only after httpx's
own exception has been left behind, because that one holds the request, and the request holds the key.
"""

from __future__ import annotations

import json
import ssl
import zlib
from collections.abc import Callable
from contextlib import aclosing, closing
from typing import Any, NoReturn

import anyio
import httpx

from .._engine.inflate import Body
from .._engine.lifter import Lifter
from .._engine.tokens import Blobs
from .._engine.upload import AsyncUpload, Upload
from .._formats.refusals import status_error
from ..errors import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    ConfigurationError,
    NanoBananaError,
    OutcomeUnknownError,
    UnusableResponseError,
    plain,
)
from .exchange import CURRENT, Exchange
from .network import async_transport, sync_transport
from .settings import Anonymous, BearerKey, Settings
from .tries import decide

_ERROR_BODY_LIMIT = 1024 * 1024  # bytes of an error answer that are read
_FAILURES = (httpx.HTTPError, httpx.InvalidURL, zlib.error, OSError)  # TimeoutError, too, is an OSError
_LOCATION = "x-nanobanana-location"
_HEADERS = {"Accept": "application/json", "Accept-Encoding": "identity"}


class Answer(httpx.Response):
    """A whole 2xx answer. What the generated code parses stays with the call, for what it does not read."""

    def json(self, **kwargs: Any) -> Any:
        """The body as JSON: UTF-8 (RFC 8259, 8.1), without NaN and its kin, which are no JSON."""
        text = self.content.decode("utf-8-sig")
        document = json.loads(text, parse_constant=_no_constant)
        exchange = CURRENT.get()
        if "\\" in text:  # what was escaped shows only now
            document = _redacted(document, exchange.secret.redact)
        exchange.document = document
        if not isinstance(document, dict):
            raise ValueError(f"it is a JSON {type(document).__name__}, not an object")
        return document


def _redacted(value: Any, redact: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, list):
        return [_redacted(entry, redact) for entry in value]
    if isinstance(value, dict):
        return {redact(name): _redacted(entry, redact) for name, entry in value.items()}
    return value


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


class _Policy:
    """What a sync and an async client have in common: everything but the waiting."""

    def __init__(self, settings: Settings, auth: BearerKey | Anonymous) -> None:
        self.settings = settings
        self.auth = auth

    def pause(self, outcome: Answer | NanoBananaError, exchange: Exchange) -> float | None:
        """Seconds to wait before the next try; None where there is none."""
        if isinstance(outcome, Answer):
            return None
        return decide(
            outcome,
            attempt=exchange.tries,
            left=self.left(exchange),
            max_retries=self.settings.max_retries,
            retry_unknown=self.settings.retry_unknown,
            jitter=self.settings.clock.random(),
        )

    def left(self, exchange: Exchange) -> float:
        return exchange.deadline - self.settings.clock.monotonic()

    def prepare(self, request: httpx.Request, exchange: Exchange) -> None:
        """Begins a try."""
        left = self.left(exchange)
        exchange.tries += 1
        exchange.sent = False
        exchange.blobs.discard()
        exchange.blobs = Blobs(self.auth.censor.redact)
        exchange.bytes_out = int(request.headers.get("content-length", 0))
        request.extensions = {
            "timeout": {
                "connect": min(left, self.settings.connect_timeout),
                "pool": left,
                "read": left,
                "write": left,
            }
        }

    def fault(self, exc: Exception, exchange: Exchange, response: httpx.Response | None, body: Body) -> NanoBananaError:
        """The typed error for a failure of the transport, by whether anything had been sent."""
        body.finish()
        exchange.bytes_in = body.size
        if response is not None and not response.is_success:
            return self.refusal(response, body)
        words = plain(self.auth.redact(str(exc)), 300) or type(exc).__name__
        if not exchange.sent:
            if _is_tls(exc):
                return APIConnectionError(
                    f"no secure connection to {self.settings.base_url.host} could be made: {words}",
                    transient=False,
                    advice="Check the base URL and the certificates of this machine (SSL_CERT_FILE)",
                )
            return APIConnectionError(f"no connection to {self.settings.base_url.host} could be made: {words}")
        if isinstance(exc, httpx.TimeoutException | TimeoutError):
            return APITimeoutError(
                f"no complete answer came within {self.settings.timeout:g} s", content=self.content(body, exchange)
            )
        if response is not None and isinstance(exc, zlib.error):
            return UnusableResponseError(
                f"the answer is not in the encoding it claims: {words}",
                status_code=response.status_code,
                request_id=self.request_id(response),
                content=self.content(body, exchange),
            )
        return OutcomeUnknownError(
            f"the connection broke after the request was sent: {words}", content=self.content(body, exchange)
        )

    def accept(self, response: httpx.Response, body: Body, exchange: Exchange) -> Answer | NanoBananaError:
        """The whole answer where its status is 2xx, else the error for it. The key is taken out of both."""
        exchange.bytes_in = body.size
        if not response.is_success:
            return self.refusal(response, body)
        if body.is_full:
            return UnusableResponseError(
                f"the answer is larger than {self.settings.max_response_bytes} bytes",
                status_code=response.status_code,
                request_id=self.request_id(response),
                content=self.content(body, exchange),
                advice="Raise max_response_bytes=... before the next call",
            )
        exchange.status_code = response.status_code
        exchange.request_id = self.request_id(response)
        exchange.secret = self.auth.censor
        exchange.text = exchange.secret.redact_bytes(body.text)
        # Any 2xx with a whole answer is good: what was paid for is not lost over a number. 206 is a part of one.
        status = response.status_code if response.status_code == 206 else 200
        return Answer(status, headers={"content-type": "application/json"}, content=exchange.text)

    def content(self, body: Body, exchange: Exchange) -> bytes:
        """The answer as far as it came, with what was lifted put back."""
        return self.auth.redact_bytes(b"".join(Upload(body.text, exchange.blobs)))

    def refusal(self, response: httpx.Response, body: Body) -> APIStatusError:
        headers = {name.lower(): self.auth.redact(value) for name, value in response.headers.items()}
        headers["location"] = headers.pop(_LOCATION, "")
        error = status_error(response.status_code, headers, self.auth.redact_bytes(body.text[:_ERROR_BODY_LIMIT]))
        for name, value in vars(error).items():
            if isinstance(value, str):  # what was escaped shows only after parsing
                setattr(error, name, self.auth.redact(value))
        error.args = (error.message,)
        return error

    def body(self, response: httpx.Response, exchange: Exchange) -> Body:
        """An empty body for a response: of an error, the beginning tells enough."""
        encoding = response.headers.get("content-encoding", "")
        if not response.is_success:
            return Body(encoding, _ERROR_BODY_LIMIT)
        lifts = exchange.lifts and not self.auth.may_be_base64
        length = response.headers.get("content-length", "")
        expected = int(length) if length.isdecimal() and not encoding else 0
        lifter = Lifter(exchange.blobs, exchange.folder, expected) if lifts else None
        return Body(encoding, self.settings.max_response_bytes, lifter)

    def request_id(self, response: httpx.Response) -> str | None:
        found = response.headers.get("x-request-id")
        return plain(self.auth.redact(found), 100) if found else None


def _is_tls(exc: BaseException | None) -> bool:
    while exc is not None:
        if isinstance(exc, ssl.SSLError):
            return True
        exc = exc.__cause__ or exc.__context__
    return False


def _check_open(client: httpx.Client | httpx.AsyncClient) -> None:
    if client.is_closed:
        raise ConfigurationError("this client has been closed", advice="Make a new one")


def _marks_sent(exchange: Exchange) -> Callable[[str, dict[str, Any]], None]:
    """A trace function (httpcore's extension of that name) that notes when the request begins to leave."""

    def trace(event: str, info: dict[str, Any]) -> None:
        if event.endswith("send_request_headers.started") and info["request"].method != b"CONNECT":
            exchange.sent = True

    return trace


def _hide_location(response: httpx.Response) -> None:
    """Keeps httpx from looking at where a redirect leads: it does so even when it is not to follow it, and stumbles
    over a bad address."""
    if "location" in response.headers:
        response.headers[_LOCATION] = response.headers.pop("location")


def _untie(request: httpx.Request, response: httpx.Response | None) -> None:
    """Opens the circle in which httpx's objects hold one another: until it is collected, it would keep all the buffers
    of the connection, and the picture."""
    request.extensions.clear()
    if response is not None:
        response.stream = httpx.ByteStream(b"")


async def _hide_location_async(response: httpx.Response) -> None:
    _hide_location(response)


def _raised(outcome: Answer | NanoBananaError) -> Answer:
    """The answer, or the error raised: here, where no frame holds what the server sent, which may repeat the key."""
    if isinstance(outcome, NanoBananaError):
        raise outcome
    return outcome


def _written(document: Any) -> Upload:
    """The JSON of a request on its way, with the references of the present call spliced in."""
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return Upload(text.encode(), CURRENT.get().references)


def _sized(headers: Any, upload: Upload) -> dict[str, str]:
    return {**(headers or {}), "Content-Length": str(len(upload))}


class SyncHTTP(httpx.Client):
    """The httpx client under `NanoBanana`."""

    def __init__(self, settings: Settings, auth: BearerKey | Anonymous) -> None:
        super().__init__(
            base_url=settings.base_url,
            auth=auth,
            headers=_HEADERS,
            timeout=settings.timeout,
            transport=sync_transport(settings),
            event_hooks={"response": [_hide_location]},
        )
        self._policy = _Policy(settings, auth)

    def build_request(self, *target: Any, json: Any = None, headers: Any = None, **options: Any) -> httpx.Request:
        """Makes a request. A JSON body leaves piece by piece, the same at each try."""
        if json is not None:
            upload = _written(json)
            headers, options["content"] = _sized(headers, upload), upload
        return super().build_request(*target, headers=headers, **options)

    def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        """Sends a request as often as is safe, and returns a whole 2xx answer or raises a `NanoBananaError`."""
        _check_open(self)
        exchange = CURRENT.get()
        while True:
            outcome = self._once(request, exchange)
            pause = self._policy.pause(outcome, exchange)
            if pause is None:
                return _raised(outcome)
            self._policy.settings.clock.sleep(pause)

    def _once(self, request: httpx.Request, exchange: Exchange) -> Answer | NanoBananaError:
        policy, body = self._policy, Body()
        response: httpx.Response | None = None
        policy.prepare(request, exchange)
        request.extensions["trace"] = _marks_sent(exchange)
        try:
            response = super().send(request, stream=True, follow_redirects=False)
            body = policy.body(response, exchange)
            with closing(response):
                for piece in response.iter_raw():
                    body.add(piece)
                    if body.is_full:
                        break
        except _FAILURES as exc:
            return policy.fault(exc, exchange, response, body)
        except BaseException as exc:
            if isinstance(exc, Exception) and exchange.sent:  # whatever it is, the call may have been processed
                return policy.fault(exc, exchange, response, body)
            raise exc.with_traceback(None)  # noqa: B904 - Ctrl-C or cancellation: frames further in hold the headers
        finally:
            body.finish()
            _untie(request, response)
        return policy.accept(response, body, exchange)


class AsyncHTTP(httpx.AsyncClient):
    """The httpx client under `AsyncNanoBanana`."""

    def __init__(self, settings: Settings, auth: BearerKey | Anonymous) -> None:
        super().__init__(
            base_url=settings.base_url,
            auth=auth,
            headers=_HEADERS,
            timeout=settings.timeout,
            transport=async_transport(settings),
            event_hooks={"response": [_hide_location_async]},
        )
        self._policy = _Policy(settings, auth)

    def build_request(self, *target: Any, json: Any = None, headers: Any = None, **options: Any) -> httpx.Request:
        """The same as `SyncHTTP.build_request`."""
        if json is not None:
            upload = _written(json)
            headers, options["content"] = _sized(headers, upload), AsyncUpload(upload)
        return super().build_request(*target, headers=headers, **options)

    async def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        """The same as `SyncHTTP.send`."""
        _check_open(self)
        exchange = CURRENT.get()
        while True:
            outcome = await self._once(request, exchange)
            pause = self._policy.pause(outcome, exchange)
            if pause is None:
                return _raised(outcome)
            await self._policy.settings.clock.sleep_async(pause)

    async def _once(self, request: httpx.Request, exchange: Exchange) -> Answer | NanoBananaError:
        policy, body = self._policy, Body()
        response: httpx.Response | None = None
        policy.prepare(request, exchange)
        mark = _marks_sent(exchange)

        async def trace(event: str, info: dict[str, Any]) -> None:
            mark(event, info)

        request.extensions["trace"] = trace
        try:
            with anyio.fail_after(policy.left(exchange)) as scope:
                response = await super().send(request, stream=True, follow_redirects=False)
                body = policy.body(response, exchange)
                async with aclosing(response):
                    async for piece in response.aiter_raw():
                        body.add(piece)
                        if body.is_full:
                            scope.cancel()  # a break would leave httpx's generators open
        except _FAILURES as exc:
            return policy.fault(exc, exchange, response, body)
        except BaseException as exc:
            if isinstance(exc, Exception) and exchange.sent:  # whatever it is, the call may have been processed
                return policy.fault(exc, exchange, response, body)
            raise exc.with_traceback(None)  # noqa: B904 - Ctrl-C or cancellation: frames further in hold the headers
        finally:
            body.finish()
            _untie(request, response)
        return policy.accept(response, body, exchange)
