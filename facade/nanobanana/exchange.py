"""Exchange: what one call sends and receives on the wire, over all its tries."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from attrs import define


@define(repr=False)
class Exchange:
    """The state of a call in flight. The generated code between the facade and the HTTP client knows
    nothing of it, so it travels in a context variable."""

    deadline: float
    tries: int = 0
    sent: bool = False
    """Whether the present try has put any of the request on the wire."""
    bytes_out: int = 0
    bytes_in: int = 0
    status_code: int = 0
    request_id: str | None = None
    content: bytes = b""
    document: Any = None
    redact: Callable[[str], str] = str


CURRENT: ContextVar[Exchange] = ContextVar("nanobanana_exchange")
