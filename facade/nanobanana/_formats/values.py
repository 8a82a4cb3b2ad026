"""From a string of an answer to the picture that it stands for."""

from __future__ import annotations

import re

from pybase64 import b64decode

from .._engine.tokens import Blobs
from ..pictures.header import sniff
from ..pictures.image import GeneratedImage
from ..pictures.remote import Picture, RemoteImage
from .words import readable

DATA_URI = re.compile(r"data:([^;,\s]*+)[^,\s]{0,200}?;base64,\s*+", re.IGNORECASE)
_HTTP_URL = re.compile(r"https?://", re.IGNORECASE)
_SPACE = re.compile(r"\s")
_STANDARD = str.maketrans("-_", "+/")


def picture(value: str, stated_type: str, blobs: Blobs) -> Picture:
    """The picture that a string stands for: the token of a blob, Base64, a `data:` URI of either, or an http(s)
    address, which is not followed.

    Raises: ValueError, in words for people, where the Base64 is bad or empty.
    """
    value = value.strip()
    if _HTTP_URL.match(value):
        return RemoteImage(url=readable(blobs.fill(value)))
    uri = DATA_URI.match(value)
    if uri:
        value, stated_type = value[uri.end() :], stated_type or uri[1]
    data = blobs[value] if value in blobs else decoded(blobs.fill(value))
    if not data:
        raise ValueError("the picture in the answer is empty")
    return GeneratedImage(data, stated_type=stated_type or None)


def decoded(value: str) -> bytes:
    """The bytes of Base64 of either alphabet, without padding (RFC 4648, 3.2 and 5) or broken into lines (RFC 2045,
    6.8). Raises: ValueError where it is none.
    """
    if _SPACE.search(value):
        value = "".join(value.split())
    if "-" in value or "_" in value:
        value = value.translate(_STANDARD)
    if len(value) % 4:
        value += "=" * (-len(value) % 4)
    try:
        return b64decode(value, validate=True)
    except ValueError:
        raise ValueError("the picture in the answer is not valid Base64") from None


def is_broken(value: str) -> bool:
    """Whether a `data:` URI goes over several lines: in the middle of words nobody knows where such a one ends."""
    found = DATA_URI.match(value)
    return found is not None and _SPACE.search(value.strip(), found.end()) is not None


def is_known(image: Picture) -> bool:
    """Whether it is a picture by its first bytes, as far as they are here."""
    return isinstance(image, RemoteImage) or sniff(image.content) is not None
