"""Content: a large byte string, in memory or in a file, and what can be asked of either."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import BinaryIO, TypeAlias

from .spool import Spool

Content: TypeAlias = bytes | Path | Spool
"""The bytes themselves, or the file that holds them."""


def opened(content: Content) -> BinaryIO:
    """The content as an open binary file. Raises: OSError where its file is gone."""
    match content:
        case Path():
            return content.open("rb")
        case Spool():
            return content.opened()
        case bytes():
            return io.BytesIO(content)


def read(content: Content) -> bytes:
    """The whole content. Raises: OSError where its file is gone."""
    if isinstance(content, bytes):
        return content
    with opened(content) as file:
        return file.read()


def size(content: Content) -> int:
    """The number of bytes. Raises: OSError where its file is gone."""
    if isinstance(content, Path):
        return content.stat().st_size
    return content.size if isinstance(content, Spool) else len(content)


def digest(content: Content) -> str:
    """The SHA-256 of the content in hexadecimal. Raises: OSError where its file is gone."""
    with opened(content) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
