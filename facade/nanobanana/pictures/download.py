"""Fetching a picture by its address."""

from __future__ import annotations

import math
from urllib.parse import urlsplit

from .._engine.fetch import fetch, is_public
from ..errors import ConfigurationError, DownloadError, InvalidRequestError, plain
from .saving import reason


def download(url: str, *, max_bytes: int, timeout: float, allow_private: bool) -> bytes:
    """The bytes at an http(s) address, without any key, after at most three redirects, none of them from https to http.

    allow_private: fetch from addresses as well that are not public, such as those of this machine and its network.

    Raises: InvalidRequestError where it is no such address, or for a bad limit; ConfigurationError where a setting of
    the machine, such as its proxy, cannot be used; DownloadError.
    """
    if not 0 < timeout < math.inf:
        raise InvalidRequestError(f"timeout is {timeout}; it must be seconds above 0", param="timeout")
    if max_bytes < 1:
        raise InvalidRequestError(f"max_bytes is {max_bytes}; it must be at least 1", param="max_bytes")
    if not _is_address(url):
        raise _no_address(url)
    problem: Exception
    try:
        if allow_private:
            return fetch(url, max_bytes=max_bytes, timeout=timeout, allow=lambda address: True)
        return fetch(url, max_bytes=max_bytes, timeout=timeout, allow=is_public)
    except ValueError as exc:
        is_ours = "http(s) address" in str(exc) or isinstance(exc, UnicodeError)  # else it is a setting of the machine
        problem = _no_address(url) if is_ours else ConfigurationError(plain(str(exc), 300))
    except Exception as exc:
        words = plain(reason(exc), 300)
        problem = DownloadError(f"the picture at {url} could not be had: {words}", url=url)
    raise problem


def _no_address(url: object) -> InvalidRequestError:
    return InvalidRequestError(f"{url!r} is not an http(s) address", param="url")


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except (ValueError, TypeError, AttributeError):
        return False
