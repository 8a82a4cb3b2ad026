"""The lifter: taking Base64 out while a body arrives comes to the same as json and strict Base64 on the whole of it."""

from __future__ import annotations

import base64
import errno
import io
import json
import os
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nanobanana._engine import lifter
from nanobanana._engine.lifter import Lifter
from nanobanana._engine.spool import Spool
from nanobanana._engine.tokens import Blobs
from nanobanana._engine.upload import Upload

SHORT = 16  # characters that count as long here, so that small documents try everything
_settings = settings(
    deadline=None, derandomize="CI" in os.environ, database=None, suppress_health_check=list(HealthCheck)
)


def lift(body: bytes, cuts: list[int] | None = None, folder: Path | None = None) -> tuple[bytes, Blobs]:
    """What is left of a body that arrives cut into pieces, and what was lifted out of it."""
    blobs = Blobs()
    lifting, start = Lifter(blobs, folder), 0
    for cut in sorted({cut % (len(body) + 1) for cut in cuts or []}):
        lifting.add(body[start:cut])
        start = cut
    lifting.add(body[start:])
    lifting.finish()
    return bytes(lifting.text), blobs


def parsed(body: bytes) -> Any:
    """The document, or the class of the error where it is none."""
    try:
        return json.loads(body.decode())
    except (ValueError, RecursionError) as error:
        return type(error)


PNG = b"\x89PNG\r\n\x1a\n"
encoded = st.binary(max_size=60).map(lambda data: base64.b64encode(PNG + data).decode())
odd = st.sampled_from(
    ["=", "==", "===", "\n", " ", "-", "_", "/", "+", "\\", '"', ")", "é", "\u2028", "😀", "\x00", "A", ",", ";"]
)


@st.composite
def almost(draw: st.DrawFn) -> str:
    """Base64 that something is wrong with, or only something of its look."""
    text = draw(encoded | st.text("ABCabc019+/", min_size=1, max_size=70) | st.just("A" * 50))
    at = draw(st.integers(0, len(text)))
    match draw(st.integers(0, 4)):
        case 0:
            return text[:at] + draw(odd) + text[at:]
        case 1:
            return text[:at]
        case 2:
            return text.rstrip("=") + draw(st.sampled_from(["B", "R==", "QR==", "QUF=", "===="]))
        case 3:
            return text[:at] + text
        case _:
            return text


value = encoded | almost()
uri = st.builds("{}data:image/{};base64,{}{}".format, st.sampled_from(["", "x ![i](", "![i]("]),
                st.sampled_from(["png", "jpeg", "png;x=1"]), value, st.sampled_from(["", ")", ") words", "\nAAAA", '"']))  # fmt: skip
text = (
    value
    | uri
    | st.builds("https://x/;base64,{}".format, value)
    | st.text(max_size=8)
    | uri.flatmap(lambda a: uri.map(lambda b: a + b))
)
key = st.sampled_from(
    ["data", "text", "content", "parts", "url", 'x"data', "data:", "message", "inlineData"]
) | st.text(max_size=3)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(key, inner, max_size=4),
    max_leaves=12,
)
part = (
    st.builds(
        lambda data, mime: {"inlineData": {"mimeType": mime, "data": data}},
        text,
        st.sampled_from(["image/png", "text/plain"]) | text,
    )
    | st.builds(lambda data: {"inline_data": {"data": data}, "thought": True}, text)
    | st.builds(lambda words: {"text": words}, text)
    | st.builds(lambda link: {"fileData": {"fileUri": link}}, text)
)
natives = st.builds(
    lambda parts, more: {"candidates": [{"content": {"parts": parts}, "finishReason": "STOP"}], **more},
    st.lists(part, max_size=3), st.dictionaries(key, anything, max_size=2),
)  # fmt: skip
chats = st.builds(
    lambda content, more: {"choices": [{"message": {"content": content}}], **more},
    text | st.lists(st.builds(lambda link: {"type": "image_url", "image_url": {"url": link}}, uri), max_size=2),
    st.dictionaries(key, anything, max_size=2),
)  # fmt: skip
documents = natives | chats | anything


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """A document as some writer of JSON puts it on the wire; now and then, duplicate keys, or damage."""
    document = draw(documents)
    spacing = draw(st.sampled_from([(",", ":"), (", ", ": "), (" ,\n", "\t: \r\n")]))
    body = json.dumps(document, ensure_ascii=draw(st.booleans()), separators=spacing)
    for letter, escape in draw(
        st.sets(st.sampled_from([("/", "\\/"), ("=", "\\u003d"), ("+", "\\u002B"), ("/", "\\u002f")]))
    ):
        body = body.replace(letter, escape) if escape not in body and not (letter == "/" and "\\/" in body) else body
    if draw(st.integers(0, 5)) == 0:
        body = '{"data":"' + draw(encoded) + '","data":' + body + "}"
    raw = body.encode("utf-8", "surrogatepass")
    if draw(st.integers(0, 3)) == 0:
        at = draw(st.integers(0, len(raw)))
        raw = (
            raw[:at]
            + draw(st.sampled_from([b"", b'"', b"\\", b"{", b",", b"=", b"\xff", b"data", b'"data":"', b";base64,"]))
            + raw[at + draw(st.integers(0, 9)) :]
        )
    return raw


def check(body: bytes, cuts: list[int]) -> None:
    """Holds what is lifted out of a body against the whole of it."""
    left, blobs = lift(body, cuts)
    whole, small = parsed(body), parsed(left)
    if isinstance(whole, type):
        assert small is whole or isinstance(small, type)
    else:
        assert blobs.fill(small) == whole
    restored = b"".join(Upload(left, blobs))
    assert parsed(restored) == whole
    if b"\\" not in body:
        assert restored == body
    for token, blob in blobs.items():
        assert len(base64.b64encode(blob)) >= SHORT - 4, token  # a last group may have stayed


@pytest.fixture(autouse=True)
def _short_values(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if "property" in request.keywords or "property" in request.node.name:
        monkeypatch.setattr(lifter, "_LONG", SHORT)
        monkeypatch.setattr(lifter, "_DOOR", lifter._doors(4))


@settings(_settings, max_examples=int(os.environ.get("NANOBANANA_EXAMPLES", "500")))
@given(body=bodies(), cuts=st.lists(st.integers(0, 2000), max_size=12))
def test_property_of_any_document(body: bytes, cuts: list[int]) -> None:
    """Any document, cut in any way, says the same with its pictures lifted out; what is no JSON stays none."""
    check(body, cuts)


@pytest.mark.slow
@settings(_settings, max_examples=20_000)
@given(body=bodies(), cuts=st.lists(st.integers(0, 2000), max_size=12))
def test_property_of_many_documents(body: bytes, cuts: list[int]) -> None:
    """The same, twenty thousand times."""
    check(body, cuts)


@pytest.mark.parametrize("size", [1, 3, 1000, 4096, 65537])
def test_property_of_every_cut(size: int) -> None:
    """A body that comes byte by byte, or in any other steps, gives the same as one that comes at once."""
    data = os.urandom(5000)
    body = json.dumps({"data": base64.b64encode(data).decode(), "text": "data:image/png;base64,AAAA"}).encode()
    left, blobs = lift(body, list(range(0, len(body), size)))
    assert list(blobs.values()) == [data]
    assert b"".join(Upload(left, blobs)) == body


LARGE = os.urandom(300_000)
ENCODED = base64.b64encode(LARGE).decode()


@pytest.mark.parametrize(
    "body",
    [
        f'{{"inlineData": {{"data": "{ENCODED}"}}}}',
        f'{{"content": "words ![image](data:image/png;base64,{ENCODED}) more"}}',
        f'{{"content": "data:image/png;base64,{ENCODED}"}}',
        json.dumps({"data": ENCODED}).replace("/", "\\/").replace("=", "\\u003d").replace("+", "\\u002b"),
        f'{{"data"  :\n "{ENCODED}"}}',
    ],
    ids=["native", "markdown", "uri", "escaped", "spaced"],
)
def test_a_large_value_leaves_a_small_document(body: str) -> None:
    """Of a picture in any of the places where it may stand, nothing is left in the text but a token."""
    left, blobs = lift(body.encode(), list(range(0, len(body), 16 * 1024)))
    assert list(blobs.values()) == [LARGE]
    assert len(left) < 200


@pytest.mark.parametrize(
    "value",
    ["A" * 4095, "see " + "words " * 2000, "https://x/" + "a" * 5000, "-" + ENCODED, "é" * 5000],
    ids=["short", "words", "address", "url-safe", "letters"],
)
def test_what_is_not_base64_stays(value: str) -> None:
    """A value that is short, or is no Base64, is not touched."""
    body = json.dumps({"data": value, "text": "A" * 10_000}, ensure_ascii=False).encode()
    assert lift(body, list(range(0, len(body), 999))) == (body, {})


@pytest.mark.parametrize("end", ["QR==", "QUF=", "QQ=", "Q", "QQ==QQ==", "===", "QQ=A"])
def test_an_odd_end_stays_as_it_is(end: str) -> None:
    """Stray bits, missing padding and what follows it stay in the text, so that the value is what it was."""
    value = base64.b64encode(LARGE).decode() + end
    body = json.dumps({"data": value, "text": f"data:image/png;base64,{value}"}).encode()
    for step in (len(body), 4099):
        left, blobs = lift(body, list(range(0, len(body), step)))
        assert len(left) < 300
        assert blobs.fill(json.loads(left)) == json.loads(body)


def test_a_picture_goes_to_a_file(tmp_path: Path) -> None:
    """Given a folder, a large value goes there as it arrives and takes no memory."""
    size = 6_000_000
    body = b'{"data":"' + base64.b64encode(os.urandom(size)) + b'"}'
    pieces = [body[start : start + 65536] for start in range(0, len(body), 65536)]
    blobs = Blobs()
    lifting = Lifter(blobs, tmp_path)
    tracemalloc.start()
    try:
        for piece in pieces:
            lifting.add(piece)
        lifting.finish()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1_000_000
    (spool,) = blobs.values()
    (file,) = tmp_path.iterdir()
    assert isinstance(spool, Spool)
    assert (spool.path, file.stat().st_size) == (file, size)
    blobs.discard()
    assert not list(tmp_path.iterdir())


def test_a_full_disk_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the disk is full in the middle of a picture, memory takes all of it, and no file stays."""

    class Full(io.FileIO):
        def write(self, data: Any) -> int:
            if self.tell() + len(data) > 100_000:
                raise OSError(errno.ENOSPC, "No space left on device")
            return super().write(bytes(data)[: len(data) // 2 + 1])

    monkeypatch.setattr(io, "FileIO", Full)
    body = f'{{"data":"{ENCODED}"}}'.encode()
    _, blobs = lift(body, list(range(0, len(body), 30_000)), tmp_path)
    assert list(blobs.values()) == [LARGE]
    assert not list(tmp_path.iterdir())


def test_a_deleted_file_can_still_be_read(tmp_path: Path) -> None:
    """A picture that arrived in a folder is not lost when somebody deletes the folder's content."""
    body = f'{{"data":"{ENCODED}"}}'.encode()
    _, blobs = lift(body, [], tmp_path)
    (file,) = tmp_path.iterdir()
    file.unlink()
    (spool,) = blobs.values()
    assert isinstance(spool, Spool)
    assert spool.read() == LARGE
    spool.discard()
