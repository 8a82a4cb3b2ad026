"""The content of a picture, in memory or in a file, and what it says of itself: type and dimensions."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from typing import BinaryIO, Literal, TypeAlias

from .._engine.content import Content, opened
from .chunks import boxes, jpeg_segments, png_chunks, riff_chunks

EXTENSIONS = {
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/webp": ".webp",
    "image/heic": ".heic",
    "image/heif": ".heif",
    "image/avif": ".avif",
    "image/gif": ".gif",
}

_HEAD = 512  # bytes in which the type shows
_HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"}
_HEIF_BRANDS = {b"mif1", b"mif2", b"msf1"}
_AVIF_BRANDS = {b"avif", b"avis"}


def sniff(content: Content) -> str | None:
    """The type of a picture by its first bytes, as "image/png"; None where they are those of no known one.

    HEIF names its kin in the brands of its first box (ISO/IEC 23008-12, annex B).
    """
    with opened(content) as file:
        data = file.read(_HEAD)
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if data[4:8] == b"ftyp":
        box = data[8 : min(int.from_bytes(data[:4], "big"), 256)]
        major, brands = box[:4], {box[at : at + 4] for at in range(8, len(box), 4)} | {box[:4]}
        if major in _AVIF_BRANDS or (brands & _AVIF_BRANDS and not brands & _HEIC_BRANDS):
            return "image/avif"
        if major in _HEIC_BRANDS:
            return "image/heic"
        if brands & (_HEIC_BRANDS | _HEIF_BRANDS):
            return "image/heif"
    return None


def dimensions(content: Content) -> tuple[int, int] | None:
    """Width and height in pixels as a viewer shows it: turned as EXIF or HEIF says. None where unreadable.

    Only headers are read, never pixels.

    Raises: OSError where the file cannot be opened.
    """
    kind = sniff(content)
    if kind is None:
        return None
    reader = _READERS.get(kind, _heif)
    with opened(content) as file:
        width, height, is_turned = reader(file)
    if width <= 0 or height <= 0:
        return None
    return (height, width) if is_turned else (width, height)


Shape: TypeAlias = tuple[int, int, bool]
"""Width and height as stored, and whether a viewer shows the picture turned by a quarter; 0, 0 where unreadable."""


def _png(file: BinaryIO) -> Shape:
    width, height, is_turned = 0, 0, False
    for name, length in png_chunks(file):
        if name == b"IHDR":
            body = file.read(8)
            width, height = int.from_bytes(body[:4], "big"), int.from_bytes(body[4:], "big")
        elif name == b"eXIf":  # before or behind the pixels
            is_turned = _is_turned(file.read(min(length, _LONGEST)))
    return width, height, is_turned


def _jpeg(file: BinaryIO) -> Shape:
    is_turned = False
    for marker, length in jpeg_segments(file):
        if marker == 0xE1 and length > 6 and file.read(6) == b"Exif\0\0":
            is_turned = _is_turned(file.read(length - 6))
        elif 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):  # the header of a frame: ITU-T T.81, B.2.2
            body = file.read(5)
            return int.from_bytes(body[3:], "big"), int.from_bytes(body[1:3], "big"), is_turned
    return 0, 0, False


def _webp(file: BinaryIO) -> Shape:
    """RFC 9649, section 2."""
    width, height, is_turned = 0, 0, False
    for number, (name, length) in enumerate(riff_chunks(file)):
        if number == 0:
            body = file.read(10)
            if name == b"VP8X":
                width, height = 1 + int.from_bytes(body[4:7], "little"), 1 + int.from_bytes(body[7:], "little")
                continue
            if name == b"VP8 " and body[3:6] == b"\x9d\x01\x2a":
                width, height = (int.from_bytes(side, "little") & 0x3FFF for side in (body[6:8], body[8:]))
            elif name == b"VP8L" and body[:1] == b"\x2f":
                sides = int.from_bytes(body[1:5], "little")
                width, height = 1 + (sides & 0x3FFF), 1 + (sides >> 14 & 0x3FFF)
            break  # what comes behind them counts in a file that begins with VP8X
        if name == b"EXIF":
            is_turned = _is_turned(file.read(min(length, _LONGEST)))
    return width, height, is_turned


def _gif(file: BinaryIO) -> Shape:
    head = file.read(10)
    return int.from_bytes(head[6:8], "little"), int.from_bytes(head[8:], "little"), False


def _heif(file: BinaryIO) -> Shape:
    """By the properties of the primary item (ISO/IEC 23008-12, 6.5.3 and 6.5.10); EXIF turns nothing there."""
    end = file.seek(0, os.SEEK_END)
    for name, start, stop in boxes(file, 0, end):
        if name == b"meta":
            return _primary_item(file, start + 4, stop)
    return 0, 0, False


def _primary_item(file: BinaryIO, start: int, end: int) -> Shape:
    primary, properties, associated = 0, list[tuple[bytes, bytes]](), list[bytes]()
    for name, body, stop in boxes(file, start, end):
        if name == b"pitm":
            primary = int.from_bytes(file.read(min(stop - body, 8))[4:], "big")
        elif name == b"iprp":
            for kind, inner, last in boxes(file, body, stop):
                if kind == b"ipco":
                    properties = [(each, file.read(min(to - at, 12))) for each, at, to in boxes(file, inner, last)]
                elif kind == b"ipma":
                    associated.append(file.read(min(last - inner, _LONGEST)))
    shape, is_turned = b"", False
    for number in (number for entries in associated for number in _indices(entries, primary)):
        kind, value = properties[number - 1] if 0 < number <= len(properties) else (b"", b"")
        if kind == b"ispe":
            shape = value
        elif kind == b"irot":
            is_turned = value[:1] in (b"\1", b"\3")
    return int.from_bytes(shape[4:8], "big"), int.from_bytes(shape[8:12], "big"), is_turned


def _indices(associated: bytes, item: int) -> list[int]:
    """Which properties an item has, counted from 1 (ISO/IEC 23008-12, 9.3.1)."""
    body = io.BytesIO(associated)

    def number(length: int) -> int:
        return int.from_bytes(body.read(length), "big")

    name_length = 4 if number(1) else 2
    is_wide = number(3) & 1
    for _ in range(min(number(4), len(associated))):
        name, count = number(name_length), number(1)
        indices = [number(2) & 0x7FFF if is_wide else number(1) & 0x7F for _ in range(count)]
        if name == item:
            return indices
    return []


_LONGEST = 64 * 1024  # bytes of EXIF that are looked at: the orientation stands in front


def _is_turned(exif: bytes) -> bool:
    """Whether EXIF turns the picture by a quarter (orientation 5 to 8; TIFF 6.0, section 2, and EXIF 2.32, 4.6.4)."""
    exif = exif.removeprefix(b"Exif\0\0")
    order: Literal["little", "big"] = "little" if exif[:2] == b"II" else "big"

    def number(at: int, size: int) -> int:
        return int.from_bytes(exif[at : at + size], order)

    start = number(4, 4)
    for at in range(start + 2, min(start + 2 + 12 * number(start, 2), len(exif)), 12):
        if number(at, 2) == 0x0112:
            return 5 <= number(at + 8, 2) <= 8
    return False


_READERS: dict[str, Callable[[BinaryIO], Shape]] = {
    "image/png": _png,
    "image/jpeg": _jpeg,
    "image/webp": _webp,
    "image/gif": _gif,
}
