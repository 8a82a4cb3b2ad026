"""Violation: what is wrong with a request, in the gateway's error shape."""

from __future__ import annotations

from typing import Any

from attrs import field, frozen


@frozen
class Violation:
    """What a request does against the contract: the gateway's status and error body for it."""

    status: int
    code: str
    message: str
    param: str | None = None
    type: str = "invalid_request_error"
    headers: dict[str, str] = field(factory=dict)

    def body(self) -> dict[str, Any]:
        """The error body, as the contract's `ErrorResponse`."""
        return {"error": {"message": self.message, "type": self.type, "code": self.code, "param": self.param}}


class RefusedError(Exception):
    """Carries the violation for which a request is refused."""

    def __init__(self, violation: Violation) -> None:
        super().__init__(violation.message)
        self.violation = violation


def refuse(code: str, message: str, param: str | None = None, status: int = 400) -> RefusedError:
    """The exception for a violation, to be raised where it is found."""
    return RefusedError(Violation(status, code, message, param))
