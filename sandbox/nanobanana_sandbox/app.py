"""The sandbox as an ASGI application: the endpoint, and beside it what people and tests look at."""

from __future__ import annotations

import base64
import hashlib
import io
import re
from importlib import resources
from io import FileIO

import anyio
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from .endpoint import Endpoint, fault, refusal
from .images import thumbnail
from .intake import encoded
from .journal import Journal
from .painter import Commission, paint
from .size import default_ratio, default_size
from .violation import Violation

_OWN_HOST = r"(?:127\.0\.0\.1|(?:[a-z0-9-]+\.)*localhost|\[::1\])(?::\d*)?"  # no name server decides on these
_OWN_PAGES = rf"https?://{_OWN_HOST}"
_EXPOSED = [
    "Allow",
    "Retry-After",
    "x-request-id",
    *(f"X-RateLimit-{name}-Requests" for name in ("Limit", "Remaining", "Reset")),
]
_THUMBNAIL = 512  # pixels
_STOPPING = Violation(503, "service_unavailable", "The sandbox is being stopped", type="server_error")


class Sandbox:
    """The application.

    Beside the endpoint it has a page at `/`, `GET` and `DELETE /sandbox/requests`, `GET /sandbox/ready` and
    `GET /sandbox/picture.png`. It answers on this machine's own names only, so that no page of another site can have a
    browser read what was asked; and nothing that it is asked ends in an exception.
    """

    def __init__(self, log: FileIO | None = None) -> None:
        self.endpoint = Endpoint(Journal(log))
        self._underway: set[anyio.CancelScope] = set()
        self._shared = CORSMiddleware(
            self._serve,
            allow_origin_regex=_OWN_PAGES,
            allow_methods=["DELETE", "GET", "HEAD", "PATCH", "POST", "PUT"],
            allow_headers=["*"],
            expose_headers=_EXPOSED,
            allow_private_network=True,
        )

    def stop(self) -> None:
        """Ends what is under way, so that the server can stop at once."""
        for scope in list(self._underway):
            scope.cancel()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        has_begun = False

        async def sending(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        with anyio.CancelScope() as underway:
            self._underway.add(underway)
            try:
                await self._guarded(_in_origin_form(scope), receive, sending)
            finally:
                self._underway.discard(underway)
        if underway.cancelled_caught and not has_begun:
            await refusal(_STOPPING)(scope, receive, send)
        elif underway.cancelled_caught:
            scope["state"]["hang_up"]()

    async def _guarded(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        violation = _of_another_host(request) or _of_another_site(request)
        if violation is not None:
            await refusal(violation)(scope, receive, send)
        else:
            await self._shared(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            response = await self._response(Request(scope, receive))
        except ClientDisconnect:
            return
        except Exception as error:
            response = refusal(fault(error))
        await response(scope, receive, send)

    async def _response(self, request: Request) -> Response:
        path, method = request.url.path, request.method
        if path != "/" and not f"{path}/".startswith("/sandbox/"):
            return await self.endpoint.handle(request)
        match ("GET" if method == "HEAD" else method), path.removeprefix("/sandbox").split("/")[1:]:
            case "GET", [""] if path == "/":
                return _page()
            case "GET", ["requests"]:
                return await _json(self.endpoint.journal.all())
            case "DELETE", ["requests"]:
                self.endpoint.clear()
                return Response(status_code=204)
            case "GET", ["requests", request_id, "picture"]:
                return await self._picture(request_id, side=None)
            case "GET", ["requests", request_id, "thumbnail"]:
                return await self._picture(request_id, side=_THUMBNAIL)
            case "GET", ["news"]:
                seen, cleared = (_number(request.query_params.get(name)) for name in ("revision", "cleared"))
                return await _json(self.endpoint.journal.news(seen, cleared))
            case "GET", ["ready"]:
                return await _json({"status": "ready"})
            case "GET", ["picture.png"]:
                return _image(await anyio.to_thread.run_sync(_with_an_address), "image/png")
            case _, ["requests" | "ready" | "picture.png" | "news"] | [""]:
                allowed = "GET, DELETE" if path == "/sandbox/requests" else "GET"
                message = f"{path} takes {allowed}, not {method}"
                return refusal(Violation(405, "endpoint_not_found", message, headers={"Allow": allowed}))
        return refusal(Violation(404, "endpoint_not_found", f"There is no {path[:200]} here"))

    async def _picture(self, request_id: str, side: int | None) -> Response:
        kept = self.endpoint.journal.picture(request_id)
        if kept is None:
            return refusal(Violation(404, "endpoint_not_found", f"The picture of {request_id} is not kept"))
        picture, mime_type = kept
        if side is None:
            return _image(picture, mime_type)
        return _image(await anyio.to_thread.run_sync(_small, picture, side), "image/jpeg")


def _in_origin_form(scope: Scope) -> Scope:
    """The scope of a request whose target is a whole URL, as proxies send it, as if it were the path alone."""
    if scope["path"].startswith("/"):
        return scope
    path = scope["path"]
    found = re.match(r"(https?)://([^/?#]*)", path, re.IGNORECASE)
    if found is None:
        return {**scope, "path": f"/{path}"}  # the * of OPTIONS, the host and port of CONNECT
    headers = [
        (b"host", found[2].encode("latin-1", "replace")),
        *(pair for pair in scope["headers"] if pair[0] != b"host"),
    ]
    return {**scope, "path": path[found.end() :] or "/", "headers": headers}


def _of_another_host(request: Request) -> Violation | None:
    """A violation where the client believes to speak with another machine, as a page does whose name was bound anew."""
    hosts = request.headers.getlist("host")
    if len(hosts) < 2 and all(re.fullmatch(_OWN_HOST, host, re.IGNORECASE) for host in hosts):
        return None
    message = (
        f"The sandbox answers to the hosts 127.0.0.1, localhost and [::1] only, not to {', '.join(hosts)[:100]!r}: "
        "otherwise any page in a browser here could read what it was asked"
    )
    return Violation(400, "invalid_parameter", message, "Host")


def _of_another_site(request: Request) -> Violation | None:
    """A violation where a browser sends, or asks whether it may send, what a page of another site wants."""
    origin = request.headers.get("origin")
    is_preflight = request.method == "OPTIONS" and "access-control-request-method" in request.headers
    if origin is None or re.fullmatch(_OWN_PAGES, origin):
        return None
    if not is_preflight and origin != "null" and not origin.lower().startswith("http"):
        return None  # an extension or an editor, which a person has installed here
    message = f"Pages of this machine may call the sandbox, such as http://localhost:3000; not those of {origin[:100]}"
    return Violation(403, "invalid_parameter", message, "Origin")


def _number(text: str | None) -> int:
    return int(text[:15]) if text and text.isascii() and text.isdecimal() else 0


async def _json(value: object) -> Response:
    body = await anyio.to_thread.run_sync(encoded, value)
    return Response(body, headers={"Cache-Control": "no-store"}, media_type="application/json")


def _image(data: bytes, mime_type: str) -> Response:
    headers = {"Cross-Origin-Resource-Policy": "same-site", "X-Content-Type-Options": "nosniff"}
    return Response(data, headers=headers, media_type=mime_type)


def _small(picture: bytes, side: int) -> bytes:
    image, buffer = thumbnail(picture, side), io.BytesIO()
    if image is not None:
        image.convert("RGB").save(buffer, "JPEG", quality=80)
    return buffer.getvalue()


def _with_an_address() -> bytes:
    words = "This picture has an address of its own"
    return paint(Commission(words, "sandbox", default_ratio(), default_size()), "PNG")


def _page() -> Response:
    text = resources.files(__package__).joinpath("page.html").read_text("utf-8")
    script, style = (_source(text, tag) for tag in ("script", "style"))
    policy = (
        f"default-src 'none'; script-src {script}; style-src {style}; img-src 'self' data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    headers = {"Content-Security-Policy": policy, "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    return Response(text, headers=headers, media_type="text/html; charset=utf-8")


def _source(page: str, tag: str) -> str:
    """What the page's one script or style is called in a policy that allows no other."""
    text = page.partition(f"<{tag}>")[2].partition(f"</{tag}>")[0]
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
