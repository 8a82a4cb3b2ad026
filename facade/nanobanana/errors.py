"""What can go wrong, as one tree, and whether it may have cost money.

    NanoBananaError
    ├── ConfigurationError              no key, a malformed key, an http:// address: nothing was sent
    ├── InvalidRequestError             refused before sending (also a ValueError)
    ├── APIConnectionError              no connection: nothing was sent
    ├── OutcomeUnknownError             sent, no usable answer came back
    │   └── APITimeoutError             ... before the time was over
    ├── APIStatusError                  an HTTP status other than 2xx
    │   ├── BadRequestError             400
    │   │   └── ContentPolicyError      the content is not allowed
    │   ├── AuthenticationError         401, and a bad key that the upstream reports as 400
    │   ├── PermissionDeniedError       403
    │   ├── NotFoundError               404
    │   ├── PayloadTooLargeError        413
    │   ├── RateLimitError              429
    │   │   └── QuotaExceededError      credits gone: no wait will mend it
    │   └── ServerError                 5xx and Cloudflare's 52x
    ├── SaveError                       a picture was made but could not be written (also an OSError)
    ├── DownloadError                   a picture on another server could not be fetched
    └── UnusableResponseError           2xx, but not an answer that fits the contract
        └── NoImageError                a good answer that holds no picture
            ├── PromptBlockedError      the prompt was blocked
            └── ContentBlockedError     the picture was withheld

Every error says in words what happened, whether it may have been billed and what to do next; the
attribute `billed` says the second in a word. No error holds the API key, the request or an object of
the HTTP library, so all of them can be logged and pickled.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

from ._engine.disk import write_atomically

Billed = Literal["no", "unknown", "probably"]

_BILLING: dict[Billed, str] = {
    "no": "Nothing was billed.",
    "unknown": "It may have been billed.",
    "probably": "It was probably billed.",
}


class Picture(Protocol):
    """What an error needs to know of a picture: a `GeneratedImage` is one."""

    @property
    def data(self) -> bytes: ...

    @property
    def mime_type(self) -> str: ...

    def save(self, path: str | os.PathLike[str]) -> Path: ...


class Made(Protocol):
    """What an error needs to know of all that a call gave: a `Generation` is one."""

    @property
    def image(self) -> Any: ...

    @property
    def images(self) -> Sequence[Any]: ...

    @property
    def text(self) -> str: ...


class TokenCounts(Protocol):
    """Tokens that a call used: a `Usage` is one."""

    @property
    def prompt_tokens(self) -> int | None: ...

    @property
    def candidates_tokens(self) -> int | None: ...

    @property
    def total_tokens(self) -> int | None: ...


class NanoBananaError(Exception):
    """The root of everything this package raises on purpose.

    `str(error)` is the whole story; `message` is only what happened, `advice` what to do next, and
    `billed` is "no", "unknown" or "probably".
    """

    billed: Billed = "no"
    advice: str = ""

    def __init__(self, message: str, *, advice: str | None = None, billed: Billed | None = None) -> None:
        super().__init__(message)
        self.message = message
        if advice is not None:
            self.advice = advice
        if billed is not None:
            self.billed = billed

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self).__new__, (type(self),), {**vars(self), "args": self.args}

    def _aftermath(self) -> str:
        return _BILLING[self.billed]

    def __str__(self) -> str:
        return " ".join(filter(None, (_sentence(self.message), self._aftermath(), _sentence(self.advice))))


def plain(text: str, limit: int) -> str:
    """Words of a server, fit for a line of a terminal or a log: white space folded, other characters that cannot be
    printed (half a surrogate pair is one) replaced, cut at `limit` characters."""
    folded = " ".join(text[: 4 * limit].split())
    shown = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in folded)
    return shown if len(shown) <= limit else f"{shown[: limit - 1]}…"


def _sentence(text: str) -> str:
    return text if not text or text.endswith((".", "!", "?", "…")) else f"{text}."


class _NotSentError(NanoBananaError):
    def _aftermath(self) -> str:
        return "Nothing was sent."


class ConfigurationError(_NotSentError):
    """The client cannot be made as asked: no key, a malformed key or address, a bad limit."""


class InvalidRequestError(_NotSentError, ValueError):
    """The request was refused here, before anything was sent.

    `param` names the argument at fault.
    """

    def __init__(self, message: str, *, param: str | None = None, advice: str | None = None) -> None:
        super().__init__(message, advice=advice)
        self.param = param


class APIConnectionError(_NotSentError):
    """No connection to the endpoint could be made, so nothing was sent.

    `transient` is False where trying again cannot help, as when the certificate is not trusted.
    """

    advice = "Check the network and the base URL, then try again"

    def __init__(self, message: str, *, transient: bool = True, advice: str | None = None) -> None:
        super().__init__(message, advice=advice)
        self.transient = transient


class _KeptAnswerError(NanoBananaError):
    """An error on which the answer can be found, as far as it arrived."""

    content: bytes = b""

    def save_body(self, path: str | Path) -> Path:
        """Writes the answer as far as it arrived, so that what was paid for can be looked into.

        Returns: the path. Raises: OSError.
        """
        return write_atomically(Path(path), self.content)


class OutcomeUnknownError(_KeptAnswerError):
    """The request was sent and no usable answer came back, so it may have been processed and billed.

    It is not repeated unless the client was made with `retry_unknown=True`. `content` (bytes) is the answer
    as far as it arrived; `save_body` keeps it.
    """

    billed = "unknown"
    advice = "Look at the usage page before repeating it: a repeat may pay twice"

    def __init__(self, message: str, *, content: bytes = b"", advice: str | None = None) -> None:
        super().__init__(message, advice=advice)
        self.content = content


class APITimeoutError(OutcomeUnknownError):
    """The time was over before the answer was complete."""

    advice = "Give it more time (timeout=...): 300 s, for 4K 600 s. A repeat may pay twice"


class APIStatusError(NanoBananaError):
    """The endpoint answered with an HTTP status other than 2xx.

    Attributes: `status_code` (int); `code`, `type`, `param` (str or None) from the error body;
    `request_id` (str or None); `retry_after` (seconds as float, or None); `location` (str or None), where a redirect
    leads, which is never followed; `body` (str, the first few thousand characters, without the key).
    """

    def __init__(
        self,
        message: str,
        *,
        status_code: int,
        code: str | None = None,
        type: str | None = None,  # noqa: A002 - the name that the gateway gives it
        param: str | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
        location: str | None = None,
        body: str = "",
        advice: str | None = None,
        billed: Billed | None = None,
    ) -> None:
        super().__init__(message, advice=advice, billed=billed)
        self.status_code = status_code
        self.code = code
        self.type = type
        self.param = param
        self.request_id = request_id
        self.retry_after = retry_after
        if retry_after:
            self.advice = self.advice.replace("Wait and try", f"Wait {retry_after:g} s and try")
        self.location = location
        self.body = body

    def __str__(self) -> str:
        name = f"HTTP {self.status_code}" + (f" {self.code}" if self.code else "")
        request_id = f" Request id: {self.request_id}." if self.request_id else ""
        return f"{name}: {super().__str__()}{request_id}"


class BadRequestError(APIStatusError):
    """400: the endpoint found a fault in the request."""

    advice = "Correct the request; repeating it as it is will not help"


class ContentPolicyError(BadRequestError):
    """The endpoint does not allow the prompt or a reference image."""

    advice = "Change the prompt or the reference images"


class AuthenticationError(APIStatusError):
    """401, or a 400 by which the upstream says the same: the key is missing, wrong or expired."""

    advice = "Check the API key (INFINITYBLUE_API_KEY)"


class PermissionDeniedError(APIStatusError):
    """403: the key is good, but not for this model, region or organization, or it was disabled."""

    advice = "Ask for access in the console, or use another model or key"


class NotFoundError(APIStatusError):
    """404: there is no such model or path."""

    advice = "Check the model's name and the base URL"


class PayloadTooLargeError(APIStatusError):
    """413: the request is too large."""

    advice = "Send fewer or smaller reference images"


class RateLimitError(APIStatusError):
    """429: too many requests, tokens or calls at once. `retry_after` says how long to wait, if known."""

    advice = "Wait and try again, with fewer calls at once"


class QuotaExceededError(RateLimitError):
    """The credits of the account are used up; no wait will mend it."""

    advice = "Add credits to the account; waiting does not help"


class ServerError(APIStatusError):
    """5xx: the gateway, the upstream or what stands before them failed, perhaps after the work was done."""

    billed = "unknown"
    advice = "Look at the usage page before repeating it: a repeat may pay twice"


class SaveError(NanoBananaError, OSError):
    """A picture that was made could not be written. It is not lost: `image` holds it, to be saved elsewhere, and
    `generation`, where it was to be saved by the call that made it, all that the call gave.
    """

    billed = "probably"
    advice = "The picture is on this error: save error.image elsewhere"

    def __init__(self, message: str, *, image: Picture) -> None:
        super().__init__(message)
        self.image = image
        self.generation: Made | None = None


class DownloadError(NanoBananaError):
    """A picture that lies on another server could not be fetched from there. `url` says where it lies."""

    advice = "Try download() again soon; such addresses often expire"

    def __init__(self, message: str, *, url: str, advice: str | None = None, billed: Billed | None = None) -> None:
        super().__init__(message, advice=advice, billed=billed)
        self.url = url


class UnusableResponseError(_KeptAnswerError):
    """A 2xx came back that does not fit the contract.

    Attributes: `status_code` (int); `request_id` (str or None); `code` (str or None), where the body
    is an error in disguise; `content` (bytes), the answer as far as it arrived, for `save_body`.
    """

    billed = "probably"
    advice = "Keep the answer with error.save_body(path) and send the request id to the gateway's support"

    def __init__(
        self,
        message: str,
        *,
        status_code: int = 200,
        request_id: str | None = None,
        code: str | None = None,
        content: bytes = b"",
        advice: str | None = None,
        billed: Billed | None = None,
    ) -> None:
        super().__init__(message, advice=advice, billed=billed)
        self.status_code = status_code
        self.request_id = request_id
        self.code = code
        self.content = content


class NoImageError(UnusableResponseError):
    """The answer is good but holds no picture.

    Attributes besides those of `UnusableResponseError`: `reason` (str), the block reason or finish
    reason; `text` (str), the model's words; `finish_reason` (str or None); `usage` (`Usage`).
    """

    advice = "Say in the prompt that a picture is wanted, and what it shows"
    reason: str = ""
    text: str = ""
    finish_reason: str | None = None
    usage: TokenCounts | None = None


class PromptBlockedError(NoImageError):
    """The prompt, or a reference image in it, was blocked before anything was drawn."""

    advice = "Change the prompt; where the reason is OTHER, it is often one of the reference images"


class ContentBlockedError(NoImageError):
    """The picture was withheld by a filter."""

    advice = "Change the prompt or the reference images"


_BY_STATUS: dict[int, type[APIStatusError]] = {
    400: BadRequestError,
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    413: PayloadTooLargeError,
    429: RateLimitError,
}


def status_error_class(status_code: int) -> type[APIStatusError]:
    """The class for an HTTP status, before its code is looked at."""
    return _BY_STATUS.get(status_code, ServerError if status_code >= 500 else APIStatusError)
