"""The pictures that are sent and answered: headers of a PNG, random bytes, and a digest of themselves."""

from __future__ import annotations

import hashlib
import os
import struct
import zlib

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def picture(size: int) -> bytes:
    """A PNG as far as its headers go, with random bytes for its pixels and the SHA-256 of all before for its end."""
    header = b"IHDR" + struct.pack(">IIBBBBB", 1024, 1024, 8, 2, 0, 0, 0)
    head = SIGNATURE + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    head += struct.pack(">I", size - len(head) - 8) + b"IDAT"
    content = head + os.urandom(size - len(head) - 32)
    return content + hashlib.sha256(content).digest()


def is_whole(content: bytes, size: int) -> bool:
    """Whether these bytes are a `picture` of this size."""
    digest = hashlib.sha256(memoryview(content)[:-32]).digest()
    return len(content) == size and content[:8] == SIGNATURE and content[-32:] == digest
