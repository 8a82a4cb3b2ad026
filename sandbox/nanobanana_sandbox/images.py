"""Images: the sandbox's own judgement of the pictures that a request holds."""

from __future__ import annotations

import base64
import binascii
import io
from functools import lru_cache

from PIL import Image, ImageFile, ImageOps, JpegImagePlugin, PngImagePlugin, WebPImagePlugin

from .contract import document
from .violation import refuse

MAX_BYTES = 20 * 1024 * 1024
"""The largest reference image, as the gateway documents it."""

_URL_SAFE = str.maketrans("-_", "+/")
_BEGINNINGS = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    # Not taken, but known by name, for the message.
    (b"GIF8", "image/gif"),
    (b"BM", "image/bmp"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"%PDF-", "application/pdf"),
)
_READERS: dict[str, type[ImageFile.ImageFile]] = {
    "image/png": PngImagePlugin.PngImageFile,
    "image/jpeg": JpegImagePlugin.JpegImageFile,
    "image/webp": WebPImagePlugin.WebPImageFile,
}
_MOST_PIXELS = 100_000_000
_HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"}
_HEIF_BRANDS = {b"mif1", b"mif2", b"msf1"}


@lru_cache
def accepted() -> tuple[str, ...]:
    """The types that a reference image may have: those the contract names."""
    named: list[str] = document()["components"]["schemas"]["InlineData"]["properties"]["mimeType"]["examples"]
    return tuple(named)


def decoded(text: object, where: str) -> bytes:
    """The bytes behind Base64 in either alphabet: JSON of protocol buffers may use the URL-safe one.

    Raises: RefusedError where it is none.
    """
    if not isinstance(text, str) or not text:
        raise refuse("invalid_image", f"{where} holds no image", where)
    if text.lstrip()[:5].lower() == "data:":
        begin = text.lstrip()[:60].partition(",")[0]
        raise refuse(
            "invalid_image", f"{where} begins with {begin!r}; leave that prefix out, send the Base64 alone", where
        )
    try:
        return base64.b64decode(standard(text), validate=True)
    except (binascii.Error, ValueError):
        raise refuse("invalid_image", f"The image is not valid Base64, at {where}", where) from None


def standard(text: object) -> str:
    """Base64 in the standard alphabet."""
    return str(text).translate(_URL_SAFE)


def reference(data: bytes, stated: str, where: str) -> bytes:
    """The bytes of a reference image.

    Raises: RefusedError where they are no picture that the endpoint takes, or of another type than stated.
    """
    found = picture(data, where)
    if stated.strip().lower() != found:
        raise refuse("invalid_image", f"The image is {found}, not {stated}, as its type says, at {where}", where)
    if len(data) > MAX_BYTES:
        raise refuse("invalid_image", f"The image is larger than 20 MB, at {where}", where)
    return data


def picture(data: bytes, where: str) -> str:
    """The type of a picture that can be read.

    Raises: RefusedError where it cannot.
    """
    found = _type(data)
    if found not in accepted():
        kinds = ", ".join(kind.removeprefix("image/").upper() for kind in accepted())
        what = found or f"no picture (it begins with {data[:8].hex(' ') or 'nothing'})"
        raise refuse("invalid_image", f"The image is {what}; it must be one of {kinds}, at {where}", where)
    if not found.startswith("image/hei") and thumbnail(data, 8) is None:
        raise refuse("invalid_image", f"The image is damaged, or has more than 100 megapixels, at {where}", where)
    return found


def thumbnail(data: bytes, side: int) -> Image.Image | None:
    """The picture, small and upright; None where Pillow cannot read it, or it has more than 100 megapixels."""
    reader = _READERS.get(_type(data) or "")
    if reader is None:
        return None
    try:
        # Not Image.open, which warns on the terminal of large pictures that anybody may send.
        with reader(io.BytesIO(data)) as opened:
            if opened.width * opened.height > _MOST_PIXELS:
                return None
            opened.draft("RGB", (side, side))
            image = ImageOps.exif_transpose(opened)
            image.thumbnail((side, side))
            return image.convert("RGBA")
    except Exception:  # a decoder given bytes from anywhere raises what it likes
        return None


def _type(data: bytes) -> str | None:
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return _heif_type(data) or next((kind for begin, kind in _BEGINNINGS if data.startswith(begin)), None)


def _heif_type(data: bytes) -> str | None:
    """HEIF names its kin in the brands of its first box (ISO/IEC 23008-12, annex B); Pillow does not read it."""
    if data[4:8] != b"ftyp":
        return None
    box = data[8 : min(int.from_bytes(data[:4], "big"), 256)]
    brands = [box[:4], *(box[at : at + 4] for at in range(8, len(box), 4))]
    if brands[0] in (b"avif", b"avis"):
        return "image/avif"
    if any(brand in _HEIC_BRANDS for brand in brands):
        return "image/heic"
    return "image/heif" if any(brand in _HEIF_BRANDS for brand in brands) else None
