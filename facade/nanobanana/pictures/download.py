"""Fetching a picture by its address."""

from __future__ import annotations

import math

from .._engine.fetch import NoAddressError, fetch, is_public
from ..errors import ConfigurationError, DownloadError, InvalidRequestError, NanoBananaError, plain
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
    try:
        return fetch(
            url, max_bytes=max_bytes, timeout=timeout, allow=lambda address: allow_private or is_public(address)
        )
    except NoAddressError as exc:
        error: NanoBananaError = InvalidRequestError(str(exc), param="url")
    except ValueError as exc:  # a setting of the machine
        error = ConfigurationError(plain(str(exc), 300))
    except Exception as exc:
        error = DownloadError(f"the picture at {url} could not be had: {plain(reason(exc), 300)}", url=url)
    raise error
