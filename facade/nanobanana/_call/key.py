"""Key: the one object that knows the API key. It goes where a request leaves, and is taken out of what comes back."""

from __future__ import annotations

import logging
import os
import re
import threading
import weakref
from typing import Any

from ..errors import ConfigurationError

_DISTINCT = 8  # characters
_KEY = re.compile(r"[\x21-\x7e]+")
_BASE64 = re.compile(r"[A-Za-z0-9+/=]+")
_LOGGERS = ("httpx", "httpcore.connection", "httpcore.http11", "httpcore.http2", "httpcore.proxy", "httpcore.socks")


class Key:
    """An API key, shown to nobody."""

    __slots__ = ("__weakref__", "_key")

    def __init__(self, key: str) -> None:
        self._key = key
        _guard_logs(self)

    @classmethod
    def of(cls, given: str | None) -> Key | ConfigurationError:
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

    def header(self) -> tuple[bytes, bytes]:
        """The header that carries it (RFC 6750, 2.1)."""
        return b"Authorization", b"Bearer " + self._key.encode()

    @property
    def is_distinct(self) -> bool:
        """Whether the key is so long that where it stands in an answer, it is the key, and no part of a picture."""
        return len(self._key) >= _DISTINCT

    @property
    def may_be_base64(self) -> bool:
        """Whether the key could stand inside Base64, where it would be decoded instead of found."""
        return _BASE64.fullmatch(self._key) is not None

    def redact(self, text: str) -> str:
        """The text without the key, should it hold it."""
        return text.replace(self._key, "[key]")

    def redact_bytes(self, content: bytes) -> bytes:
        """The bytes without the key, should they hold it."""
        return content.replace(self._key.encode(), b"[key]")

    def redact_json(self, value: Any) -> Any:
        """A JSON value without the key in any of its names and strings."""
        if isinstance(value, str):
            return self.redact(value)
        if isinstance(value, list):
            return [self.redact_json(entry) for entry in value]
        if isinstance(value, dict):
            return {self.redact(name): self.redact_json(entry) for name, entry in value.items()}
        return value

    def __repr__(self) -> str:
        return "<Key>"

    def __reduce__(self) -> str:
        raise TypeError("an API key is never pickled")


# httpcore logs the headers of answers, and a server may repeat the key in one. The tuple is replaced, never changed, so
# that whoever walks it while a client is made or forgotten sees one state of it.
_keys_in_use: tuple[weakref.ref[Key], ...] = ()
_LOCK = threading.Lock()


def _guard_logs(key: Key) -> None:
    """Keeps a key out of the logs of the HTTP library, from the first client on."""
    global _keys_in_use
    with _LOCK:
        _keys_in_use = (*(ref for ref in _keys_in_use if ref() is not None), weakref.ref(key))
        for name in _LOGGERS:
            logging.getLogger(name).addFilter(_without_keys)  # once: logging knows the filter that it has


def _without_keys(record: logging.LogRecord) -> bool:
    """A log filter that takes out every key in use. It never raises: a call that was paid for may be under way."""
    try:
        message = record.getMessage()
        for reference in _keys_in_use:
            key = reference()
            if key is not None:
                message = key.redact(message)
    except Exception:
        message = "(a record that cannot be read)"
    record.msg, record.args = message, ()
    return True
