"""Route: the proxy on the way to a server, as a caller or the environment names it, and the roots that are trusted."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import ssl
import urllib.request
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import httpcore
import httpx
from attrs import field, frozen

_SCHEMES = {"http": "http", "https": "https", "socks": "socks5", "socks5": "socks5", "socks5h": "socks5"}
_PORTS = {"http": 80, "https": 443, "socks5": 1080}


@frozen
class Proxy:
    """A proxy. Its user and password are shown nowhere."""

    url: httpcore.URL
    auth: tuple[bytes, bytes] | None = field(default=None, repr=False)

    @property
    def is_socks(self) -> bool:
        """Whether it speaks SOCKS5 (RFC 1928, with RFC 1929 for a user and a password)."""
        return self.url.scheme == b"socks5"


def proxy_from_url(text: str, name: str) -> Proxy:
    """The proxy at an address: http, https, socks5, or one of its other names; user and password may be
    percent-encoded.

    name: what the setting is called, for the error.

    Raises: ValueError, which shows neither the user nor the password.
    """
    text = text.strip()
    scheme, mark, rest = text.partition("://")
    scheme, rest = (scheme.lower(), rest) if mark else ("http", text)
    if scheme not in _SCHEMES:
        raise ValueError(f"{name} names a proxy of a kind that is not known; http, https and socks5 are")
    authority = rest.rpartition("@")[2]
    if "@" in rest and any(letter in rest.rpartition("@")[0] for letter in "/?#"):
        raise ValueError(f"{name} holds a /, ? or # in its user or password; write it as %2F, %3F or %23")
    try:
        url = httpx.URL(f"{_SCHEMES[scheme]}://{rest}")
        address = httpx.URL(f"{_SCHEMES[scheme]}://{authority}")
        is_name = bool(address.host) and all(address.host.strip("[]").rstrip(".").split("."))
        host, port = address.raw_host, address.port
        address.host.encode("idna")
    except (httpx.InvalidURL, ValueError):  # whose words repeat the text
        is_name = False
    if not is_name or (port or 0) > 65535 or any(not letter.isprintable() or letter.isspace() for letter in authority):
        raise ValueError(f"{name} is no address of the form http://[user:password@]host[:port]") from None
    known = _SCHEMES[scheme]
    auth = (url.username.encode(), url.password.encode()) if url.userinfo else None
    if known == "socks5" and auth and not all(0 < len(part) < 256 for part in auth):
        raise ValueError(f"{name}: a SOCKS5 proxy takes a user and a password of 1 to 255 bytes each (RFC 1929)")
    target = httpcore.URL(scheme=known.encode(), host=host, port=port or _PORTS[known], target=b"/")
    return Proxy(target, auth)


def proxy_from_environment(scheme: str, host: str, port: int | None = None) -> Proxy | None:
    """The proxy that HTTPS_PROXY, HTTP_PROXY or ALL_PROXY asks for, where NO_PROXY lets it; else the system's, on
    macOS and Windows.

    Raises: ValueError, which names the variable and shows neither the user nor the password.
    """
    proxies = urllib.request.getproxies()
    key = scheme if proxies.get(scheme) else "all"
    found = proxies.get(key)
    if not found:
        return None
    port = port or _PORTS[scheme]
    if any(_is_for(entry, scheme, host, port) for entry in proxies.get("no", "").split(",")):
        return None
    if not urllib.request.getproxies_environment() and urllib.request.proxy_bypass(host):
        return None
    name = next(
        (name for name in (f"{key}_proxy", f"{key.upper()}_PROXY") if os.environ.get(name)), "the system's proxy"
    )
    return proxy_from_url(found, name)


def _is_for(entry: str, scheme: str, host: str, port: int) -> bool:
    """Whether an entry of NO_PROXY is for a server. It may be *, a host (and all below it), .host, host:port,
    scheme://host, an address or a network of addresses."""
    entry = entry.strip().lower()
    wanted, mark, rest = entry.partition("://")
    if mark:
        if wanted not in (scheme, "all"):
            return False
        entry = rest.rstrip("/") or "*"  # as httpx has it: everything of that scheme
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host.strip("[]")) in ipaddress.ip_network(entry.strip("[]"), strict=False)
    if entry != "*":
        entry = entry.removeprefix("*").rstrip(".")
    bypass: Callable[[str, dict[str, str]], bool] = urllib.request.proxy_bypass_environment  # type: ignore[attr-defined]
    return bypass(f"{host.rstrip('.')}:{port}", {"no": entry})


def trusted_roots() -> ssl.SSLContext:
    """A context that trusts certifi's roots and the system's; or, as everywhere, only those that SSL_CERT_FILE and
    SSL_CERT_DIR bring. It is made once for each such setting, as it takes some 30 ms.

    Raises: ValueError, which names the variable, where it leads to no certificates.
    """
    file, folder = os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")
    if file and not Path(file).is_file():
        raise ValueError(f"SSL_CERT_FILE names {file!r}, where there is no file")
    if folder and not any(Path(part).is_dir() for part in folder.split(os.pathsep)):
        raise ValueError(f"SSL_CERT_DIR names {folder!r}, where there is no folder")
    try:
        return _context(file or None, folder or None)
    except (OSError, ValueError) as exc:  # ssl.SSLError is an OSError
        name, value = ("SSL_CERT_FILE", file) if file else ("SSL_CERT_DIR", folder)
        raise ValueError(f"{name} names {value!r}, in which no certificates can be read: {exc}") from None


@lru_cache(maxsize=8)
def _context(file: str | None, folder: str | None) -> ssl.SSLContext:
    if file or folder:
        return ssl.create_default_context(cafile=file, capath=folder)
    context = httpx.create_ssl_context(trust_env=False)
    with contextlib.suppress(OSError):  # a store that cannot be read costs no more than the roots in it
        context.load_default_certs()  # where the roots of companies are; nothing on macOS
    return context
