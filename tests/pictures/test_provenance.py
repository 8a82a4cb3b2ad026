"""Records in the files of pictures: what is read back, whatever else is in a file."""

from __future__ import annotations

import json
import random
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from nanobanana import GeneratedImage
from nanobanana.pictures.provenance import Record, embed, extract

from .test_header import _chunk

RECORD = Record("Draw a café 漢 \ud83d", "nanobanana_pro", "req_1")
TEXT = json.dumps({"nanobanana": {"prompt": "Draw", "model": "m", "request_id": None}}).encode()


@pytest.mark.parametrize("image_format", ["PNG", "JPEG"])
def test_half_a_character_is_kept(picture: Callable[..., bytes], image_format: str) -> None:
    """A prompt that ends in half a surrogate pair is kept as it is."""
    image = GeneratedImage(picture(image_format))
    assert extract(embed(image.data, image.mime_type, RECORD)) == RECORD


def test_words_of_a_server_are_cut(picture: Callable[..., bytes]) -> None:
    """A request id of any length fits in, cut."""
    found = extract(embed(picture(), "image/png", Record("Draw", "m" * 99_000, "r" * 99_000)))
    assert found is not None
    assert (found.prompt, len(found.model), len(found.request_id or "")) == ("Draw", 500, 500)


def test_a_damaged_header_takes_no_record() -> None:
    """A PNG without its header is refused, as nothing could be read back."""
    with pytest.raises(ValueError, match="damaged"):
        embed(b"\x89PNG\r\n\x1a\n" + bytes(40), "image/png", RECORD)


@pytest.mark.parametrize("chunk", [
    (b"iTXt", b"Comment\0\0\0en\0Kommentar\0" + TEXT), (b"iTXt", b"Comment\0\1\0\0\0" + zlib.compress(TEXT)),
    (b"tEXt", b"comment\0" + TEXT), (b"zTXt", b"Comment\0\0" + zlib.compress(TEXT)),
])  # fmt: skip
def test_comments_as_other_programs_write_them_anew(picture: Callable[..., bytes], chunk: tuple[bytes, bytes]) -> None:
    """A record survives a program that writes the comment of a PNG in another of its forms."""
    data = picture()
    assert extract(data[:33] + _chunk(*chunk) + data[33:]) == Record("Draw", "m", None)


def _commented(text: bytes) -> bytes:
    return b"\xff\xd8\xff\xfe" + struct.pack(">H", len(text) + 2) + text + b"\xff\xd9"


HOSTILE = {
    "deep": b'{"nanobanana":' + b"[" * 60_000,
    "deep objects": b'{"nanobanana":' * 4_000,
    "list": b'["nanobanana"]',
    "numbers": b'{"nanobanana": {"prompt": 1, "model": [], "request_id": {}}}',
    "null": b'{"nanobanana": null}',
    "digits": b'{"nanobanana": ' + b"9" * 60_000 + b"}",
    "no text": b'\xff\xfe"nanobanana"',
    "nothing": b"",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_comments_are_no_record(name: str) -> None:
    """Whatever a comment holds, it is a record or none."""
    assert extract(_commented(HOSTILE[name])) is None
    assert extract(b"\x89PNG\r\n\x1a\n" + _chunk(b"iTXt", b"Comment\0\0\0\0\0" + HOSTILE[name])) is None


def test_a_compressed_comment_is_not_blown_up(picture: Callable[..., bytes]) -> None:
    """Of a comment that inflates to very much, only as much is inflated as a record can have."""
    bomb = zlib.compress(b'{"nanobanana": "' + b"x" * 50_000_000)
    data = picture()
    assert extract(data[:33] + _chunk(b"zTXt", b"Comment\0\0" + bomb) + data[33:]) is None
    assert extract(data[:33] + _chunk(b"zTXt", b"Comment\0\0not compressed") + data[33:]) is None


@pytest.mark.parametrize("image_format", ["PNG", "JPEG"])
def test_damaged_files_hold_a_record_or_none(picture: Callable[..., bytes], image_format: str) -> None:
    """Whatever is changed in a file, there is a record or none, and no exception."""
    image = GeneratedImage(picture(image_format))
    whole = embed(image.data, image.mime_type, RECORD)
    chance = random.Random(5)
    for _ in range(3000):
        data = bytearray(whole)
        for _ in range(chance.randint(1, 5)):
            at = chance.randrange(2, max(len(data), 3))
            if chance.random() < 0.8:
                data[at : at + 1] = bytes([chance.choice([0, 255, chance.randrange(256)])])
            else:
                del data[at : at + chance.randint(1, 400)]
        found = extract(bytes(data))
        assert found is None or isinstance(found.prompt, str)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """A file that cannot be read is an OSError; other types than PNG and JPEG have no record."""
    with pytest.raises(OSError, match="nosuch"):
        extract(tmp_path / "nosuch.png")
    assert extract(b"RIFF\0\0\0\0WEBPVP8 ") is None
    assert extract(b"") is None
