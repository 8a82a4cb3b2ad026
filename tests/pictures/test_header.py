"""What the head of a picture says: its type, and its dimensions as a viewer shows it."""

from __future__ import annotations

import io
import random
import struct
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from nanobanana import ImageRequest
from nanobanana.pictures import chunks
from nanobanana.pictures.header import dimensions, sniff
from PIL import Image

FRAMES = [Image.new("RGB", (30, 20), colour) for colour in ("red", "blue")]
ANIMATED = {"save_all": True, "append_images": FRAMES[1:]}
KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "png": ("PNG", {}),
    "animated png": ("PNG", ANIMATED),
    "jpeg": ("JPEG", {}),
    "progressive jpeg": ("JPEG", {"progressive": True}),
    "mpo": ("MPO", ANIMATED),
    "webp": ("WEBP", {}),
    "lossless webp": ("WEBP", {"lossless": True}),
    "animated webp": ("WEBP", ANIMATED),
    "heic": ("AVIF", {}),
}


def _made(kind: str, orientation: int | None) -> bytes:
    """A picture of 30 by 20 as stored. For HEIC, which Pillow does not write, an AVIF whose brands are changed: the boxes
    are the same."""
    image_format, options = KINDS[kind]
    exif = Image.Exif()
    exif[0x0112] = orientation
    buffer = io.BytesIO()
    FRAMES[0].save(buffer, image_format, **options, **({} if orientation is None else {"exif": exif}))
    data = buffer.getvalue()
    if kind == "heic":
        data = data.replace(b"ftypavif", b"ftypheic", 1).replace(b"avifmif1", b"heicmif1", 1)
        assert sniff(data) == "image/heic"
    return data


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("orientation", [None, 1, 2, 3, 4, 5, 6, 7, 8])
def test_dimensions_are_those_a_viewer_shows(kind: str, orientation: int | None) -> None:
    """Whatever the type, a picture that is stored on its side is as tall as it is shown."""
    is_turned = orientation is not None and orientation >= 5
    assert dimensions(_made(kind, orientation)) == ((20, 30) if is_turned else (30, 20))


@pytest.mark.parametrize("kind", KINDS)
def test_the_ratio_is_that_of_what_is_shown(kind: str) -> None:
    """A reference that stands upright when shown asks for an upright picture."""
    assert ImageRequest("Draw", references=[_made(kind, 6)]).aspect_ratio == "3:4"
    assert ImageRequest("Draw", references=[_made(kind, 1)]).aspect_ratio == "4:3"


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">L", len(body)) + name + body + b"\0\0\0\0"


def _box(name: bytes, *bodies: bytes) -> bytes:
    return struct.pack(">L", 8 + sum(map(len, bodies))) + name + b"".join(bodies)


TURNED = struct.pack("<2sHLHHHLHH", b"II", 42, 8, 1, 0x0112, 3, 1, 6, 0)
IHDR = _chunk(b"IHDR", struct.pack(">LLBBBBB", 30, 20, 8, 2, 0, 0, 0))
GRID = _box(b"ispe", struct.pack(">LLL", 0, 4032, 3024))
TILE = _box(b"ispe", struct.pack(">LLL", 0, 512, 512))


def _heic(*, wide: bool) -> bytes:
    """A HEIC as telephones make it: a picture of many tiles, turned by a box of its own."""
    properties = _box(b"ipco", GRID, TILE, _box(b"irot", b"\3"))
    number = ">BH" if wide else ">BB"
    entries = [struct.pack(">HB", 1, 1) + struct.pack(number, 0, 2)[1:]]
    entries.append(
        struct.pack(">HB", 49, 2) + struct.pack(number, 0, 1)[1:] + struct.pack(number, 0, 0x83 + 0x7F80 * wide)[1:]
    )
    associations = _box(b"ipma", struct.pack(">LL", int(wide), 2), *entries)
    head = _box(b"ftyp", b"heic\0\0\0\0mif1heic")
    meta = _box(b"meta", b"\0\0\0\0", _box(b"pitm", struct.pack(">LH", 0, 49)), _box(b"iprp", properties, associations))
    return head + meta + struct.pack(">L", 0) + b"mdat" + b"\0" * 50


BY_HAND = {
    "EXIF behind the pixels of a PNG": b"\x89PNG\r\n\x1a\n" + IHDR + _chunk(b"IDAT", b"") + _chunk(b"eXIf", TURNED) + _chunk(b"IEND", b""),
    "a PNG of an iPhone": b"\x89PNG\r\n\x1a\n" + _chunk(b"CgBI", b"\0\0\0\0") + IHDR + _chunk(b"eXIf", TURNED),
    "EXIF with its name in a WebP": b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\x08\0\0\0\x1d\0\0\x13\0\0" + b"EXIF" + struct.pack("<L", 6 + len(TURNED)) + b"Exif\0\0" + TURNED,
    "bytes that fill in a JPEG": b"\xff\xd8\xff\xff\xe1" + struct.pack(">H", 8 + len(TURNED)) + b"Exif\0\0" + TURNED + b"\xff\xff\xc0\0\x0b\x08\0\x14\0\x1e\1\1\x11\0",
    "tiles of a telephone": _heic(wide=False),
    "tiles of a telephone, wide indices": _heic(wide=True),
}  # fmt: skip


@pytest.mark.parametrize("name", BY_HAND)
def test_heads_that_no_tool_here_writes(name: str) -> None:
    """Files as other programs lay them out are read as well."""
    assert dimensions(BY_HAND[name]) == ((3024, 4032) if "telephone" in name else (20, 30))


def test_scaling_bits_of_webp_are_no_size() -> None:
    """The upper two bits of a WebP's sides only ask for scaling (RFC 6386, section 9.1)."""
    data = _made("webp", None)
    at = data.index(b"\x9d\x01\x2a") + 3
    assert dimensions(data[:at] + struct.pack("<HH", 30 | 0x4000, 20 | 0x8000) + data[at + 4 :]) == (30, 20)


def test_damaged_heads_are_unreadable_and_nothing_worse() -> None:
    """Whatever is changed in a head, there are dimensions or none, never an exception, and never a long wait."""
    pictures = [_made(kind, 6) for kind in KINDS] + list(BY_HAND.values())
    chance = random.Random(7)
    for _ in range(6000):
        data = bytearray(chance.choice(pictures))
        for _ in range(chance.randint(1, 6)):
            at = chance.randrange(4, max(len(data), 5))
            match chance.randrange(3):
                case 0:
                    data[at : at + 1] = bytes([chance.choice([0, 1, 127, 128, 255, chance.randrange(256)])])
                case 1:
                    del data[at:]
                case _:
                    data[at:at] = chance.randbytes(chance.randint(1, 9))
        found = dimensions(bytes(data))
        assert found is None or min(found) > 0


PNG = b"\x89PNG\r\n\x1a\n" + _chunk(b"IDAT", b"") * 40_000
WEBP = b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0" + b"\0" * 10 + b"ABCD\0\0\0\0" * 40_000
HEIC = _box(b"free") * 40_000


@pytest.mark.parametrize(
    "walk",
    [
        lambda: chunks.png_chunks(io.BytesIO(PNG)),
        lambda: chunks.riff_chunks(io.BytesIO(WEBP)),
        lambda: chunks.jpeg_segments(io.BytesIO(b"\xff\xd8" + b"\xff\xfe\0\2" * 40_000)),
        lambda: chunks.boxes(io.BytesIO(HEIC), 0, len(HEIC)),
    ],
)
def test_a_head_without_end_is_left(walk: Callable[[], Iterator[Any]]) -> None:
    """A file of very many tiny pieces is not walked to its end."""
    assert sum(1 for _ in walk()) == 10_000
