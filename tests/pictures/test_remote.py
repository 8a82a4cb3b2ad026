"""RemoteImage: a picture that an answer only names."""

from __future__ import annotations

import copy
import pickle
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from nanobanana import DownloadError, GeneratedImage, Generation, InvalidRequestError, ReferenceImage, RemoteImage
from nanobanana.pictures.provenance import Record

FAR = RemoteImage(url="https://pictures.invalid/cat.png", record=Record("Draw", "nanobanana"))


@pytest.fixture
def nearby(picture: Callable[..., bytes]) -> Iterator[str]:
    """The address of a picture on this machine."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = picture() if self.path.endswith(".png") else b"<html>"
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/cat.png"
    server.shutdown()
    server.server_close()
    thread.join()


def test_is_no_generated_image() -> None:
    """It is a class of its own, which an isinstance tells apart from a picture that is here."""
    assert not isinstance(FAR, GeneratedImage)
    assert FAR.path is None
    assert RemoteImage(url=FAR.url) == FAR
    assert FAR.to_dict() == {"url": FAR.url}


@pytest.mark.parametrize(
    "name", [name for name in dir(GeneratedImage) if name[0] != "_" and not hasattr(FAR.__class__, name)]
)
def test_whatever_needs_its_bytes_says_what_to_do(name: str) -> None:
    """All that a picture has and this one lacks raises a DownloadError that names download()."""
    with pytest.raises(DownloadError, match=r"was not fetched.*Call download\(\)") as caught:
        getattr(FAR, name)
    assert (caught.value.url, caught.value.billed) == (FAR.url, "probably")


def test_other_names_are_no_attributes() -> None:
    """A misspelt name, and what copying, pickling and notebooks look for, are missing as they are anywhere."""
    with pytest.raises(AttributeError, match="wdith"):
        _ = FAR.wdith
    assert not hasattr(FAR, "_repr_png_")
    assert pickle.loads(pickle.dumps(FAR)) == copy.deepcopy(FAR) == FAR


def test_is_no_reference_until_it_is_here() -> None:
    """As a reference it is refused, before anything is sent, with what to do."""
    with pytest.raises(InvalidRequestError, match=r"lies at https://pictures.invalid/cat.png .*download\(\)"):
        ReferenceImage.of(FAR)


def test_download(nearby: str) -> None:
    """download() brings the picture, with how it was made; what is no picture is told."""
    image = RemoteImage(url=nearby, record=FAR.record).download()
    assert (image.mime_type, image.record) == ("image/png", FAR.record)
    with pytest.raises(DownloadError, match="no picture"):
        RemoteImage(url=nearby.replace(".png", ".html")).download()


def test_only_public_addresses_where_a_public_server_named_them(nearby: str) -> None:
    """An address in this machine's network, named by a server on the internet, is fetched only when that is allowed."""
    image = Generation(images=(RemoteImage(url=nearby),)).from_afar().image
    assert isinstance(image, RemoteImage)
    with pytest.raises(DownloadError, match="not a public address"):
        image.download()
    with pytest.raises(DownloadError, match="not a public address"):
        RemoteImage(url=nearby).download(allow_private=False)
    assert image.download(allow_private=True).width == 12


@pytest.mark.parametrize(
    ("url", "options", "error"),
    [
        ("ftp://x/y", {}, InvalidRequestError),
        ("https://", {}, InvalidRequestError),
        ("https://x:99999/", {}, InvalidRequestError),
        ("https://[::1/", {}, InvalidRequestError),
        ("https://a..b/", {}, (DownloadError, InvalidRequestError)),
        ("https://x/\n", {}, InvalidRequestError),
        ("https://x/" + "y" * 70_000, {}, InvalidRequestError),
        ("https://\ud800/", {}, (DownloadError, InvalidRequestError)),
        ("http://127.0.0.1:9/", {}, DownloadError),
        ("http://127.0.0.1:9/", {"timeout": 0}, InvalidRequestError),
        ("http://127.0.0.1:9/", {"timeout": float("nan")}, InvalidRequestError),
        ("http://127.0.0.1:9/", {"max_bytes": 0}, InvalidRequestError),
    ],
)
def test_what_cannot_be_fetched_is_said_in_words(url: str, options: dict[str, Any], error: Any) -> None:
    """Whatever an address is, what leaves is an error of the tree."""
    with pytest.raises(error):
        RemoteImage(url=url).download(**{"timeout": 5, **options})
