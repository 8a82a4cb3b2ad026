"""What a client is told, and what the machine's environment says: taken, or refused in words that name the setting."""

from __future__ import annotations

import json
import ssl
import traceback
from functools import partial
from typing import Any

import anyio
import pytest
from nanobanana import AsyncNanoBanana, ConfigurationError, ImageRequest, InvalidRequestError, NanoBanana

from ..conftest import KEY
from ..faults.server import native
from .test_key import _http, _server

SECRET = "pa55-w0rd-nobody-may-see"
URL = "https://gateway.invalid"


@pytest.mark.parametrize("client", [NanoBanana, AsyncNanoBanana])
def test_headers_of_the_client_and_of_a_call(client: type) -> None:
    """Headers of the client go with each call; those of a call stand before them, in any case."""
    with _server(lambda _: _http("200 OK", native())) as (url, got):
        making = client(KEY, base_url=url, headers={"X-Team": "blue", "X-Kept": "yes"})
        if client is NanoBanana:
            making.generate("Draw", extra_headers={"x-team": "red"})
        else:
            anyio.run(partial(making.generate, "Draw", extra_headers={"x-team": "red"}))
    head = got[0].partition(b"\r\n\r\n")[0].decode().lower().split("\r\n")
    assert [line for line in head if line.startswith("x-")] == ["x-kept: yes", "x-team: red"]


@pytest.mark.parametrize("client", [NanoBanana, AsyncNanoBanana])
def test_extra_body_is_merged_into_what_is_sent(client: type) -> None:
    """Fields that the library does not know stand in the JSON beside its own, the caller's last."""
    extra = {"generationConfig": {"seed": 7, "imageConfig": {"imageSize": "8K"}}, "labels": ["a"]}
    with _server(lambda _: _http("200 OK", native())) as (url, got):
        making = client(KEY, base_url=url)
        if client is NanoBanana:
            making.generate("Draw", extra_body=extra)
        else:
            anyio.run(partial(making.generate, "Draw", extra_body=extra))
    sent = json.loads(got[0].partition(b"\r\n\r\n")[2])
    assert sent["labels"] == ["a"]
    assert sent["generationConfig"]["seed"] == 7
    assert sent["generationConfig"]["imageConfig"] == {"aspectRatio": "1:1", "imageSize": "8K"}
    assert sent["contents"][0]["parts"] == [{"text": "Draw"}]


@pytest.mark.parametrize(
    "name", ["Authorization", "host", "Content-Length", "Transfer-Encoding", "connection", "Content-Type", "Cookie"]
)
def test_headers_that_are_ours_are_refused(name: str) -> None:
    """What frames a request or carries the key cannot be replaced, in any case, and the value is not repeated."""
    with pytest.raises(InvalidRequestError, match=name) as caught:
        NanoBanana(KEY, base_url=URL).generate("Draw", extra_headers={name: SECRET})
    assert SECRET not in str(caught.value)
    with pytest.raises(ConfigurationError, match=name):
        NanoBanana(KEY, base_url=URL, headers={name: SECRET})


@pytest.mark.parametrize(
    "headers", [{"X": "a\r\nb"}, {"X": 3}, {"a b": "x"}, {"": "x"}, {3: "x"}, ["X"], {"X": "ü€"}, {"X": "ü"}]
)
def test_headers_that_cannot_be_sent_are_refused(headers: Any) -> None:
    """A line break, a number or a name that is none is refused before anything is sent."""
    with pytest.raises(InvalidRequestError, match="Nothing was sent"):
        NanoBanana(KEY, base_url=URL).generate("Draw", extra_headers=headers)


def test_the_key_in_a_header_of_the_client_is_refused() -> None:
    """The key is sent by itself, and stands in no other header."""
    with pytest.raises(ConfigurationError, match="holds the API key") as caught:
        NanoBanana(KEY, base_url=URL, headers={"X-Key": f"Bearer {KEY}"})
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("timeout", [0, -1, True, "5", float("nan"), 1e10])
def test_a_time_that_is_none_is_refused(timeout: Any) -> None:
    """The time of a call is a positive number of seconds, for the client and for a call."""
    with pytest.raises(InvalidRequestError, match="timeout is"):
        NanoBanana(KEY, base_url=URL).send(ImageRequest("Draw"), timeout=timeout)
    with pytest.raises(ConfigurationError, match="timeout is"):
        NanoBanana(KEY, base_url=URL, timeout=timeout)


_BAD_PROXIES = [
    f"ftp://user:{SECRET}@proxy.invalid:1",
    f"http://user:{SECRET}#x@proxy.invalid:8080",
    f"http://user:{SECRET}@",
    f"http://user:{SECRET}@a..b:8080",
    f"http://user:{SECRET}@proxy.invalid:port",
]


@pytest.mark.parametrize("address", _BAD_PROXIES)
@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "ALL_PROXY", None])
def test_a_bad_proxy_is_named_without_its_password(
    address: str, variable: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy that cannot be used is a ConfigurationError that names where it stands; no word or frame shows it."""
    options = {} if variable else {"proxy": address}
    if variable:
        monkeypatch.setenv(variable, address)
    with pytest.raises(ConfigurationError, match=variable or "proxy=") as caught:
        NanoBanana(KEY, base_url=URL, **options)  # type: ignore[arg-type]
    error = caught.value
    while error.__traceback__ and error.__traceback__.tb_frame.f_code.co_filename == __file__:
        error.__traceback__ = error.__traceback__.tb_next
    told = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    assert SECRET not in told + repr(error) + str(vars(error))


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_certificates_that_are_not_there_are_named(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stale SSL_CERT_FILE or SSL_CERT_DIR is a ConfigurationError that names it, for https only."""
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    monkeypatch.setenv(variable, "/no/such/place")
    with pytest.raises(ConfigurationError, match=variable):
        NanoBanana(KEY, base_url=URL)
    NanoBanana(KEY, base_url="http://127.0.0.1:1")


def test_a_context_of_the_callers_needs_no_roots(monkeypatch: pytest.MonkeyPatch) -> None:
    """With ssl_context= the machine's certificates are not looked at."""
    monkeypatch.setenv("SSL_CERT_FILE", "/no/such/file")
    NanoBanana(KEY, base_url=URL, ssl_context=ssl.create_default_context(cafile=None, cadata=None))
    with pytest.raises(ConfigurationError, match="ssl_context is of type str"):
        NanoBanana(KEY, base_url=URL, ssl_context="yes")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "url",
    [
        "https://a..b",
        "https://" + "x" * 64 + ".invalid",
        "https://",
        "ftp://x",
        "https://x?y",
        "https://u:p@x",
        "https://x y",
    ],
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    """What is no address of a server is told in words, whatever the library under us would raise."""
    with pytest.raises(ConfigurationError, match="the base URL"):
        NanoBanana(KEY, base_url=url)


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        ({"contents": []}, "cannot hold 'contents'"),
        ({"messages": []}, "cannot hold 'messages'"),
        ({"model": "x"}, "cannot hold 'model'"),
        ({"stream": True}, "cannot hold 'stream'"),
        ([1], "it must be a dict"),
        ({"x": object()}, "what JSON cannot"),
        ({"x": float("nan")}, "what JSON cannot"),
    ],
)
def test_extra_body_that_cannot_be_is_refused(extra: Any, words: str) -> None:
    """Turns, model and streaming cannot be replaced, and only JSON can be merged."""
    with pytest.raises(InvalidRequestError, match=words) as caught:
        ImageRequest("Draw", extra_body=extra)
    assert caught.value.param == "extra_body"


def test_extra_body_cannot_be_changed_from_outside() -> None:
    """A request keeps a copy of what it was given, and is a value as before."""
    given = {"generationConfig": {"seed": 7}}
    request = ImageRequest("Draw", extra_body=given)
    given["generationConfig"]["seed"] = 8
    assert request == ImageRequest("Draw", extra_body={"generationConfig": {"seed": 7}})
    assert request != ImageRequest("Draw")
    assert hash(request) == hash(ImageRequest("Draw"))
