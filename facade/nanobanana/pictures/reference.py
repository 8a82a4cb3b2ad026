"""ReferenceImage: a picture that the model is given to look at."""

from __future__ import annotations

import base64
import binascii
import io
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol, TypeAlias, Union

from attrs import field, frozen
from pybase64 import b64encode_as_string

from ..errors import InvalidRequestError
from .header import dimensions, sniff
from .image import GeneratedImage
from .saving import read_regular_file

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_REFERENCE_BYTES = 20 * 1024 * 1024
ACCEPTED_TYPES = ("image/png", "image/jpeg", "image/webp", "image/heic", "image/heif")

ReferenceLike: TypeAlias = Union[
    "ReferenceImage",
    GeneratedImage,
    str,
    os.PathLike[str],
    bytes,
    bytearray,
    memoryview,
    BinaryIO,
    "Image",
    "Array",
]


class Array(Protocol):
    """A numpy array, or anything that shows its memory as one does."""

    @property
    def __array_interface__(self) -> dict[str, Any]: ...


Encode: TypeAlias = Callable[["ReferenceImage"], str]
"""What stands for the bytes of a reference in JSON."""

_DATA_URL = re.compile(r"data:[^,]*,", re.IGNORECASE)
_URL = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)


@frozen(repr=False)
class ReferenceImage:
    """A picture that the model is given to look at: its bytes, sent untouched, and the type they show.

    Raises: InvalidRequestError where the bytes are empty, above 20 MB, or not PNG, JPEG, WebP, HEIC or HEIF.
    """

    data: bytes
    mime_type: str = field(init=False, eq=False)
    name: str = field(default="", kw_only=True, eq=False)

    def __attrs_post_init__(self) -> None:
        if not self.data:
            raise _refuse(f"{self.name or 'the reference image'} is empty")
        if len(self.data) > MAX_REFERENCE_BYTES:
            raise _refuse(f"{self.name or 'the reference image'} has more than the {MAX_REFERENCE_BYTES} bytes allowed")
        found = sniff(self.data)
        if found not in ACCEPTED_TYPES:
            what = found or "no picture of a known type"
            raise _refuse(f"{self.name or 'the reference image'} is {what}")
        object.__setattr__(self, "mime_type", found)

    @classmethod
    def of(cls, value: ReferenceLike) -> ReferenceImage:
        """Takes a picture in any form that people have one in.

        A path (str or path object), bytes, bytearray or memoryview, an open binary file, a Pillow image or a numpy
        array (both sent as PNG), a `data:` URL, a `GeneratedImage`, or a `ReferenceImage`.

        Raises: InvalidRequestError saying what is wrong with it.
        """
        match value:
            case ReferenceImage():
                return value
            case GeneratedImage():
                return cls._from_image(value)
            case str() if _DATA_URL.match(value):
                return cls(_from_data_url(value), name="the data: URL")
            case str() if _URL.match(value):
                raise _refuse("it is a URL, and nothing is downloaded unasked", "Use ReferenceImage.from_url(url)")
            case str() | os.PathLike():
                return cls._from_path(Path(value))
            case bytes() | bytearray() | memoryview():
                return cls(bytes(value))
        if callable(getattr(value, "read", None)):
            return cls._from_file(value)
        if hasattr(value, "__array_interface__"):
            return cls(_as_png(value), name="the picture")
        raise _refuse(
            f"it is of type {type(value).__name__}",
            "Give a path, bytes, an open binary file, a Pillow image, a numpy array, a data: URL or a GeneratedImage",
        )

    @classmethod
    def from_url(cls, url: str, *, max_bytes: int = MAX_REFERENCE_BYTES, timeout: float = 60.0) -> ReferenceImage:
        """Downloads a picture, without the API key.

        max_bytes: the size above which it gives up. timeout: seconds for all of it.

        Raises: InvalidRequestError where the address is not http(s) or what lies there is no picture of an accepted
        type; DownloadError where it cannot be had or is larger.
        """
        from .._call.download import download

        return cls(download(url, max_bytes=max_bytes, timeout=timeout), name=f"the picture at {url}")

    def resized(self, max_side: int) -> ReferenceImage:
        """The same picture with its longer side at most `max_side` pixels (extra `pillow`).

        A picture that is small enough is returned as it is. Others are turned upright as their EXIF says and encoded
        anew: JPEG as JPEG, the rest as PNG, with their alpha channel.

        Raises: InvalidRequestError where `max_side` is below 1, Pillow is missing or cannot read the picture.
        """
        if max_side < 1:
            raise InvalidRequestError(f"max_side is {max_side}; it must be at least 1 pixel", param="max_side")
        shape = self.dimensions()
        if shape is not None and max(shape) <= max_side:
            return self
        try:
            from PIL import Image, ImageOps
        except ImportError:
            raise _refuse("resizing needs Pillow", "pip install 'infinityblue-nanobanana[pillow]'") from None
        try:
            with Image.open(io.BytesIO(self.data)) as opened:
                upright = ImageOps.exif_transpose(opened)
            upright.thumbnail((max_side, max_side))
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as exc:
            raise _refuse(f"{self.name or 'the reference image'} cannot be resized: {exc}") from None
        if self.mime_type != "image/jpeg":
            return ReferenceImage(_as_png(upright), name=self.name)
        buffer = io.BytesIO()
        upright.save(buffer, "JPEG", quality=92)
        return ReferenceImage(buffer.getvalue(), name=self.name)

    @classmethod
    def _from_image(cls, image: GeneratedImage) -> ReferenceImage:
        try:
            return cls(image.data, name="the generated image")
        except OSError as exc:
            raise _refuse(f"the file of the generated image cannot be read: {exc.strerror}") from None

    @classmethod
    def _from_path(cls, path: Path) -> ReferenceImage:
        try:
            data = read_regular_file(path, limit=MAX_REFERENCE_BYTES)
        except (OSError, ValueError) as exc:  # ValueError: a NUL in the name
            reason = (exc.strerror if isinstance(exc, OSError) and exc.strerror else str(exc)).lower()
            raise _refuse(f"{str(path)[:200]!r} cannot be read: {reason}", "Give the path of a picture") from None
        return cls(data, name=repr(path.name))

    @classmethod
    def _from_file(cls, file: Any) -> ReferenceImage:
        try:
            data = b""
            while len(data) <= MAX_REFERENCE_BYTES and (piece := file.read(MAX_REFERENCE_BYTES + 1 - len(data))):
                if not isinstance(piece, bytes):
                    raise _refuse("the file is open for text", "Open it with mode 'rb'")
                data += piece
        except (OSError, ValueError) as exc:
            if isinstance(exc, InvalidRequestError):
                raise
            raise _refuse(f"the file cannot be read: {exc}") from None
        if not data:
            raise _refuse("the file is empty, or has been read to its end", "Rewind it with seek(0), or open it again")
        return cls(data, name=repr(getattr(file, "name", "the file")))

    def dimensions(self) -> tuple[int, int] | None:
        """Width and height in pixels as a viewer shows it, from the header; None where it cannot be read."""
        return dimensions(self.data)

    def to_base64(self) -> str:
        """The bytes in Base64 (RFC 4648, section 4)."""
        return b64encode_as_string(self.data)

    def __repr__(self) -> str:
        return f"<ReferenceImage {self.name} {self.mime_type} {len(self.data)} bytes>"


def _refuse(
    message: str, advice: str = "Give a PNG, JPEG, WebP, HEIC or HEIF picture of at most 20 MB"
) -> InvalidRequestError:
    return InvalidRequestError(message, param="references", advice=advice)


def _from_data_url(url: str) -> bytes:
    head, _, body = url.partition(",")
    if not head.lower().endswith(";base64"):
        raise _refuse("the data: URL is not in Base64")
    try:
        return base64.b64decode(body.strip(), validate=True)
    except (binascii.Error, ValueError):
        raise _refuse("the data: URL holds bad Base64") from None


_PNG_MODES = {"1", "L", "LA", "I;16", "P", "RGB", "RGBA"}
_NEAREST_PNG_MODE = {
    "La": "LA",
    "RGBa": "RGBA",
    "PA": "RGBA",
    **dict.fromkeys(("I", "I;16B", "I;16L", "I;16N"), "I;16"),
}


def _as_png(value: Any) -> bytes:
    """A Pillow image or numpy array as PNG, with its alpha channel."""
    try:
        from PIL import Image
    except ImportError:
        raise _refuse(
            "a Pillow image or numpy array needs Pillow", "pip install 'infinityblue-nanobanana[pillow]'"
        ) from None
    try:
        image = value if isinstance(value, Image.Image) else Image.fromarray(value)
        if image.mode == "F":
            raise _refuse("its pixels are floats", "Scale them to 0..255 and make them whole numbers (uint8)")
        if image.mode not in _PNG_MODES:
            image = image.convert(_NEAREST_PNG_MODE.get(image.mode, "RGB"))
        buffer = io.BytesIO()
        image.save(buffer, "PNG")
    except InvalidRequestError:
        raise
    except (TypeError, ValueError, OSError, KeyError) as exc:
        raise _refuse(f"it cannot be written as PNG: {exc}") from None
    return buffer.getvalue()
