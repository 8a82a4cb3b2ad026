"""Fetching: a picture that lies elsewhere, without any key, bounded in size and time, and only from where it may."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Callable
from typing import TypeAlias

import httpx

from .intake import Intake
from .receive import receive
from .route import proxy_from_environment, trusted_roots
from .transport import SyncTransport, Way
from .wires import Try

IP: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

_REDIRECTS = 3


class NoAddressError(ValueError):
    """What was to be fetched is no http(s) address."""


def is_public(address: IP) -> bool:
    """Whether an address is one of the open internet, seen through IPv6's ways to write an IPv4 one."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
        if inner is None and address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(inner)
    return address.is_global and not address.is_multicast


_NAT64 = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052


def fetch(
    url: str,
    *,
    max_bytes: int,
    timeout: float,
    connect_timeout: float = 10.0,
    allow: Callable[[IP], bool] = is_public,
    now: Callable[[], float] = time.monotonic,
) -> bytes:
    """The bytes at an http(s) address, after at most three redirects, none of them from https to http.

    allow: asked about each address that is really connected to, a proxy's of the environment excepted.

    Raises: NoAddressError where it is none; ValueError where the environment cannot be used; httpx.HTTPError where
    nothing can be had, or too much.
    """
    address, end = _address(url), now() + timeout
    for _ in range(1 + _REDIRECTS):
        status, location, body = _get(address, max_bytes, Try(lambda: end - now()), connect_timeout, allow)
        if 200 <= status < 300:
            return body
        if not location or status not in (301, 302, 303, 307, 308):
            raise httpx.ProtocolError(f"{address.host} answered with HTTP {status}")
        try:
            following = _address(str(address.join(location)))
        except (httpx.InvalidURL, ValueError):
            raise httpx.ProtocolError("it is redirected to what is no address") from None
        if following.scheme == "http" and address.scheme == "https":
            raise httpx.ProtocolError("it is redirected from https to http")
        address = following
    raise httpx.TooManyRedirects(f"it is redirected more than {_REDIRECTS} times")


def _get(
    address: httpx.URL, max_bytes: int, try_: Try, connect_timeout: float, allow: Callable[[IP], bool]
) -> tuple[int, str, bytes]:
    proxy = proxy_from_environment(address.scheme, address.host, address.port)
    is_secure = address.scheme == "https" or (proxy is not None and proxy.url.scheme == b"https")

    def check(text: str) -> None:
        if not allow(ipaddress.ip_address(text.partition("%")[0])):
            raise OSError(f"{address.host} is not a public address")

    way = Way(trusted_roots() if is_secure else None, proxy, connect_timeout, allow=None if proxy else check)
    if proxy is not None and _is_closed(address.host, allow):
        raise httpx.ConnectError(f"{address.host} is not a public address")
    headers = {"Accept": "image/*", "Accept-Encoding": "identity", "Host": address.netloc.decode("ascii")}
    request = httpx.Request("GET", address.copy_with(fragment=None), headers=headers)
    transport = SyncTransport(way, try_)
    try:
        response = transport.handle_request(request)
        intake = Intake(response.headers.get("content-encoding", ""), limit=max_bytes, lifts=False, is_json=False)
        if response.is_success:
            receive(response, intake, try_.left)
            intake.finish()
        else:
            response.close()
    finally:
        transport.close()
    if intake.is_full:
        raise httpx.ReadError(f"it is larger than {max_bytes} bytes")
    if intake.problem:
        raise httpx.DecodingError(intake.problem)
    return response.status_code, response.headers.get("location", ""), intake.content()


def _is_closed(host: str, allow: Callable[[IP], bool]) -> bool:
    """Whether a host is written as an address that must not be asked, where a proxy would be the one to ask it."""
    try:
        return not allow(ipaddress.ip_address(host.strip("[]")))
    except ValueError:
        return False


def _address(url: str) -> httpx.URL:
    try:
        address = httpx.URL(url)
        address.host.encode("idna")  # an empty or overlong label shows only there
    except (httpx.InvalidURL, TypeError, ValueError):
        address = httpx.URL("")
    is_ours = address.scheme in ("http", "https") and address.host and b"%" not in address.raw_host
    if not is_ours or (address.port or 0) > 65535:
        raise NoAddressError(f"{url!r} is not an http(s) address")
    return address
