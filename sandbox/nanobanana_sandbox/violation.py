"""Violation: what is wrong with a request."""

from __future__ import annotations

from typing import Any

from attrs import frozen


@frozen
class Violation:
    """What a request does against the contract: the gateway's status and error body for it."""

    status: int
    code: str
    message: str
    param: str | None = None
    type: str = "invalid_request_error"

    def body(self) -> dict[str, Any]:
        """The error body, as the contract's `ErrorResponse`."""
        return {"error": {"message": self.message, "type": self.type, "code": self.code, "param": self.param}}
