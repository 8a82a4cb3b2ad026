"""A request as it came, held to what is listed and to what holds of every request."""

from __future__ import annotations

from collections.abc import Iterator

from .adapter import Message
from .cases import Case, Step, spelled_out
from .compare import differences
from .endpoint import Seen


def address(case: Case, step: Step) -> str:
    """host:port that is to be asked for before a request."""
    if step.request.proxy is not None:
        return str(step.request.proxy["address"])
    scheme, _, host = (step.request.origin or case.origin).partition("://")
    has_port = ":" in host.rpartition("]")[2]
    return host if has_port else f"{host}:{443 if scheme == 'https' else 80}"


def asked_address(asked: Message) -> str:
    """host:port that the program asked for."""
    return f"{asked.get('host')}:{asked.get('port')}"


def origin_of(seen: Seen, asked: Message) -> str:
    """Scheme, host and port that a request went to, as far as the program is concerned."""
    scheme = "https" if seen.secure or asked.get("secure") else "http"
    host, _, port = str(seen.proxy["target"] if seen.proxy is not None else asked_address(asked)).rpartition(":")
    host = f"[{host}]" if ":" in host and not host.startswith("[") else host
    return f"{scheme}://{host}" + ("" if port == ("443" if scheme == "https" else "80") else f":{port}")


def request_differences(case: Case, step: Step, seen: Seen, asked: Message) -> Iterator[str]:
    """Where a request differs from what is listed."""
    want, origin = step.request, origin_of(seen, asked)
    yield from differences(want.origin or case.origin, origin, "origin")
    yield from differences(address(case, step), asked_address(asked), "connect")
    if want.path is not None:
        yield from differences(want.path, seen.target, "path")
    for name, value in want.headers.items():
        yield from differences(value, seen.header(name), f"headers.{name}")
    if want.json is not None:
        yield from differences(spelled_out(want.json), seen.json, "json")
    if want.proxy is not None:
        got = seen.proxy or {}
        yield from differences(want.proxy.get("authorization"), got.get("authorization"), "proxy.authorization")
    elif seen.proxy is not None:
        yield "went through a proxy"


def request_troubles(case: Case, seen: Seen, asked: Message) -> Iterator[str]:
    """What no request may be: other than a POST of JSON, without the key, or with it outside its one place."""
    yield from seen.problems
    yield from differences("POST", seen.method, "method")
    if not asked.get("secure"):
        yield from differences(origin_of(seen, asked).partition("://")[2], seen.header("host"), "headers.host")
    key = case.key
    yield from differences(f"Bearer {key}", seen.header("authorization"), "headers.authorization")
    content_type = (seen.header("content-type") or "").split(";")[0]
    yield from differences("application/json", content_type, "headers.content-type")
    yield from differences(None, seen.header("cookie"), "headers.cookie")
    others = [f"{name}: {value}" for name, value in seen.headers if name.lower() != "authorization"]
    if key in seen.target or any(key in header for header in others) or key.encode() in seen.body:
        yield "holds the key outside the Authorization header"
