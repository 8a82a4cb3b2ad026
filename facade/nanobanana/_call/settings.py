"""Settings: where calls go and how, checked before anything is sent."""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Mapping
from typing import Any

import httpx
from attrs import evolve, field, frozen

from .._engine.route import Proxy, proxy_from_environment, proxy_from_url, trusted_roots
from .._engine.transport import Way
from ..errors import ConfigurationError, InvalidRequestError
from .clock import Clock
from .key import Key

_SERVER = "https://api.getinfinityblue.com"
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_LONGEST = 1_000_000_000  # seconds; operating systems take no much longer time-out
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # a token (RFC 9110, 5.6.2)
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e]*")
_OURS = {
    *("authorization", "proxy-authorization", "host", "content-length", "content-type", "content-encoding", "cookie"),
    *("accept-encoding", "connection", "keep-alive", "proxy-connection", "transfer-encoding", "te"),
    *("trailer", "upgrade", "expect"),
}  # fmt: skip


@frozen
class Settings:
    """Everything about a client but its key. Times are in seconds."""

    base_url: httpx.URL
    timeout: float
    connect_timeout: float
    max_retries: int
    retry_unknown: bool
    max_response_bytes: int
    headers: tuple[tuple[str, str], ...] = ()
    way: Way = field(factory=Way)
    clock: Clock = field(factory=Clock)

    def __attrs_post_init__(self) -> None:
        for name in ("timeout", "connect_timeout"):
            value = getattr(self, name)
            if not _is_time(value):
                raise ConfigurationError(f"{name} is {value!r}; it must be {_A_TIME}")
        for name, least in (("max_retries", 0), ("max_response_bytes", 1)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise ConfigurationError(f"{name} is {value!r}; it must be a whole number of at least {least}")

    @property
    def place(self) -> str:
        """Which kind of endpoint it is, in words: what the sandbox painted is never taken for what a gateway drew."""
        return "a server on this machine" if self.base_url.host in _LOOPBACK else "a server elsewhere"

    def for_call(self, *, timeout: float | None, extra_headers: Mapping[str, str] | None) -> Settings:
        """The settings of one call.

        Raises: InvalidRequestError for a time or a header that cannot be.
        """
        changed = self
        if timeout is not None:
            if not _is_time(timeout):
                raise InvalidRequestError(f"timeout is {timeout!r}; it must be {_A_TIME}", param="timeout")
            changed = evolve(changed, timeout=timeout)
        if extra_headers is not None:
            problem, pairs = checked_headers(extra_headers)
            if problem:
                raise InvalidRequestError(f"extra_headers: {problem}", param="extra_headers")
            given = {name.lower() for name, _ in pairs}
            kept = (pair for pair in self.headers if pair[0].lower() not in given)
            changed = evolve(changed, headers=(*kept, *pairs))
        return changed


_A_TIME = f"a number of seconds above 0, at most {_LONGEST}"


def _is_time(value: object) -> bool:
    return not isinstance(value, bool) and isinstance(value, int | float) and 0 < value <= _LONGEST


def checked_headers(given: Mapping[str, str]) -> tuple[str, tuple[tuple[str, str], ...]]:
    """What is wrong with headers that a caller adds ("" if nothing), and the headers. Those by which a request is
    framed and the key is sent stay ours. No value is repeated in the words, as it may be a secret."""
    if not isinstance(given, Mapping):
        return f"it is of type {type(given).__name__}; it must be a dict of names and values", ()
    for name, value in given.items():
        if not isinstance(name, str) or not _HEADER_NAME.fullmatch(name):
            return f"{name!r} is no name of a header", ()
        if name.lower() in _OURS:
            return f"{name} is set by the library and cannot be replaced", ()
        if not isinstance(value, str) or not _HEADER_VALUE.fullmatch(value):
            return f"the value of {name} holds a line break or another character that no header has", ()
    return "", tuple((name, value.strip(" \t")) for name, value in given.items())  # RFC 9110, 5.5


def plain_client(settings: Settings) -> dict[str, Any]:
    """The arguments of an httpx client that keeps nothing from call to call, and looks at nothing of this machine's."""
    return {"base_url": settings.base_url, "trust_env": False, "timeout": None, "follow_redirects": False}


def headers_of(given: Mapping[str, str] | None, key: Key) -> tuple[tuple[str, str], ...]:
    """The headers that a client adds to each call. Raises: ConfigurationError."""
    problem, pairs = checked_headers(given) if given is not None else ("", ())
    if not problem and any(key.redact(value) != value for _, value in pairs):
        problem = "a value holds the API key, which is sent by itself"
    if problem:
        raise ConfigurationError(f"headers: {problem}")
    return pairs


def proxy_to(given: str | None, address: httpx.URL) -> Proxy | ConfigurationError | None:
    """The proxy on the way to an address: as given, else the environment's; None for none.

    The error is returned, so that no frame that knows a password is in its traceback.
    """
    try:
        if given is not None:
            return proxy_from_url(given, "proxy=...")
        return None if address.host in _LOOPBACK else proxy_from_environment(address.scheme, address.host, address.port)
    except (ValueError, TypeError, AttributeError) as exc:  # its words name the setting, and no secret in it
        return ConfigurationError(str(exc))


def context_for(given: ssl.SSLContext | None, address: httpx.URL, proxy: Proxy | None) -> ssl.SSLContext | None:
    """What decides on certificates, on the way to an address. Raises: ConfigurationError that names the setting."""
    if given is not None:
        if not isinstance(given, ssl.SSLContext):
            raise ConfigurationError(f"ssl_context is of type {type(given).__name__}; it must be an ssl.SSLContext")
        return given
    if address.scheme != "https" and (proxy is None or proxy.url.scheme != b"https"):
        return None
    try:
        return trusted_roots()
    except ValueError as exc:
        problem = str(exc)
    raise ConfigurationError(problem)


def checked_base_url(given: str | None, *, allow_insecure: bool) -> httpx.URL:
    """The address of the endpoint: as given, else INFINITYBLUE_BASE_URL, else the gateway's.

    Raises: ConfigurationError where it is no address, or would send the key in the clear over a network.
    """
    text = given or os.environ.get("INFINITYBLUE_BASE_URL") or _SERVER
    try:
        url = httpx.URL(text if text.isprintable() and not set(" ?#\\") & set(text) else "")
        url.host.encode("idna")  # an empty or overlong label shows only there
    except (httpx.InvalidURL, TypeError, ValueError, AttributeError):
        url = httpx.URL("")
    is_plain = url.scheme in ("http", "https") and url.host and not url.userinfo
    if not is_plain or (url.port or 0) > 65535:
        raise ConfigurationError(
            "the base URL is not an address of the form https://host[:port][/path]",
            advice="Correct base_url=... or INFINITYBLUE_BASE_URL",
        )
    if url.scheme == "http" and url.host not in _LOOPBACK and not allow_insecure:
        raise ConfigurationError(
            f"the base URL {url} would send your key unencrypted",
            advice="Use https://, or allow_insecure=True if the network is yours",
        )
    return url
