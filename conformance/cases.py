"""Cases: what the vectors hold, read strictly, so that a key nobody knows is an error and not overlooked."""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

JSON: TypeAlias = Any
Octets: TypeAlias = bytes  # under a name that no field hides
VECTORS = Path(__file__).parent / "vectors"
KEY = "sk-vector"
GATEWAY = "https://api.getinfinityblue.com"
NOTHING_SENT = frozenset({"connect_refused", "dns", "connect_timeout", "tls_untrusted", "tls_other_name"})
FEATURES = frozenset({"clock", "tls", "cancel", "save", "reload", "together", "look", "proxy"})
CUT_OFF = frozenset({"read_timeout", "reset", "cut_body"})
OUTCOMES: dict[str, type] = {  # what can come of an action, and its shape
    "result": dict, "request": dict, "turns": list, "text": str, "saved": str, "raw": object, "headers": dict,
    "dict": dict, "results": list, "cancelled": bool, "error": dict,
}  # fmt: skip


class BadCaseError(Exception):
    """A file of cases that does not say what a case can say."""


@dataclass(frozen=True)
class Request:
    """What a request must look like; None where nothing is said."""

    path: str | None = None
    origin: str | None = None
    headers: Mapping[str, str | None] = field(default_factory=dict)
    json: JSON = None
    proxy: Mapping[str, str | None] | None = None


@dataclass(frozen=True)
class Response:
    """What is played back. `drip` is the seconds between single bytes of white space after the body, without end."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    json: JSON = None
    text: str | None = None
    bytes: JSON = None
    spaces: int = 0
    encoding: str | None = None
    chunked: bool = False
    drip: float | None = None
    has_json: bool = False

    @property
    def body(self) -> Octets:
        """The body as it goes over the wire, but for chunks."""
        plain = octets(self.bytes) if self.bytes is not None else (self.text or "").encode()
        if self.has_json:
            plain = json.dumps(self.json, ensure_ascii=False).encode()
        plain += b" " * self.spaces
        match self.encoding:
            case None:
                return plain
            case "gzip":
                return gzip.compress(plain, mtime=0)
            case "deflate":
                return zlib.compress(plain)
            case other:
                raise BadCaseError(f"the encoding {other!r} is not known")


@dataclass(frozen=True)
class Step:
    """One request and what comes of it: a response, a failure, or a response that a failure cuts off."""

    request: Request = Request()
    response: Response | None = None
    failure: str | None = None
    after: float = 0


@dataclass(frozen=True)
class Action:
    """One thing that the program is told to do, and what must come of it."""

    method: str
    arguments: Mapping[str, JSON] = field(default_factory=dict)
    cancel_after: float | None = None
    expect: Mapping[str, JSON] = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    """One case: a client, what is done with it, the requests that go out and what must come of it all."""

    id: str
    do: list[Action]
    note: str = ""
    clock: str = "fake"
    environment: Mapping[str, str] = field(default_factory=dict)
    client: Mapping[str, JSON] = field(default_factory=dict)
    folder: Mapping[str, JSON] = field(default_factory=dict)
    exchange: list[Step] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    files: Mapping[str, str] | None = None
    within: float | None = None

    @property
    def key(self) -> str:
        """The API key of the client, which must show nowhere."""
        return self.client.get("api_key", self.environment.get("INFINITYBLUE_API_KEY", KEY)) or KEY

    @property
    def origin(self) -> str:
        """Where requests go unless one says otherwise."""
        base = self.client.get("base_url") or self.environment.get("INFINITYBLUE_BASE_URL") or GATEWAY
        return "/".join(base.split("/")[:3])

    @property
    def needs(self) -> set[str]:
        """The features without which it cannot be played."""
        found = set()
        if any(step.failure == "read_timeout" or step.after for step in self.exchange) and self.clock == "fake":
            found.add("clock")
        if any(step.failure in ("tls_untrusted", "tls_other_name") for step in self.exchange):
            found.add("tls")
        if any(name.upper().endswith("_PROXY") for name in self.environment) or "proxy" in self.client:
            found.add("proxy")
        for action in self.do:
            if action.cancel_after is not None:
                found.add("cancel")
            if action.method in ("reload", "from_json"):
                found.add("reload")
            if action.method == "together":
                found.add("together")
            if action.method in ("raw", "headers", "to_dict"):
                found.add("look")
            if action.method == "save" or "save_to" in action.arguments:
                found.add("save")
        return found


def octets(value: JSON) -> bytes:
    """The bytes that `{"$base64": ..., "$zeros": N}` stands for."""
    return base64.b64decode(value["$base64"], validate=True) + bytes(value.get("$zeros", 0))


def spelled_out(value: JSON) -> JSON:
    """An expected JSON with each `{"$in_base64": bytes}` as the string that it stands for."""
    if isinstance(value, dict):
        if value.keys() == {"$in_base64"}:
            return base64.b64encode(octets(value["$in_base64"])).decode()
        return {name: spelled_out(entry) for name, entry in value.items()}
    return [spelled_out(entry) for entry in value] if isinstance(value, list) else value


def load(folder: Path = VECTORS, only: Collection[str] = ()) -> list[Case]:
    """The cases in the `*.json` files of a folder, those named in `only` if any are.

    Raises: BadCaseError.
    """
    cases: dict[str, Case] = {}
    files = [path for path in sorted(folder.glob("*.json")) if path.name != "schema.json"]
    for path in files:
        for case in _read(path):
            if case.id in cases:
                raise BadCaseError(f"{path.name}: the id {case.id} is there twice")
            cases[case.id] = case
    missing = set(only) - cases.keys()
    if missing or not cases:
        raise BadCaseError(f"{folder} has no case {', '.join(sorted(missing)) or 'at all'}")
    return [case for case in cases.values() if not only or case.id in only]


def _read(path: Path) -> Iterator[Case]:
    try:
        document = json.loads(path.read_text("utf-8"))
    except ValueError as exc:
        raise BadCaseError(f"{path.name} is not JSON: {exc}") from None
    for entry in document if isinstance(document, list) else [document]:
        try:
            yield parsed(entry)
        except (TypeError, KeyError, AttributeError) as exc:
            name = entry.get("id") if isinstance(entry, dict) else None
            raise BadCaseError(f"{path.name}, {name or 'a case without id'}: {exc}") from None


def parsed(entry: JSON) -> Case:
    """The case that a JSON object describes.

    Raises: TypeError, KeyError or AttributeError where it describes none.
    """
    return Case(**{**entry, "do": [_action(action) for action in entry["do"]], "exchange": [
        _step(step) for step in entry.get("exchange", [])
    ]})  # fmt: skip


def _action(entry: JSON) -> Action:
    made = Action(**entry)
    if unknown := made.expect.keys() - OUTCOMES.keys():
        raise TypeError(f"nothing that can be expected is called {', '.join(sorted(unknown))}")
    error = made.expect.get("error") or {}
    for name in ("says", "says_not"):
        if not isinstance(parts := error.get(name, []), list) or not all(isinstance(part, str) for part in parts):
            raise TypeError(f"{name} is a list of texts")
    return made


def _step(entry: JSON) -> Step:
    step = dict(entry)
    if "request" in step:
        step["request"] = Request(**step["request"])
    if "response" in step:
        step["response"] = Response(**step["response"], has_json="json" in step["response"])
    made = Step(**step)
    if made.failure not in (None, *NOTHING_SENT, *CUT_OFF):
        raise TypeError(f"the failure {made.failure!r} is not known")
    proxy = made.request.proxy
    if proxy is not None and not {"address"} <= proxy.keys() <= {"address", "authorization"}:
        raise TypeError(f"of a proxy its address and authorization are said, not {', '.join(proxy) or 'nothing'}")
    return made
