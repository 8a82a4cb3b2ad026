"""ReferenceImage: every form in which people have a picture, untouched on its way."""

from __future__ import annotations

import base64
import gc
import io
import os
import threading
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nanobanana import DownloadError, GeneratedImage, ImageRequest, InvalidRequestError, ReferenceImage
from nanobanana.pictures.reference import MAX_REFERENCE_BYTES
from PIL import Image

from .test_image import _brand


@pytest.mark.parametrize(
    "form", ["path", "str", "bytes", "bytearray", "memoryview", "file", "buffer", "data url", "generated", "itself"]
)
def test_bytes_are_sent_untouched(picture: Callable[..., bytes], tmp_path: Path, form: str) -> None:
    """Whatever form a picture comes in, its bytes are not changed."""
    data = picture("JPEG", quality=7)
    path = tmp_path / "named.png"  # the name lies; the bytes decide
    path.write_bytes(data)
    forms: dict[str, Any] = {
        "path": path,
        "str": str(path),
        "bytes": data,
        "bytearray": bytearray(data),
        "memoryview": memoryview(data),
        "file": path.open("rb"),
        "buffer": io.BytesIO(data),
        "data url": "data:image/png;base64," + base64.b64encode(data).decode(),
        "generated": GeneratedImage(data),
        "itself": ReferenceImage(data),
    }
    reference = ReferenceImage.of(forms[form])
    forms["file"].close()
    assert (reference.data, reference.mime_type) == (data, "image/jpeg")


@pytest.mark.parametrize(
    "mode",
    [
        "1",
        "L",
        "LA",
        "La",
        "P",
        "PA",
        "RGB",
        "RGBA",
        "RGBa",
        "RGBX",
        "CMYK",
        "YCbCr",
        "HSV",
        "LAB",
        "I",
        "I;16",
        "I;16B",
    ],
)
def test_pillow_image_of_any_mode(mode: str) -> None:
    """A Pillow image of any mode is sent as PNG, with its alpha channel where it has one."""
    reference = ReferenceImage.of(Image.new(mode, (5, 4)))
    assert reference.mime_type == "image/png"
    with Image.open(io.BytesIO(reference.data)) as opened:
        assert opened.size == (5, 4)
        has_alpha = mode in ("LA", "La", "PA", "RGBA", "RGBa")
        assert ("A" in opened.getbands()) == has_alpha


def test_alpha_is_kept() -> None:
    """Half-transparent pixels arrive as they were."""
    reference = ReferenceImage.of(Image.new("RGBA", (2, 2), (10, 20, 30, 40)))
    with Image.open(io.BytesIO(reference.data)) as opened:
        assert opened.getpixel((1, 1)) == (10, 20, 30, 40)


def test_numpy_array() -> None:
    """A numpy array of pixels is sent as PNG."""
    reference = ReferenceImage.of(numpy.full((4, 6, 3), 77, dtype=numpy.uint8))
    assert reference.dimensions() == (6, 4)
    with pytest.raises(InvalidRequestError, match="cannot be written as PNG"):
        ReferenceImage.of(numpy.zeros((2, 2, 2, 2)))


@pytest.mark.parametrize("data", [_brand(b"heic", b"mif1"), _brand(b"mif1", b"miaf")])
def test_heic_and_heif_are_accepted(data: bytes) -> None:
    """HEIC and HEIF are recognised by their brands."""
    assert ReferenceImage(data).mime_type in ("image/heic", "image/heif")


@pytest.mark.parametrize(
    ("data", "words"),
    [(b"", "is empty"), (b"GIF89a...", "image/gif"), (_brand(b"avif"), "image/avif"), (b"%PDF-1.7", "no picture"), (b"\x89PNG\r\n\x1a\n" + b"0" * MAX_REFERENCE_BYTES, "more than")],
)  # fmt: skip
def test_other_bytes_are_refused(data: bytes, words: str) -> None:
    """What is no picture of an accepted type, or too large, is refused with the reason and the reference's number."""
    with pytest.raises(InvalidRequestError, match=f"reference 2: .*{words}"):
        ImageRequest("Draw", references=[_brand(b"heic"), data])


@pytest.mark.parametrize("kind", ["folder", "fifo", "device", "missing", "nul", "unreadable", "empty"])
def test_unreadable_paths_are_refused(tmp_path: Path, kind: str) -> None:
    """A folder, a FIFO, a device, a missing or an empty file is refused before anything is sent, without hanging."""
    path = tmp_path / "x"
    if kind == "folder":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "device":
        path = Path("/dev/zero")
    elif kind == "nul":
        path = Path("a\0b")
    elif kind == "unreadable":
        path = Path("/proc/self/mem")
    elif kind == "empty":
        path.touch()
    with pytest.raises(InvalidRequestError, match="reference 1: ") as caught:
        ImageRequest("Draw", references=[path])
    assert "Nothing was sent." in str(caught.value)


def test_text_file_is_refused(tmp_path: Path) -> None:
    """A file opened for text is refused with the hint to open it as binary."""
    (tmp_path / "a").write_text("text")
    with (tmp_path / "a").open() as file, pytest.raises(InvalidRequestError, match="mode 'rb'"):
        ReferenceImage.of(file)  # type: ignore[arg-type]


@pytest.mark.parametrize("url", ["data:image/png,abc", "data:image/png;base64,%%%", "data:image/png;base64,aGVsbG8="])
def test_bad_data_urls_are_refused(url: str) -> None:
    """A data: URL must be Base64 of a picture."""
    with pytest.raises(InvalidRequestError):
        ReferenceImage.of(url)


@pytest.mark.parametrize("url", ["https://example.org/a.png", "http://example.org/a.png", "s3://bucket/a.png"])
def test_urls_are_not_fetched_unasked(url: str) -> None:
    """A str that looks like a URL is refused with the way to download it."""
    with pytest.raises(InvalidRequestError, match=r"ReferenceImage\.from_url"):
        ReferenceImage.of(url)


def test_first_reference_decides_the_ratio(picture: Callable[..., bytes]) -> None:
    """aspect_ratio=None takes the listed ratio nearest to the first reference, as a viewer shows it."""
    wide, tall = picture(size=(160, 90)), picture(size=(90, 160))
    assert ImageRequest("Draw", references=[wide, tall]).aspect_ratio == "16:9"
    assert ImageRequest("Draw", references=[tall, wide]).aspect_ratio == "9:16"
    assert ImageRequest("Draw", references=[wide], aspect_ratio="1:1").aspect_ratio == "1:1"
    exif = Image.Exif()
    exif[0x0112] = 6
    assert ImageRequest("Draw", references=[picture("JPEG", size=(160, 90), exif=exif)]).aspect_ratio == "9:16"
    assert ImageRequest("Draw", references=[_brand(b"heic")]).aspect_ratio == "1:1"


def test_resized_only_when_asked(picture: Callable[..., bytes]) -> None:
    """A reference gets smaller only by resized(), which leaves small ones untouched and keeps type and alpha."""
    large = ReferenceImage(picture("JPEG", size=(400, 200)))
    assert large.resized(max_side=100).dimensions() == (100, 50)
    assert large.resized(max_side=100).mime_type == "image/jpeg"
    assert large.resized(max_side=400) is large
    clear = ReferenceImage.of(Image.new("RGBA", (300, 300), (0, 0, 255, 51))).resized(50)
    with Image.open(io.BytesIO(clear.data)) as opened:
        assert (opened.size, opened.getpixel((0, 0))) == ((50, 50), (0, 0, 255, 51))
    with pytest.raises(InvalidRequestError, match="max_side"):
        large.resized(0)


@pytest.mark.parametrize("kind", [bytearray, memoryview, bytes])
def test_a_file_may_give_any_kind_of_bytes(picture: Callable[..., bytes], kind: Any) -> None:
    """read() may give bytes, a bytearray or a memoryview, in pieces."""
    data = picture()
    pieces = [kind(data[:20]), kind(data[20:]), kind(b"")]
    reference = ReferenceImage.of(types.SimpleNamespace(read=lambda size: pieces.pop(0)))  # type: ignore[arg-type]
    assert reference.data == data
    assert hash(ReferenceImage(bytearray(data))) == hash(reference)  # type: ignore[arg-type]


async def _read(_size: int = -1) -> bytes:
    return b""


@pytest.mark.parametrize("value", [lambda: types.SimpleNamespace(read=_read), _read])
def test_what_must_be_awaited_is_said(value: Callable[[], Any]) -> None:
    """An upload of a web framework, whose read() is a coroutine, and the coroutine itself, are refused with what to do."""
    with pytest.raises(InvalidRequestError, match="Await it first"):
        ReferenceImage.of(value())
    gc.collect()  # a coroutine that was left would warn


class _TheirsError(Exception):
    """An exception of somebody else's library."""


def _fails(_size: int = -1) -> bytes:
    raise _TheirsError("the connection to the bucket is gone")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (types.SimpleNamespace(read=_fails), "the connection to the bucket is gone"),
        (types.SimpleNamespace(read=lambda size: 7), "cannot be read"),
        (types.SimpleNamespace(read=lambda: b""), "cannot be read"),
        (Path("\ud800"), "cannot be read"),
        (types.SimpleNamespace(__fspath__=lambda: 3), "SimpleNamespace"),
        (object(), "of type object"),
        ("A" * 4000, "data:image/png;base64"),
    ],
)
def test_things_that_cannot_be_read_are_refused_in_words(value: Any, words: str) -> None:
    """Whatever reading raises, what leaves is an InvalidRequestError with its words."""
    with pytest.raises(InvalidRequestError, match=words):
        ReferenceImage.of(value)


def test_the_constructor_takes_bytes_only() -> None:
    """What is not bytes is refused with the way that takes it."""
    released = memoryview(b"x")
    released.release()
    for value in ("cat.png", Path("cat.png"), None, released):
        with pytest.raises(InvalidRequestError, match=r"ReferenceImage\.of"):
            ReferenceImage(value)  # type: ignore[arg-type]


@pytest.mark.parametrize("change", [lambda text: text, lambda text: text.replace("=", "%3D").replace("+", "%2b"), lambda text: "\n ".join(text[at : at + 60] for at in range(0, len(text), 60))])  # fmt: skip
def test_data_urls_as_browsers_take_them(picture: Callable[..., bytes], change: Callable[[str], str]) -> None:
    """The Base64 of a data: URL may be percent-encoded and broken into lines."""
    data = picture(size=(13, 8))
    assert ReferenceImage.of("data:image/png;base64," + change(base64.b64encode(data).decode())).data == data


@given(text=st.text())
def test_data_urls_of_any_text(text: str) -> None:
    """Whatever follows data:, it is refused in words."""
    for url in (
        f"data:{text}",
        f"data:image/png;base64,{text}",
        f"data:;base64,{text.encode('utf-8', 'replace').hex()}",
    ):
        with pytest.raises(InvalidRequestError):
            ReferenceImage.of(url)


@contextmanager
def _web_server(answers: dict[str, tuple[int, dict[str, str], bytes]]) -> Iterator[tuple[str, list[Any]]]:
    """A plain web server; gives its address and the headers of each request it got."""
    seen: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(dict(self.headers))
            status, headers, body = answers[self.path]
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", seen
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_from_url(picture: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    """from_url downloads a picture without the key, following a few redirects, up to a size."""
    monkeypatch.setenv("INFINITYBLUE_API_KEY", "sk-never-sent")
    data = picture()
    answers: dict[str, tuple[int, dict[str, str], bytes]] = {
        "/a.png": (200, {}, data),
        "/moved": (302, {"Location": "/a.png"}, b""),
        "/loop": (302, {"Location": "/loop"}, b""),
        "/page": (200, {}, b"<html>"),
        "/gone": (404, {}, b""),
    }
    with _web_server(answers) as (url, seen):
        assert ReferenceImage.from_url(f"{url}/a.png").data == data
        assert ReferenceImage.from_url(f"{url}/moved").data == data
        for path in ("/loop", "/gone"):
            with pytest.raises(DownloadError):
                ReferenceImage.from_url(url + path)
        with pytest.raises(DownloadError, match="larger than 10 bytes"):
            ReferenceImage.from_url(f"{url}/a.png", max_bytes=10)
        with pytest.raises(InvalidRequestError, match="no picture"):
            ReferenceImage.from_url(f"{url}/page")
    assert not any("sk-never-sent" in str(headers) or "Authorization" in headers for headers in seen)
    assert len(seen) == 10


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://x/y", "nonsense", ""])
def test_from_url_needs_http(url: str) -> None:
    """Only http(s) addresses are downloaded."""
    with pytest.raises(InvalidRequestError, match="not an http"):
        ReferenceImage.from_url(url)


def test_file_that_reads_in_pieces(picture: Callable[..., bytes]) -> None:
    """A file object that gives less than it was asked for, as pipes and sockets do, is read to its end."""
    data = picture(size=(300, 300)) + bytes(200_000)
    reader, writer = os.pipe()
    thread = threading.Thread(
        target=lambda: (os.write(writer, data[:1000]), os.write(writer, data[1000:]), os.close(writer))
    )
    thread.start()
    with os.fdopen(reader, "rb", buffering=0) as file:
        assert ReferenceImage.of(file).data == data
        with pytest.raises(InvalidRequestError, match=r"seek\(0\)"):
            ReferenceImage.of(file)
    thread.join()


def test_array_without_brackets_is_one_picture_too_many() -> None:
    """An array given as `references` itself is refused, instead of becoming a picture for each of its rows."""
    with pytest.raises(InvalidRequestError, match="it must be a list"):
        ImageRequest("Draw", references=numpy.zeros((4, 4, 3), dtype=numpy.uint8))


def test_pixels_that_are_floats_are_refused() -> None:
    """Floats, which would come out black, are refused with what to do."""
    for picture in (Image.new("F", (2, 2)), numpy.zeros((2, 2), dtype=numpy.float32)):
        with pytest.raises(InvalidRequestError, match="uint8"):
            ReferenceImage.of(picture)


def test_replaced_request_is_derived_anew(picture: Callable[..., bytes]) -> None:
    """replace() derives the ratio and the format anew where they were left to be derived."""
    request = ImageRequest("Draw", references=[picture(size=(160, 90))])
    assert request.replace(references=[picture(size=(90, 160))]).aspect_ratio == "9:16"
    assert request.replace(model="nanobanana_2").wire == "chat"
    assert request.replace(aspect_ratio="1:1").replace(references=[]).aspect_ratio == "1:1"
    assert request.replace() == request
