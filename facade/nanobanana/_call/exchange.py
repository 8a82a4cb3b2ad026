"""Exchange: what one call sends and receives, over all its tries. It is made for the call and goes with it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import define, field, frozen

from .._engine.tokens import Blobs, Lifted
from .._engine.upload import Upload
from .._engine.wires import Try
from ..errors import plain
from .key import Key
from .settings import Settings

_LONGEST_NUMBER = 400  # digits; Python's own limit raises further up


@frozen(repr=False)
class Answer:
    """A whole 2xx answer: its JSON with tokens of what was lifted out, the same parsed and as the generated code is to
    read it, and what came with it."""

    lifted: Lifted
    status_code: int
    headers: dict[str, str]
    request_id: str | None
    document: Any = None
    readable: bytes = b""


@define(repr=False)
class Exchange:
    """What one call sends and receives.

    references: what the request holds tokens of. history: the earlier turns as JSON, put before those of the request,
    in the list that the field `turns` names. extra: merged into the request's JSON. lifts: whether large values are
    taken out of the answer. folder: where they go, None for memory.
    """

    settings: Settings
    key: Key
    references: Blobs = field(factory=Blobs)
    turns: str = ""
    history: Sequence[bytes] = ()
    extra: Mapping[str, Any] = field(factory=dict)
    lifts: bool = False
    folder: Path | None = None
    deadline: float = field(init=False)
    tries: int = 0
    bytes_out: int = 0
    bytes_in: int = 0
    sent_turn: bytes = b""
    """The turn that the request ends in, as JSON."""
    answer: Answer | None = None
    current: Try | None = None
    """The try under way."""
    is_aborted: bool = False
    """Whether no other try is to be made."""

    def __attrs_post_init__(self) -> None:
        self.deadline = self.settings.clock.monotonic() + self.settings.timeout

    def left(self) -> float:
        """Seconds left of the call; below 0 when its time is over."""
        return self.deadline - self.settings.clock.monotonic()

    def abort(self) -> None:
        """Cuts the try under way, from another thread, and lets no other begin."""
        self.is_aborted = True
        if self.current is not None:
            self.current.cut()

    def upload(self, content: bytes) -> Upload:
        """The body to send, from what the generated code wrote."""
        if not content or not (self.turns or self.extra):
            return Upload(content, self.references)
        document = merged(json.loads(content), self.extra)
        if not self.turns:
            return Upload(_dumped(document), self.references)
        self.sent_turn = _dumped(document[self.turns][-1])
        mark = Blobs().add(b"")
        document[self.turns] = [mark]
        turns = b",".join((*self.history, self.sent_turn))
        return Upload(_dumped(document).replace(b'"%s"' % mark.encode(), turns), self.references)


def merged(document: Any, extra: Mapping[str, Any]) -> Any:
    """A JSON object with another merged into it: objects field by field, all else replaced."""
    if not isinstance(document, dict):
        return extra
    return document | {
        name: merged(document.get(name), value) if isinstance(value, Mapping) else value
        for name, value in extra.items()
    }


def _dumped(document: Any) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


@frozen(repr=False)
class Parsed:
    """The JSON of an answer without the key: as text, as a value, and as the generated code is to read it; or what is
    wrong with it."""

    lifted: Lifted
    document: Any = None
    readable: bytes = b""
    problem: str = ""


def parsed(lifted: Lifted, key: Key) -> Parsed:
    """Reads the JSON of an answer: UTF-8 (RFC 8259, 8.1), without NaN and its kin, which are no JSON.

    A bad byte costs one letter, not the answer. A list of one object stands for the object. A number that no float
    holds becomes its text. Nothing is raised, as the frames here hold what the server sent, which may repeat the key.
    """
    text = lifted.text.removeprefix(b"\xef\xbb\xbf")
    if key.is_distinct:
        text = key.redact_bytes(text)
    odd: list[str] = []

    def kept(number: str) -> str:
        odd.append(number[:1])
        return number[:_LONGEST_NUMBER]

    def real(number: str) -> float | str:
        value = float(number)
        return value if math.isfinite(value) else kept(number)

    def whole(number: str) -> int | str:
        return int(number) if len(number) <= _LONGEST_NUMBER else kept(number)

    words = text.decode("utf-8", "replace")
    if "\N{REPLACEMENT CHARACTER}" in words:
        text = words.encode()
    try:
        document = json.loads(words, parse_float=real, parse_int=whole, parse_constant=_no_constant)
        if "\\" in words and key.is_distinct:  # what was escaped shows only now
            clean = key.redact_json(document)
            if clean != document:
                document, text = clean, json.dumps(clean).encode()
        if isinstance(document, list) and len(document) == 1:
            document = document[0]
            odd.append("[")
        if not isinstance(document, dict):
            return Parsed(lifted, problem=f"it is a JSON {type(document).__name__}, not an object")
        return Parsed(Lifted(text, lifted.blobs), document, json.dumps(document).encode() if odd else text)
    except (ValueError, RecursionError, MemoryError) as exc:
        return Parsed(lifted, problem=key.redact(plain(str(exc), 300)) or type(exc).__name__)


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
