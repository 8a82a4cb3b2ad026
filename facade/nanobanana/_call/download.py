"""Fetching a picture by its address: without the key, with a size cap and a deadline over all of it."""

from __future__ import annotations

import httpx

from ..errors import APIStatusError, DownloadError, InvalidRequestError, NanoBananaError
from .exchange import CURRENT, Exchange
from .settings import Anonymous, Settings
from .transport import SyncHTTP

_REDIRECTS = 3


def download(url: str, *, max_bytes: int, timeout: float) -> bytes:
    """The bytes at an http(s) address, after at most three redirects, none of them from https to http.

    Raises: InvalidRequestError where it is no such address; ConfigurationError for a bad limit; DownloadError.
    """
    address = _address(url)
    failure: NanoBananaError | None = None
    deadline = None
    for _ in range(1 + _REDIRECTS):
        settings = Settings(
            base_url=address,
            timeout=timeout,
            connect_timeout=min(timeout, 10.0),
            max_retries=0,
            retry_unknown=False,
            max_response_bytes=max_bytes,
        )
        deadline = deadline or settings.clock.monotonic() + timeout
        token = CURRENT.set(Exchange(deadline=deadline))
        try:
            with SyncHTTP(settings, Anonymous()) as http:
                return http.get(address, headers={"Accept": "image/*"}).content
        except NanoBananaError as error:
            failure = error
        finally:
            CURRENT.reset(token)
        if not isinstance(failure, APIStatusError) or not failure.location:
            break
        following = _address(str(address.join(failure.location)))
        if following.scheme == "http" and address.scheme == "https":
            break
        address = following
    raise DownloadError(f"the picture at {url} could not be had: {failure.message if failure else ''}", url=url)


def _address(url: str) -> httpx.URL:
    try:
        address = httpx.URL(url)
    except (httpx.InvalidURL, TypeError):
        address = httpx.URL("")
    if address.scheme not in ("http", "https") or not address.host:
        raise InvalidRequestError(f"{url!r} is not an http(s) address", param="url")
    return address
