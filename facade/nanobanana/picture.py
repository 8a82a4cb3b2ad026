"""What the bytes of a picture say of themselves: type and dimensions."""

from __future__ import annotations

import io

EXTENSIONS = {
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/webp": ".webp",
    "image/heic": ".heic",
    "image/heif": ".heif",
    "image/avif": ".avif",
    "image/gif": ".gif",
}

_HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"}
_HEIF_BRANDS = {b"mif1", b"mif2", b"msf1"}
_AVIF_BRANDS = {b"avif", b"avis"}


def sniff(data: bytes) -> str | None:
    """The type of a picture by its first bytes, as "image/png"; None where they are those of no known one.

    HEIF names its kin in the brands of its first box (ISO/IEC 23008-12, annex B).
    """
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


def dimensions(data: bytes) -> tuple[int, int] | None:
    """Width and height in pixels as a viewer shows it (EXIF orientation applied); None where unreadable.

    Only the header is read, never the pixels.
    """
    import imagesize  # imports urllib and an XML parser: only for those who ask

    try:
        width, height = imagesize.get(io.BytesIO(data))
    except Exception:
        return None
    return (int(width), int(height)) if width > 0 and height > 0 else None
