"""Tokens: a document with blobs beside it says what it said before."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nanobanana._engine.content import digest, opened, read, size
from nanobanana._engine.tokens import Blobs, Lifted
from nanobanana._engine.upload import AsyncUpload, Upload

DATA = os.urandom(5000)
ENCODED = base64.b64encode(DATA).decode()


def test_filling_puts_every_blob_back() -> None:
    """Tokens are filled wherever they stand, in keys as well, as often as it is asked for; what is given stays as it was."""
    blobs = Blobs()
    one, two = blobs.add(DATA), blobs.add(b"x")
    document = {"a": [one, {"b": f"![i](data:image/png;base64,{two})"}], two: 1, "none": "nanobananaBlob" + "0" * 32}
    before = json.dumps(document)
    for _ in range(2):
        assert blobs.fill(document) == {
            "a": [ENCODED, {"b": "![i](data:image/png;base64,eA==)"}],
            "eA==": 1,
            "none": "nanobananaBlob" + "0" * 32,
        }
    assert json.dumps(document) == before
    assert Blobs().fill(document) is document


def test_filling_knows_no_depth() -> None:
    """A document deeper than Python's stack is filled."""
    blobs = Blobs()
    document: object = blobs.add(DATA)
    for _ in range(100_000):
        document = [document]
    filled = blobs.fill(document)
    while isinstance(filled, list):
        (filled,) = filled
    assert filled == ENCODED


def test_a_token_in_what_came_is_nothing_special() -> None:
    """A server that writes what looks like a token gets it back as it is, whoever's it is."""
    theirs = "nanobananaBlob" + "a" * 32
    lifted = Lifted(json.dumps({"text": theirs}).encode(), Blobs())
    lifted.blobs.add(DATA)
    assert lifted.document() == {"text": theirs}
    assert lifted.whole() == lifted.text


def test_the_whole_and_the_document() -> None:
    """A lifted text gives the bytes that came, and their document."""
    blobs = Blobs()
    lifted = Lifted(b'\xef\xbb\xbf{"data": "%s"}' % blobs.add(DATA).encode(), blobs)
    assert lifted.whole() == b'\xef\xbb\xbf{"data": "%s"}' % ENCODED.encode()
    assert lifted.document() == {"data": ENCODED}


@pytest.mark.parametrize(
    ("text", "document"),
    [
        (b'"\\ud83d"', "\ud83d"),
        (b"[1e400, -1e999, 1.5]", ["1e400", "-1e999", 1.5]),
        (b"[%s, 7]" % (b"9" * 5000), ["9" * 5000, 7]),
        (b"null", None),
    ],
)
def test_what_python_cannot_hold_stays_as_it_is(text: bytes, document: object) -> None:
    """Half surrogate pairs are kept, and a number that no float or int holds stays as its text."""
    assert Lifted(text, Blobs()).document() == document


@pytest.mark.parametrize("text", [b"", b"NaN", b'{"a": -Infinity}', b"{", b"\xff", b'"\x00"', b"[1]]"])
def test_what_is_no_json(text: bytes) -> None:
    """What is no JSON is a ValueError."""
    with pytest.raises(ValueError):
        Lifted(text, Blobs()).document()


@given(st.lists(st.binary(max_size=200), max_size=5), st.lists(st.text(max_size=20), max_size=5))
def test_uploads_are_the_document(contents: list[bytes], words: list[str]) -> None:
    """Whatever is uploaded has the length it says, is the same each time, and is the filled document."""
    blobs = Blobs()
    document = {"blobs": [blobs.add(content) for content in contents], "words": words}
    upload = Upload(json.dumps(document).encode(), blobs)
    body = b"".join(upload)
    assert len(upload) == len(body)
    assert b"".join(upload) == body
    assert json.loads(body) == blobs.fill(document)


def test_uploads_leave_in_small_pieces() -> None:
    """A large blob is encoded piece by piece, and nothing large is made of it."""
    blobs = Blobs()
    upload = Upload(json.dumps([blobs.add(bytes(3_000_000))]).encode(), blobs)
    assert max(map(len, upload)) <= 128 * 1024
    assert not hasattr(AsyncUpload(upload), "__iter__")


def test_content_in_memory_and_in_files(tmp_path: Path) -> None:
    """Bytes and files answer the same questions the same way."""
    path = tmp_path / "x"
    path.write_bytes(DATA)
    assert size(DATA) == size(path) == len(DATA)
    assert read(DATA) == read(path) == DATA
    assert digest(DATA) == digest(path)
    with opened(path) as one, opened(DATA) as two:
        assert one.read(10) == two.read(10)
