"""Neighbours: pages and programs of this machine may look, those of other sites may not."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

import httpx
import pytest

from ..conftest import KEY
from .asking import NATIVE, asking

PLACES = ["/", "/sandbox/requests", "/sandbox/ready", "/sandbox/picture.png", NATIVE]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "localhost.evil.example:8787", "192.168.1.2", "", "[::2]", "@localhost", "localhost.", "evillocalhost", "localhost:80:90"]
)  # fmt: skip
def test_another_host_is_refused(nanobanana_sandbox: str, place: str, host: str) -> None:
    """A page whose name was bound anew to this machine gets nothing, as its browser sends that name as the host."""
    answer = httpx.get(nanobanana_sandbox + place, headers={"Host": host, "Authorization": f"Bearer {KEY}"})
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (400, "invalid_parameter", "Host")
    assert "access-control-allow-origin" not in answer.headers


def test_refused_hosts_leave_no_entry(nanobanana_sandbox: str) -> None:
    """Another site cannot fill the log either."""
    before = httpx.get(f"{nanobanana_sandbox}/sandbox/requests").json()
    httpx.post(nanobanana_sandbox + NATIVE, headers={"Host": "evil.example"})
    assert httpx.get(f"{nanobanana_sandbox}/sandbox/requests").json() == before


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:1", "my-app.localhost:3000", "127.0.0.1", "127.0.0.1:8787", "[::1]", "[::1]:8787"]
)
def test_this_machine_is_served_by_each_of_its_names(nanobanana_sandbox: str, host: str) -> None:
    """A port that was forwarded still counts as this machine."""
    assert httpx.get(f"{nanobanana_sandbox}/sandbox/ready", headers={"Host": host}).status_code == 200


def test_target_that_names_another_host_is_refused(nanobanana_sandbox: str) -> None:
    """Where the target is a whole URL, its host counts and not the header (RFC 9112, 3.2.2)."""
    parts = urlsplit(nanobanana_sandbox)
    for target, status in (
        (f"http://evil.example{NATIVE}", b" 400 "),
        (f"{nanobanana_sandbox}/sandbox/ready", b" 200 "),
    ):
        with socket.create_connection((parts.hostname, parts.port), timeout=5) as connection:
            connection.sendall(f"GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
            assert status in connection.recv(100)


@pytest.mark.parametrize(
    "origin",
    [
        "http://localhost:3000",
        "http://my-app.localhost:3000",
        "http://127.0.0.1",
        "https://localhost",
        "http://[::1]:5173",
    ],
)
def test_page_of_this_machine_may_call(nanobanana_sandbox: str, origin: str) -> None:
    """A browser lets a page under development call the sandbox, read the answer and its headers."""
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type,x-sandbox",
        "Access-Control-Request-Private-Network": "true",
    }
    allowed = httpx.options(nanobanana_sandbox + NATIVE, headers=asked)
    assert allowed.status_code == 200
    assert allowed.headers["access-control-allow-origin"] == origin
    assert allowed.headers["access-control-allow-private-network"] == "true"
    assert "x-sandbox" in allowed.headers["access-control-allow-headers"]
    headers = {"Origin": origin, "Authorization": f"Bearer {KEY}"}
    answer = httpx.post(nanobanana_sandbox + NATIVE, json=asking("Draw"), headers=headers)
    assert answer.headers["access-control-allow-origin"] == origin
    assert "Origin" in answer.headers["vary"]
    for name in ("x-request-id", "Retry-After", "X-RateLimit-Reset-Requests"):
        assert name in answer.headers["access-control-expose-headers"]


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "http://localhost.evil.example", "http://127.0.0.1.nip.io", "null", "http://localhost@evil.example", "file://"]
)  # fmt: skip
def test_page_of_another_site_may_not(nanobanana_sandbox: str, origin: str) -> None:
    """A browser is not told that a page from elsewhere may call or read, and learns why in words."""
    asked = {"Origin": origin, "Access-Control-Request-Method": "DELETE"}
    refused = httpx.options(f"{nanobanana_sandbox}/sandbox/requests", headers=asked)
    error = refused.json()["error"]
    assert (refused.status_code, error["code"], error["param"]) == (403, "invalid_parameter", "Origin")
    read = httpx.get(f"{nanobanana_sandbox}/sandbox/requests", headers={"Origin": origin})
    for answer in (refused, read):
        assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("origin", ["https://evil.example", "null"])
def test_page_of_another_site_leaves_no_trace(nanobanana_sandbox: str, origin: str) -> None:
    """What such a page sends blindly, without asking first, is neither drawn nor logged, and empties no log."""
    before = len(httpx.get(f"{nanobanana_sandbox}/sandbox/requests").json())
    headers = {"Origin": origin, "Authorization": f"Bearer {KEY}"}
    assert httpx.post(nanobanana_sandbox + NATIVE, json=asking("Draw"), headers=headers).status_code == 403
    assert httpx.delete(f"{nanobanana_sandbox}/sandbox/requests", headers=headers).status_code == 403
    assert len(httpx.get(f"{nanobanana_sandbox}/sandbox/requests").json()) == before


def test_extension_of_a_browser_or_an_editor_may_call(nanobanana_sandbox: str) -> None:
    """What a person has installed is no page of another site."""
    headers = {"Origin": "vscode-webview://0a1b", "Authorization": f"Bearer {KEY}"}
    assert httpx.post(nanobanana_sandbox + NATIVE, json=asking("Draw"), headers=headers).status_code == 200
