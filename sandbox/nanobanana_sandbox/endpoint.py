"""Endpoint: the gateway's part. It checks the key, then the request, then draws; whatever comes, it answers."""

from __future__ import annotations

import hashlib
import os
import time
import traceback
import uuid
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import anyio
from attrs import define, field
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from . import chat, contract, intake, native
from .contract import Operation
from .explain import complaint
from .forms import formed
from .journal import Entry, Journal
from .order import SIGNING_MODEL, Order
from .painter import paint
from .scenarios import MAGIC_KEYS, Scenario, select
from .violation import RefusedError, Violation

T = TypeVar("T")

_PAGE = b"<html><head><title>A page, not an answer</title></head><body>sandbox</body></html>"
_WITHOUT_PICTURE = {"no-image", "text-only", "blocked-prompt", "withheld", "no-candidates", "remote-image"}
_HUNG_UP = 499  # as proxies write it for a client that went away before its answer
_OTHER_PLACES = ("x-goog-api-key", "x-api-key", "api-key")  # where other services want the key


@define
class Answer:
    """A response, and the picture in it as the page shows it."""

    response: Response
    picture: bytes | None = None
    picture_type: str = ""


@define
class Endpoint:
    """The endpoint and its state: the journal of requests, and which bodies it has turned away once."""

    journal: Journal
    _turned_away: set[str] = field(factory=set)
    _painters: anyio.CapacityLimiter | None = None

    def clear(self) -> None:
        """Forgets all requests."""
        self.journal.clear()
        self._turned_away.clear()

    async def handle(self, request: Request) -> Response:
        """The answer to one request, which is journalled whatever becomes of it."""
        request_id = f"req_{uuid.uuid4().hex[:16]}"
        entry = self.journal.begin(request_id, request.method, request.url.path)
        begun = time.perf_counter()
        status = _HUNG_UP
        try:
            answer = await self._answered(request, entry)
            status = answer.response.status_code
            if answer.picture is not None:
                self.journal.keep(entry, answer.picture, answer.picture_type)
        except anyio.get_cancelled_exc_class():
            status = 503
            raise
        finally:
            seconds = round(time.perf_counter() - begun, 3)
            self.journal.finish(entry, status=status, seconds=seconds)
        headers = answer.response.headers
        headers["x-request-id"] = request_id
        headers["X-RateLimit-Limit-Requests"] = "600"
        headers["X-RateLimit-Remaining-Requests"] = "0" if status == 429 else "599"
        headers["X-RateLimit-Reset-Requests"] = str(int(time.time()) + 60)
        return answer.response

    async def _answered(self, request: Request, entry: Entry) -> Answer:
        try:
            return await self._answer(request, entry)
        except RefusedError as refused:
            return Answer(_noted(refused.violation, entry))
        except (ClientDisconnect, anyio.get_cancelled_exc_class()):
            raise
        except Exception as error:
            return Answer(_noted(fault(error), entry))

    async def _answer(self, request: Request, entry: Entry) -> Answer:
        key = _key(request.headers, "key" in request.query_params)
        operation, parameters = contract.find(request.method, request.url.path)
        body = await intake.body_of(request)
        sha256 = hashlib.sha256(body).hexdigest()
        entry.note(sha256=sha256)
        order, ignored = await self._at_a_painter(
            order_of, operation, parameters.get("model", ""), body, request.headers
        )
        del body  # it may be large, and is read
        shape = {"aspect_ratio": order.aspect_ratio, "image_size": order.image_size}
        entry.note(model=order.model, prompt=order.prompt, references=len(order.references), **shape)
        if ignored:
            entry.note(ignored=ignored)
        order.remote = str(request.base_url.replace(path="/sandbox/picture.png"))
        chosen = MAGIC_KEYS.get(key) or select(order.prompt, request.headers.get("x-sandbox"))
        entry.note(scenario=chosen.name if chosen else None)
        if chosen is not None and chosen.name == "rate-limit-once":
            if sha256 in self._turned_away:
                chosen = None
            else:
                self._turned_away.add(sha256)
        if chosen is not None and chosen.status != 200:
            return Answer(_staged(chosen, entry))
        if chosen is not None and chosen.name == "slow":
            await anyio.sleep(chosen.number)
        return await self._at_a_painter(_drawn, order, chosen.name if chosen else "", operation.wire == "chat")

    async def _at_a_painter(self, work: Callable[..., T], *arguments: Any) -> T:
        """Does heavy work in a thread, at most as many at once as there are cores: a 4K canvas alone takes 50 MB."""
        if self._painters is None:
            self._painters = anyio.CapacityLimiter(os.cpu_count() or 1)
        return await anyio.to_thread.run_sync(partial(work, *arguments), abandon_on_cancel=True, limiter=self._painters)


class CutResponse(Response):
    """A response that breaks off in the middle, and the connection with it."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        half = self.body[: len(self.body) // 2]
        await send({"type": "http.response.body", "body": half, "more_body": True})
        scope["state"]["hang_up"]()


def refusal(violation: Violation) -> Response:
    """The response for a violation."""
    body = intake.encoded(violation.body())
    return Response(body, violation.status, violation.headers, media_type="application/json")


def fault(error: Exception) -> Violation:
    """A fault of the sandbox: its user learns of it from the answer and the log, not from a trace on a terminal."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{Path(last.filename).name}:{last.lineno}"
    message = f"The sandbox itself failed, {type(error).__name__} at {where}; this is a bug of it"
    return Violation(500, "internal_error", message, type="server_error")


def _noted(violation: Violation, entry: Entry) -> Response:
    entry.note(code=violation.code, message=violation.message)
    return refusal(violation)


def _key(headers: Headers, is_in_query: bool) -> str:
    """The key of a request.

    Raises: RefusedError where there is none, or none of the sandbox's.
    """
    scheme, _, key = headers.get("authorization", "").strip().partition(" ")
    key = key.strip()
    if scheme.lower() == "bearer" and key.startswith("sk-"):
        return key
    if scheme:
        message = (
            "The API key is not valid; the header must be 'Authorization: Bearer sk-...', and here any sk-... will do"
        )
        raise RefusedError(Violation(401, "invalid_api_key", message))
    found = [f"the header {name}" for name in _OTHER_PLACES if name in headers] + ["?key= of the address"] * is_in_query
    came = f"The key came in {found[0]}, where it is not looked for" if found else "There is no Authorization header"
    message = f"{came}: send 'Authorization: Bearer sk-...'; here any sk-... will do"
    raise RefusedError(Violation(401, "missing_authorization", message))


def order_of(
    operation: Operation, model: str, body: bytes | bytearray, headers: Mapping[str, str]
) -> tuple[Order, list[str]]:
    """What the body of a request asks for, and the keys in it that the contract does not know.

    Raises: RefusedError for the first thing about it that is wrong.
    """
    found = intake.parsed(body, headers.get("content-type", ""), headers.get("content-encoding", ""))
    try:
        form = formed(found, operation.body_schema())
        violation = complaint(form, operation)
    except RecursionError:
        violation = Violation(400, "invalid_request_body", "The body is nested too deeply")
    if violation is not None:
        raise RefusedError(violation)
    return chat.read(form) if operation.wire == "chat" else native.read(model, form), form.ignored


def _staged(scenario: Scenario, entry: Entry) -> Response:
    headers = {"Retry-After": scenario.retry_after} if scenario.retry_after else None
    if not scenario.error:
        return Response(_PAGE, scenario.status, headers, media_type="text/html")
    body = contract.example(scenario.error)
    entry.note(code=body["error"]["code"], message=body["error"]["message"])
    return Response(intake.encoded(body), scenario.status, headers, media_type="application/json")


def _drawn(order: Order, scenario: str, is_chat: bool) -> Answer:
    if scenario == "not-json":
        return Answer(Response(_PAGE, 200, media_type="text/html"))
    if scenario == "error-in-200":
        return _json(contract.example("UpstreamError"))
    if scenario in _WITHOUT_PICTURE:
        return _json((chat if is_chat else native).without_picture(order, scenario))
    drawn = order.image_format
    if scenario == "wrong-type":
        drawn = "JPEG" if drawn == "PNG" else "PNG"
    pictures = [paint(order.commission(), drawn)]
    if scenario == "several-images":
        pictures.insert(0, paint(order.commission("first of two"), drawn))
    if is_chat:
        whole = chat.answer(order, pictures)
    else:
        thinks = order.include_thoughts and order.model == SIGNING_MODEL
        draft = paint(order.commission("draft", image_size="1K"), drawn) if thinks else None
        whole = native.answer(order, pictures, draft)
    body = intake.encoded(whole)
    if scenario == "bad-base64":
        middle = body.rindex(b"=") if b"==" in body else len(body) // 2
        body = body[:middle] + b"*" + body[middle + 1 :]
    response = (CutResponse if scenario == "cut-body" else Response)(body, media_type="application/json")
    return Answer(response, pictures[-1], f"image/{drawn.lower()}")


def _json(value: dict[str, Any]) -> Answer:
    return Answer(Response(intake.encoded(value), media_type="application/json"))
