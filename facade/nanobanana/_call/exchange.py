"""Exchange: what one call sends and receives on the wire, over all its tries."""

from __future__ import annotations

from contextvars import ContextVar
from pathlib import Path
from typing import Any

from attrs import define, field

from .._engine.tokens import Blobs
from .._engine.upload import Upload
from .settings import Anonymous, BearerKey


@define(repr=False)
class Exchange:
    """The state of a call in flight. The generated code between the facade and the HTTP client knows
    nothing of it, so it travels in a context variable."""

    deadline: float
    references: Blobs = field(factory=Blobs)
    """What the request holds tokens of."""
    lifts: bool = False
    """Whether large values are lifted out of the answer."""
    folder: Path | None = None
    """Where they go; None for memory."""
    tries: int = 0
    sent: bool = False
    """Whether the present try has put any of the request on the wire."""
    bytes_out: int = 0
    bytes_in: int = 0
    status_code: int = 0
    request_id: str | None = None
    text: bytes = b""
    """The answer, with tokens of what was lifted."""
    blobs: Blobs = field(factory=Blobs)
    """What was lifted out of the present try's answer."""
    document: Any = None
    """The answer as JSON, with tokens as well."""
    secret: BearerKey | Anonymous = field(factory=Anonymous)
    """What may stand nowhere in the answer."""

    def content(self) -> bytes:
        """The whole answer, with what was lifted put back."""
        return self.secret.redact_bytes(b"".join(Upload(self.text, self.blobs)))


CURRENT: ContextVar[Exchange] = ContextVar("nanobanana_exchange")
