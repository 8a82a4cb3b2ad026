"""The endpoint as a Starlette application: it checks the key, then the request, then draws."""

from __future__ import annotations

import hashlib
import json
import time
import uuid
from collections import deque
from typing import Any

import anyio
from attrs import define, field
from nanobanana.vocabulary import IMAGE_SIZES, nearest_aspect_ratio
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from . import contract, dialects
from .painter import Commission, paint
from .scenarios import MAGIC_KEYS, Scenario, select
from .violation import Violation

_REMEMBERED = 100_000  # requests in the log
_LIMIT = 512 * 1024 * 1024  # bytes of a request
_PAGE = b"<html><head><title>A page, not an answer</title></head><body>sandbox</body></html>"


@define
class Endpoint:
    """The endpoint's state: the log of requests, and which bodies it has turned away once."""

    log: deque[dict[str, Any]] = field(factory=lambda: deque(maxlen=_REMEMBERED))
    turned_away: set[str] = field(factory=set)

    async def handle(self, request: Request) -> Response:
        """Answers one request to the endpoint, and logs it."""
        request_id = f"req_{uuid.uuid4().hex[:16]}"
        entry: dict[str, Any] = {"request_id": request_id, "method": request.method, "path": request.url.path}
        self.log.append(entry)
        response = await self._answer(request, entry)
        entry["status"] = response.status_code
        response.headers["x-request-id"] = request_id
        response.headers["X-RateLimit-Limit-Requests"] = "600"
        response.headers["X-RateLimit-Remaining-Requests"] = "0" if response.status_code == 429 else "599"
        response.headers["X-RateLimit-Reset-Requests"] = str(int(time.time()) + 60)
        return response

    async def _answer(self, request: Request, entry: dict[str, Any]) -> Response:
        key, refusal = _key(request.headers.get("authorization"))
        if refusal is not None:
            return _error(refusal)
        try:
            length = int(request.headers.get("content-length", "0"))
        except ValueError:
            length = 0
        body = await request.body() if length <= _LIMIT else b""
        if length > _LIMIT:
            return JSONResponse(contract.example("PayloadTooLargeError"), 413)
        entry["sha256"] = hashlib.sha256(body).hexdigest()
        content_type = request.headers.get("content-type", "")
        violation = await run_in_threadpool(contract.check, request.method, request.url.path, content_type, body)
        if violation is not None:
            return _error(violation)
        try:
            order = await run_in_threadpool(_read, request.url.path, json.loads(body))
        except dialects.RefusedError as refused:
            return _error(refused.violation)
        entry |= {"model": order.model, "prompt": order.prompt, "references": len(order.references)}
        order.remote = str(request.base_url.replace(path="/sandbox/picture.png"))
        chosen = select(order.prompt, request.headers.get("x-sandbox"))
        if isinstance(chosen, Violation):
            return _error(chosen)
        chosen = MAGIC_KEYS.get(key, chosen)
        entry["scenario"] = chosen.name if chosen else None
        if chosen is not None and chosen.name == "rate-limit-once":
            if entry["sha256"] in self.turned_away:
                chosen = None
            else:
                self.turned_away.add(entry["sha256"])
        if chosen is not None and chosen.status != 200:
            return _refusal(chosen)
        if chosen is not None and chosen.name == "slow":
            await anyio.sleep(chosen.number)
        return await run_in_threadpool(_draw, order, chosen.name if chosen else "", _is_chat(request.url.path))


def _key(header: str | None) -> tuple[str, Violation | None]:
    if not header:
        return "", Violation(401, "missing_authorization", "There is no Authorization header")
    scheme, _, key = header.partition(" ")
    if scheme.lower() != "bearer" or not key.startswith("sk-"):
        return "", Violation(401, "invalid_api_key", "The API key is not valid; the sandbox takes any Bearer sk-...")
    return key, None


def _is_chat(path: str) -> bool:
    return path.endswith("/chat/completions")


def _read(path: str, body: dict[str, Any]) -> dialects.Order:
    if _is_chat(path):
        return dialects.read_chat(body)
    return dialects.read_native(path.rsplit("/", 1)[1].partition(":")[0], body)


def _error(violation: Violation) -> Response:
    headers = {"Allow": "POST"} if violation.status == 405 else None
    return JSONResponse(violation.body(), violation.status, headers)


def _refusal(scenario: Scenario) -> Response:
    headers = {"Retry-After": scenario.retry_after} if scenario.retry_after else None
    if not scenario.error:
        return Response(_PAGE, scenario.status, headers, media_type="text/html")
    return JSONResponse(contract.example(scenario.error), scenario.status, headers)


_WITHOUT_PICTURE = {"no-image", "text-only", "blocked-prompt", "withheld", "no-candidates", "remote-image"}


def _draw(order: dialects.Order, scenario: str, is_chat: bool) -> Response:
    if scenario == "not-json":
        return Response(_PAGE, 200, media_type="text/html")
    if scenario == "error-in-200":
        return JSONResponse(contract.example("UpstreamError"))
    if scenario in _WITHOUT_PICTURE:
        without = dialects.chat_without_picture if is_chat else dialects.native_without_picture
        return JSONResponse(without(order, scenario))
    stated = order.image_format
    drawn = ("JPEG" if stated == "PNG" else "PNG") if scenario == "wrong-type" else stated
    pictures = [paint(order.commission(), drawn)]
    if scenario == "several-images":
        pictures.insert(0, paint(order.commission("first of two"), drawn))
    if is_chat:
        answer = dialects.chat_answer(order, pictures)
    else:
        draft = paint(order.commission("draft", image_size="1K"), drawn) if _thinks(order) else None
        answer = dialects.native_answer(order, pictures, draft)
    body = json.dumps(answer, ensure_ascii=False).encode()
    if scenario == "bad-base64":
        middle = body.rindex(b"=", 0, len(body)) if b"==" in body else len(body) // 2
        body = body[:middle] + b"*" + body[middle + 1 :]
    if scenario == "cut-body":
        return _cut(body)
    return Response(body, media_type="application/json")


def _thinks(order: dialects.Order) -> bool:
    return order.include_thoughts and order.model == dialects.SIGNING_MODEL


def _cut(body: bytes) -> Response:
    async def half() -> Any:
        yield body[: len(body) // 2]
        raise ConnectionAbortedError("cut, as the scenario asks")

    return StreamingResponse(half(), headers={"Content-Length": str(len(body))}, media_type="application/json")


def application() -> Starlette:
    """A new sandbox with an empty log.

    Beside the endpoint it has `GET /sandbox/requests`, the log of all requests as JSON, oldest first, and
    `GET /sandbox/picture.png`, a picture that has an address.
    """
    endpoint = Endpoint()

    async def handle(request: Request) -> Response:
        return await endpoint.handle(request)

    async def log(request: Request) -> Response:
        return JSONResponse(list(endpoint.log))

    async def picture(request: Request) -> Response:
        words = "This picture has an address of its own"
        commission = Commission(words, "sandbox", nearest_aspect_ratio(1, 1), IMAGE_SIZES[0])
        return Response(await run_in_threadpool(paint, commission, "PNG"), media_type="image/png")

    methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"]
    return Starlette(
        routes=[
            Route("/sandbox/requests", log, methods=["GET"]),
            Route("/sandbox/picture.png", picture, methods=["GET"]),
            Route("/{path:path}", handle, methods=methods),
        ]
    )
