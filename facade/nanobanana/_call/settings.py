"""Settings: how a client is set up, checked before anything is sent."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Generator
from weakref import WeakSet

import httpx
from attrs import field, frozen

from ..errors import ConfigurationError
from . import tries

_SERVER = "https://api.getinfinityblue.com"
LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_DISTINCT = 8  # characters
_LONGEST = 1_000_000_000  # seconds; operating systems take no much longer time-out
_KEY = re.compile(r"[\x21-\x7e]+")
_BASE64 = re.compile(r"[A-Za-z0-9+/=]+")


@frozen
class Settings:
    """Everything about a client but its key. Times are in seconds."""

    base_url: httpx.URL
    timeout: float
    connect_timeout: float
    max_retries: int
    retry_unknown: bool
    max_response_bytes: int
    clock: tries.Clock = field(factory=lambda: tries.CLOCK)

    def __attrs_post_init__(self) -> None:
        for name in ("timeout", "connect_timeout"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= _LONGEST:
                raise ConfigurationError(
                    f"{name} is {value!r}; it must be a number of seconds above 0, at most {_LONGEST}"
                )
        for name, least in (("max_retries", 0), ("max_response_bytes", 1)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise ConfigurationError(f"{name} is {value!r}; it must be a whole number of at least {least}")


def base_url(given: str | None, *, allow_insecure: bool) -> httpx.URL:
    """The address of the endpoint: as given, else INFINITYBLUE_BASE_URL, else the gateway's.

    Raises: ConfigurationError where it is no address, or would send the key in the clear over a network.
    """
    text = given or os.environ.get("INFINITYBLUE_BASE_URL") or _SERVER
    try:
        url = httpx.URL(text)
    except (httpx.InvalidURL, TypeError):
        url = httpx.URL("")
    if url.scheme not in ("http", "https") or not url.host or url.userinfo or url.query or url.fragment:
        raise ConfigurationError(
            "the base URL is not an address of the form https://host[:port][/path]",
            advice="Correct base_url=... or INFINITYBLUE_BASE_URL",
        )
    if url.scheme == "http" and url.host not in LOOPBACK and not allow_insecure:
        raise ConfigurationError(
            f"the base URL {url} would send your key unencrypted",
            advice="Use https://, or allow_insecure=True if the network is yours",
        )
    return url


_KEYS_IN_USE: WeakSet[BearerKey] = WeakSet()


def _without_keys(record: logging.LogRecord) -> bool:
    """A log filter that takes out every key in use. httpcore logs the headers of answers, and a server may repeat the
    key in one."""
    message = record.getMessage()
    for key in tuple(_KEYS_IN_USE):
        message = key.redact(message)
    record.msg, record.args = message, ()
    return True


for _name in ("httpx", "httpcore.connection", "httpcore.http11", "httpcore.http2", "httpcore.proxy", "httpcore.socks"):
    logging.getLogger(_name).addFilter(_without_keys)


class BearerKey(httpx.Auth):
    """Puts the key into the Authorization header (RFC 6750, 2.1) of requests to one origin, and shows it to nobody."""

    __slots__ = ("_key", "_origin")

    def __init__(self, key: str) -> None:
        self._key = key
        _KEYS_IN_USE.add(self)
        self._origin: tuple[str, str, int | None] | None = None

    def only_for(self, address: httpx.URL) -> None:
        """Names the one origin that gets the key; until then, none does."""
        self._origin = (address.scheme, address.host, address.port)

    @classmethod
    def of(cls, given: str | None) -> BearerKey | ConfigurationError:
        """The key as given, else INFINITYBLUE_API_KEY; an error where it is missing or malformed.

        The error is returned, so that no frame that knows the key is in its traceback.
        """
        key = given if given is not None else os.environ.get("INFINITYBLUE_API_KEY")
        if key is None or key == "":
            return ConfigurationError(
                "there is no API key",
                advice="Set INFINITYBLUE_API_KEY or pass api_key=...; keys come from the gateway's console, and "
                "the sandbox takes any that starts with sk-",
            )
        if not isinstance(key, str) or not _KEY.fullmatch(key):
            return ConfigurationError(
                "the API key holds a space, a line break or another character that no key has",
                advice="Copy it again from the console; it is one word, sk-...",
            )
        return cls(key)

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        if (request.url.scheme, request.url.host, request.url.port) == self._origin:
            request.headers["Authorization"] = f"Bearer {self._key}"
        yield request

    @property
    def is_distinct(self) -> bool:
        """Whether the key is so long that where it stands in an answer, it is the key, and no part of a picture."""
        return len(self._key) >= _DISTINCT

    @property
    def may_be_base64(self) -> bool:
        """Whether the key could stand inside Base64, where it would be decoded instead of found."""
        return _BASE64.fullmatch(self._key) is not None

    @property
    def censor(self) -> BearerKey | Anonymous:
        """What is taken out of a good answer: a key that is distinct."""
        return self if self.is_distinct else Anonymous()

    def redact(self, text: str) -> str:
        """The text without the key, should it hold it."""
        return text.replace(self._key, "[key]")

    def redact_bytes(self, content: bytes) -> bytes:
        """The same for bytes."""
        return content.replace(self._key.encode(), b"[key]")

    def __repr__(self) -> str:
        return "<BearerKey>"

    def __reduce__(self) -> str:
        raise TypeError("an API key is never pickled")


class Anonymous(httpx.Auth):
    """No key at all, for servers that are none of the gateway's."""

    may_be_base64 = False

    @property
    def censor(self) -> Anonymous:
        """Itself."""
        return self

    def redact(self, text: str) -> str:
        """The text as it is."""
        return text

    def redact_bytes(self, content: bytes) -> bytes:
        """The bytes as they are."""
        return content
