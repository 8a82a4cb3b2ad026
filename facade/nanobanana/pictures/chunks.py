"""The pieces that the files of pictures are made of: chunks, segments, boxes. Only their heads are read.

However a file was made, the walk through it ends after a few thousand pieces.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

_MOST = 10_000  # pieces; a PNG of 25 MB has 3,000 of them, as libpng writes 8 KB a chunk


def png_chunks(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """The name and length of each chunk of a PNG, while the file stands at its body (PNG specification, 5.3)."""
    at = 8
    for _ in range(_MOST):
        file.seek(at)
        head = file.read(8)
        if len(head) < 8:
            return
        length = int.from_bytes(head[:4], "big")
        yield head[4:], length
        at += 12 + length


def riff_chunks(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """The name and length of each chunk of a WebP, while the file stands at its body (RFC 9649, section 2.3)."""
    at = 12
    for _ in range(_MOST):
        file.seek(at)
        head = file.read(8)
        if len(head) < 8:
            return
        length = int.from_bytes(head[4:], "little")
        yield head[:4], length
        at += 8 + length + length % 2


def jpeg_segments(file: BinaryIO) -> Iterator[tuple[int, int]]:
    """The marker and length of each segment before the pixels of a JPEG, while the file stands at its body (ITU-T T.81,
    B.1.1)."""
    at = 2
    for _ in range(_MOST):
        file.seek(at)
        head = file.read(4)
        if len(head) < 4 or head[0] != 0xFF or head[1] in (0xD9, 0xDA):
            return
        if head[1] == 0xFF:  # a byte that fills
            at += 1
            continue
        length = max(int.from_bytes(head[2:], "big"), 2)
        yield head[1], length - 2
        at += 2 + length


def boxes(file: BinaryIO, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """The name of each box of a HEIF between two places, and where its body begins and ends, while the file stands at
    its body (ISO/IEC 14496-12, 4.2)."""
    for _ in range(_MOST):
        file.seek(start)
        head = file.read(16)
        if start + 8 > end or len(head) < 8:
            return
        length, body = int.from_bytes(head[:4], "big"), start + 8
        if length == 1:
            length, body = int.from_bytes(head[8:], "big"), start + 16
        following = start + length if length else end  # 0: up to the end
        if not body <= following <= end:
            return
        file.seek(body)
        yield head[4:8], body, following
        start = following
