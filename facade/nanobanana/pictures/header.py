"""The content of a picture, in memory or in a file, and what it says of itself: type and dimensions."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import BinaryIO, TypeAlias

from .._engine.spool import Spool

Content: TypeAlias = bytes | Path | Spool
"""The bytes of a picture, or the file that holds them."""

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


def opened(content: Content) -> BinaryIO:
    """The content as an open binary file."""
    match content:
        case Path():
            return content.open("rb")
        case Spool():
            return content.opened()
        case bytes():
            return io.BytesIO(content)


def read(content: Content) -> bytes:
    """The whole content."""
    if isinstance(content, bytes):
        return content
    with opened(content) as file:
        return file.read()


def size(content: Content) -> int:
    """The number of bytes."""
    if isinstance(content, Path):
        return content.stat().st_size
    return content.size if isinstance(content, Spool) else len(content)


def digest(content: Content) -> str:
    """The SHA-256 of the content in hexadecimal."""
    with opened(content) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]


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
    """Width and height in pixels as a viewer shows it (EXIF orientation applied); None where unreadable.

    Only the header is read, never the pixels.
    """
    import imagesize  # imports urllib and an XML parser: only for those who ask

    try:
        with opened(content) as file:
            width, height = imagesize.get(file)
    except Exception:
        return None
    return (int(width), int(height)) if width > 0 and height > 0 else None
