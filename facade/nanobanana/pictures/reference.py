"""ReferenceImage: a picture that the model is given to look at."""

from __future__ import annotations

import inspect
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol, TypeAlias, Union
from urllib.parse import unquote

from attrs import field, frozen
from pybase64 import b64decode, b64encode_as_string

from .._engine.disk import read_regular_file
from ..errors import InvalidRequestError
from .download import download
from .header import dimensions, sniff
from .image import GeneratedImage
from .pixels import as_png, refused, smaller
from .remote import RemoteImage
from .saving import reason

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_REFERENCE_BYTES = 20 * 1024 * 1024
ACCEPTED_TYPES = ("image/png", "image/jpeg", "image/webp", "image/heic", "image/heif")

ReferenceLike: TypeAlias = Union[
    "ReferenceImage",
    GeneratedImage,
    RemoteImage,  # told to be downloaded first
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


_DATA_URL = re.compile(r"data:[^,]*,", re.IGNORECASE)
_URL = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)


def _as_bytes(data: bytes | bytearray | memoryview) -> bytes:
    problem = f"its data is of type {type(data).__name__}"
    if isinstance(data, bytes | bytearray | memoryview):
        try:
            return bytes(data)
        except ValueError as exc:  # a memoryview that was released
            problem = str(exc)
    raise refused(problem, "Give bytes, or anything else to ReferenceImage.of()")


@frozen(repr=False)
class ReferenceImage:
    """A picture that the model is given to look at: its bytes, sent untouched, and the type they show.

    Raises: InvalidRequestError where the bytes are empty, above 20 MB, or not PNG, JPEG, WebP, HEIC or HEIF.
    """

    data: bytes = field(converter=_as_bytes)
    name: str = field(default="", kw_only=True, eq=False)
    mime_type: str = field(init=False, eq=False)

    @mime_type.default
    def _shown_by_the_bytes(self) -> str:
        found = sniff(self.data)
        if not self.data:
            problem = "is empty"
        elif len(self.data) > MAX_REFERENCE_BYTES:
            problem = f"has more than the {MAX_REFERENCE_BYTES} bytes allowed"
        elif found in ACCEPTED_TYPES:
            return found
        else:
            problem = f"is {found or 'no picture of a known type'}"
        raise refused(f"{self.name or 'the reference image'} {problem}")

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
                try:
                    return cls(value.data, name="the generated image")
                except OSError as exc:
                    raise refused(str(exc), "Give a picture that is still there") from None
            case RemoteImage():
                raise refused(f"it lies at {value.url} and was not fetched", "Give what its download() returns")
            case str() if _DATA_URL.match(value):
                return cls(_from_data_url(value), name="the data: URL")
            case str() if _URL.match(value):
                raise refused("it is a URL, and nothing is downloaded unasked", "Use ReferenceImage.from_url(url)")
            case str() | os.PathLike():
                return cls._from_path(value)
            case bytes() | bytearray() | memoryview():
                return cls(value)
        if inspect.isawaitable(value):
            raise _unawaited("it is a coroutine", value)
        if callable(getattr(value, "read", None)):
            return cls._from_file(value)
        if hasattr(value, "__array_interface__"):
            return cls(as_png(value), name="the picture")
        raise refused(
            f"it is of type {type(value).__name__}",
            "Give a path, bytes, an open binary file, a Pillow image, a numpy array, a data: URL or a GeneratedImage",
        )

    @classmethod
    def from_url(cls, url: str, *, max_bytes: int = MAX_REFERENCE_BYTES, timeout: float = 60.0) -> ReferenceImage:
        """Downloads a picture, without the API key, from wherever the address leads, this machine included.

        max_bytes: the size above which it gives up. timeout: seconds for all of it.

        Raises: InvalidRequestError where the address is not http(s) or what lies there is no picture of an accepted
        type; DownloadError where it cannot be had or is larger.
        """
        data = download(url, max_bytes=max_bytes, timeout=timeout, allow_private=True)
        return cls(data, name=f"the picture at {url}")

    def resized(self, max_side: int) -> ReferenceImage:
        """The same picture with its longer side at most `max_side` pixels (extra `pillow`).

        A picture that is small enough is returned as it is. Others are turned upright as their EXIF says and encoded
        anew (LANCZOS): JPEG as JPEG, the rest as PNG, with their alpha channel and colour profile, and 16 bits in
        grey. Of an animation it is the first picture.

        Raises: InvalidRequestError where `max_side` is below 1, Pillow is missing or cannot read the picture.
        """
        if max_side < 1:
            raise InvalidRequestError(f"max_side is {max_side}; it must be at least 1 pixel", param="max_side")
        shape = self.dimensions()
        if shape is not None and max(shape) <= max_side:
            return self
        return ReferenceImage(smaller(self.data, self.mime_type, max_side), name=self.name)

    @classmethod
    def _from_path(cls, path: str | os.PathLike[str]) -> ReferenceImage:
        try:
            place = Path(path)
            data = read_regular_file(place, limit=MAX_REFERENCE_BYTES)
        except (OSError, ValueError, TypeError) as exc:  # a NUL in the name, a name of bytes
            words = f"{str(path)[:200]!r} cannot be read: {reason(exc).lower()}"
            raise refused(words, "Give the path of a picture; Base64 as data:image/png;base64,...") from None
        return cls(data, name=repr(place.name))

    @classmethod
    def _from_file(cls, file: Any) -> ReferenceImage:
        data = bytearray()
        try:
            while len(data) <= MAX_REFERENCE_BYTES:
                piece = file.read(MAX_REFERENCE_BYTES + 1 - len(data))
                if inspect.isawaitable(piece):
                    raise _unawaited("its read() is a coroutine, as that of an upload in a web framework", piece)
                if isinstance(piece, str):
                    raise refused("the file is open for text", "Open it with mode 'rb'")
                if not piece:
                    break
                data += piece
        except InvalidRequestError:
            raise
        except Exception as exc:  # a file object is anybody's, and raises what it likes
            raise refused(f"the file cannot be read: {reason(exc)}", "Give an open binary file, or its bytes") from None
        if not data:
            raise refused("the file is empty, or has been read to its end", "Rewind it with seek(0), or open it again")
        return cls(bytes(data), name=repr(getattr(file, "name", "the file")))

    def dimensions(self) -> tuple[int, int] | None:
        """Width and height in pixels as a viewer shows it, from the header; None where it cannot be read."""
        return dimensions(self.data)

    def to_base64(self) -> str:
        """The bytes in Base64 (RFC 4648, section 4)."""
        return b64encode_as_string(self.data)

    def __repr__(self) -> str:
        return f"<ReferenceImage {self.name} {self.mime_type} {len(self.data)} bytes>"


def _unawaited(message: str, awaitable: Any) -> InvalidRequestError:
    if inspect.iscoroutine(awaitable):
        awaitable.close()  # else Python warns that it never was awaited
    return refused(message, "Await it first, and give the bytes")


def _from_data_url(url: str) -> bytes:
    """The bytes of a `data:` URL (RFC 2397), with white space and percent signs as browsers take them."""
    head, _, body = url.partition(",")
    if not head.lower().rstrip().endswith(";base64"):
        raise refused("the data: URL is not in Base64")
    text = "".join(unquote(body).split())
    if "=" not in text:  # padding can be left away, and cannot be half there
        text += "=" * (-len(text) % 4)
    try:
        return b64decode(text, validate=True)
    except ValueError:
        raise refused("the data: URL holds bad Base64") from None
