"""The route: which proxy the environment asks for, in all forms that people use, and which roots are trusted."""

from __future__ import annotations

import re
import ssl
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nanobanana._engine.route import proxy_from_environment, proxy_from_url, trusted_roots
from nanobanana._engine.transport import Way

from ..faults import environment
from ..faults.server import Server, certificates, reply
from .exchange import DRIVERS, Exchange

ADDRESSES = {
    "http://proxy.example:3128": (b"http", b"proxy.example", 3128, None),
    "https://proxy.example": (b"https", b"proxy.example", 443, None),
    "proxy.example:8080": (b"http", b"proxy.example", 8080, None),
    " HTTP://Proxy.Example:8080/ ": (b"http", b"proxy.example", 8080, None),
    "socks5://proxy.example": (b"socks5", b"proxy.example", 1080, None),
    "socks5h://proxy.example:9": (b"socks5", b"proxy.example", 9, None),
    "socks://127.0.0.1:1080/": (b"socks5", b"127.0.0.1", 1080, None),
    "http://[::1]:3128": (b"http", b"::1", 3128, None),
    "http://alice:secret@proxy.example:1": (b"http", b"proxy.example", 1, (b"alice", b"secret")),
    "http://dom%5Calice:p%40ss%3Aword%23@proxy.example:1": (b"http", b"proxy.example", 1, (b"dom\\alice", b"p@ss:word#")),
    "http://alice@proxy.example:1": (b"http", b"proxy.example", 1, (b"alice", b"")),
    "http://a:b@c@proxy.example:1": (b"http", b"proxy.example", 1, (b"a", b"b@c")),
    "http://%E9%92%A5:%E5%8C%99@proxy.example:1": (b"http", b"proxy.example", 1, ("钥".encode(), "匙".encode())),
    "http://bücher.example:1": (b"http", b"xn--bcher-kva.example", 1, None),
}  # fmt: skip


@pytest.mark.parametrize("text", ADDRESSES)
def test_addresses_of_proxies(text: str) -> None:
    """An address is taken as people and desktops write it, and its user and password are percent-decoded."""
    proxy = proxy_from_url(text, "HTTPS_PROXY")
    assert (proxy.url.scheme, proxy.url.host, proxy.url.port, proxy.auth) == ADDRESSES[text]


BAD = [
    "ftp://alice:s3cret@proxy.example", "socks4://alice:s3cret@proxy.example", "http://", "http://:3128", "://x",
    "http://alice:s3#cret@proxy.example:1", "http://alice:s3/cret@proxy.example:1", "http://alice:s3?cret@proxy.example:1",
    "http://alice:s3cret@proxy.example:port", "http://alice:s3cret@proxy.example:99999", "http://alice:s3cret@.example",
    "http://alice:s3cret@proxy..example", "http://alice:s3cret@" + "a" * 64 + ".example", "http://alice:s3cret@a b",
    "http://alice:s3cret@[::1", "http://alice:s3cret@\0", "http://alice:s3cret@x\ny", "socks5://alice:@proxy.example",
    "socks5://:s3cret@proxy.example", "socks5://alice:" + "s3cret" * 50 + "@proxy.example",
]  # fmt: skip


@pytest.mark.parametrize("text", BAD)
def test_a_bad_address_is_refused_without_its_secret(text: str) -> None:
    """An address that cannot be used raises ValueError, which names the setting and shows no password."""
    with pytest.raises(ValueError, match="HTTPS_PROXY") as caught:
        proxy_from_url(text, "HTTPS_PROXY")
    shown = f"{caught.value!r} {caught.value.__cause__!r}"
    assert not re.search("s3|cret|alice", shown)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@given(
    st.text()
    | st.builds("http://{}:{}@{}".format, st.text(), st.text(), st.text())
    | st.from_regex(r"[a-z0-9]*:/{0,2}.*")
)
def test_any_text_is_an_address_or_a_value_error(text: str) -> None:
    """Whatever the environment holds, it is a proxy or a ValueError."""
    try:
        proxy = proxy_from_url(text, "HTTPS_PROXY")
    except ValueError as error:
        assert "HTTPS_PROXY" in str(error)
    else:
        assert proxy.url.host
        assert 0 < (proxy.url.port or 0) < 65536


def test_the_password_is_not_shown() -> None:
    """A proxy can be printed."""
    assert "s3cret" not in repr(proxy_from_url("http://alice:s3cret@proxy.example", "x"))
    assert "alice" not in repr(Way(proxy=proxy_from_url("http://alice:s3cret@proxy.example", "x")))


NO_PROXY = {
    "": "p", "*": "", "gateway.example": "", "GATEWAY.example": "", "example": "", ".example": "", "*.example": "",
    ".gateway.example": "", "way.example": "p", "other.example, gateway.example": "", "gateway.example:443": "",
    "gateway.example:8443": "p", "https://gateway.example": "", "http://gateway.example": "p", "all://gateway.example": "",
    "https://gateway.example:8443": "p", "https://": "", "localhost,127.0.0.1": "p", ",": "p", "gateway.example.": "",
    "10.0.0.0/8": "p", "https://*": "", "nonsense[": "p",
}  # fmt: skip


@pytest.mark.parametrize("no_proxy", NO_PROXY)
def test_no_proxy(no_proxy: str) -> None:
    """NO_PROXY is understood in all its forms."""
    with environment(HTTPS_PROXY="http://proxy.example:1", NO_PROXY=no_proxy):
        found = proxy_from_environment("https", "gateway.example", None)
    assert (found is not None) == (NO_PROXY[no_proxy] == "p")


@pytest.mark.parametrize(
    ("no_proxy", "host", "is_direct"),
    [
        ("10.0.0.0/8", "10.1.2.3", True),
        ("10.0.0.0/8", "11.1.2.3", False),
        ("10.1.2.3", "10.1.2.3", True),
        ("10.1.2.3:443", "10.1.2.3", True),
        ("10.1.2.3:80", "10.1.2.3", False),
        ("0.1.2.3", "10.1.2.3", False),
        ("::1", "::1", True),
        ("[::1]", "::1", True),
        ("[::1]:443", "[::1]", True),
        ("fd00::/8", "fd12::1", True),
    ],
)
def test_no_proxy_for_addresses(no_proxy: str, host: str, is_direct: bool) -> None:
    """NO_PROXY holds addresses and networks as well."""
    with environment(ALL_PROXY="socks://proxy.example:1", NO_PROXY=no_proxy):
        assert (proxy_from_environment("https", host) is None) is is_direct


def test_which_variable_counts() -> None:
    """The variable for the scheme comes before ALL_PROXY, and the error names the one that is bad."""
    with environment(HTTPS_PROXY="http://one.example", ALL_PROXY="http://two.example"):
        for scheme, host in (("https", b"one.example"), ("http", b"two.example")):
            found = proxy_from_environment(scheme, "gateway.example")
            assert found is not None
            assert found.url.host == host
    with environment(), pytest.MonkeyPatch.context() as patch:
        patch.setenv("all_proxy", "gopher://x")
        with pytest.raises(ValueError, match=r"^all_proxy names a proxy"):
            proxy_from_environment("https", "gateway.example")
    with environment():
        assert proxy_from_environment("https", "gateway.example") is None


def test_roots(tmp_path: Path) -> None:
    """Without a setting, certifi's roots and the system's are trusted, and the context is made once."""
    with environment():
        context = trusted_roots()
        assert context is trusted_roots()
        assert context.verify_mode == ssl.CERT_REQUIRED
        assert len(context.get_ca_certs()) > 50
    with environment(SSL_CERT_FILE=certificates().roots):
        assert len(trusted_roots().get_ca_certs()) == 1


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
@pytest.mark.parametrize("kind", ["absent", "empty", "rubbish", "folder", "file"])
def test_bad_roots(name: str, kind: str, tmp_path: Path) -> None:
    """A setting that leads to no certificates is a ValueError that names it; a folder without any trusts nobody."""
    path = tmp_path / "roots"
    if kind in ("empty", "rubbish"):
        path.write_text("" if kind == "empty" else "-----BEGIN CERTIFICATE-----\nrubbish\n-----END CERTIFICATE-----\n")
    elif kind == "folder":
        path.mkdir()
    elif kind == "file":
        path.write_bytes(b"\0" * 100)
    with environment(**{name: str(path)}):
        if (name, kind) == ("SSL_CERT_DIR", "folder"):
            assert not trusted_roots().get_ca_certs()
            return
        with pytest.raises(ValueError, match=name):
            trusted_roots()


def test_roots_of_the_system_by_truststore() -> None:
    """A context of truststore's, which asks the system, can be given instead."""
    truststore = pytest.importorskip("truststore")
    with environment(SSL_CERT_FILE=certificates().roots):
        context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(certificates().roots)
        with Server([reply(200, b"{}")], secure=True, certificate="good") as server:
            for drive in DRIVERS.values():
                exchange = drive(Exchange(server.url, way=Way(context)))
                assert exchange.error is None
        with Server([reply(200, b"{}")], secure=True, certificate="untrusted") as server:
            assert DRIVERS["sync"](Exchange(server.url, way=Way(context))).error is not None
