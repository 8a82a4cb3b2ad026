"""Exchange: what one call sends and receives, over all its tries. It is made for the call and goes with it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import define, evolve, field, frozen

from .._engine.tokens import Blobs, Lifted, read_json
from .._engine.upload import Upload
from .._engine.wires import Try
from ..errors import plain
from .key import Key
from .settings import Settings


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


def parsed(answer: Answer, key: Key) -> Answer | str:
    """The same with its JSON read and without the key: UTF-8 (RFC 8259, 8.1), without NaN and its kin, which are none;
    or what keeps it from being a JSON object.

    A bad byte costs one letter, not the answer. A list of one object stands for the object. A number that no float
    holds becomes its text. Nothing is raised, as the frames here hold what the server sent, which may repeat the key.
    """
    content = answer.lifted.text.removeprefix(b"\xef\xbb\xbf")
    if key.is_distinct:
        content = key.redact_bytes(content)
    text = content.decode("utf-8", "replace")
    try:
        document, is_odd = read_json(text)
        if "\\" in text and key.is_distinct:  # what was escaped shows only now
            clean = key.redact_json(document)
            if clean != document:
                document, text = clean, json.dumps(clean)
        if isinstance(document, list) and len(document) == 1:
            document, is_odd = document[0], True
        if not isinstance(document, dict):
            return f"it is a JSON {type(document).__name__}, not an object"
        content = text.encode()
        readable = json.dumps(document).encode() if is_odd else content
        return evolve(answer, lifted=Lifted(content, answer.lifted.blobs), document=document, readable=readable)
    except (ValueError, RecursionError, MemoryError) as exc:
        return key.redact(plain(str(exc), 300)) or type(exc).__name__
