"""Lifter: takes the large Base64 values out of JSON while it arrives, and decodes them on the way."""

from __future__ import annotations

import binascii
import re
from pathlib import Path

from pybase64 import b64decode, b64encode

from .content import Content
from .spool import Spool
from .tokens import Blobs

_MOST_ROOM = 32 * 1024 * 1024  # bytes of memory taken on the word of a header; a picture of 4K has up to 25 MB
_MOST_OPEN = 8  # files; a descriptor keeps one from being lost with its folder, but there are not many of those
_LONG = 4096  # characters from which on a value is worth lifting


def _doors(least: int) -> re.Pattern[bytes]:
    """What stands before Base64: the value of a key "data", or a data: URI; where so many characters of it follow, or
    the data ends before it can be told. Inside a JSON string each quote is escaped, so wherever the first of them
    matches in a valid document, a string begins behind it."""
    return re.compile(
        rb'(?:"data"[ \t\r\n]{0,64}:[ \t\r\n]{0,64}"|;base64,)(?=[A-Za-z0-9+/\\]{%d}|[A-Za-z0-9+/\\]{0,%d}\Z)'
        % (least, least)
    )


_DOOR = _doors(64)
_LONGEST_DOOR = 136
# Base64 as a JSON string may hold it: / may be escaped, and some writers escape + and = as well.
_RUN = re.compile(rb"(?:[A-Za-z0-9+/]++|\\/|\\u002[bBfF])*+(?:=|\\u003[dD]){0,2}")
_ESCAPE = re.compile(rb"\\u00(2[bBfF]|3[dD])")
_HALF_ESCAPE = re.compile(rb"\\(?:u(?:0(?:0(?:[23])?)?)?)?")


class Lifter:
    """Takes JSON piece by piece, and keeps it in `text`, with the token of a blob in the place of each long value.

    What is lifted is whole groups of four characters whose bytes give the same characters again. Everything else stays
    in the text: a short value, a bad character and what follows it, a last group that is cut or has stray bits. So the
    text, with the Base64 put back, is the document that came, but for needless escapes; and whatever is wrong with a
    value is there for those who read it.

    Whatever comes, each byte is looked at a few times at most.

    folder: where the blobs go, into a file each; without one they stay in memory. expected: the length of the JSON, as
    far as it is known beforehand.
    """

    def __init__(self, blobs: Blobs, folder: Path | None = None, expected: int = 0) -> None:
        self.text = bytearray()
        self._blobs = blobs
        self._folder = folder
        self._left = expected  # bytes that are still to come
        self._held = b""  # what came last and cannot be judged yet
        self._is_inside = False  # behind a door, where Base64 may stand
        self._spool: Spool | None = None  # where it goes, once there is enough of it
        self._open: list[Spool] = []  # finished, with a descriptor each
        self._looked = 0  # how far the present piece is known to be nothing but Base64, or not to be

    def add(self, piece: bytes | memoryview) -> None:
        """Takes the next piece. It is not kept."""
        self._left -= len(piece)
        if self._spool is None or not self._pour(piece):
            self._take(self._held + piece if self._held else bytes(piece), is_last=False)

    def finish(self) -> None:
        """Takes the end of the body, wherever it came."""
        self._take(self._held, is_last=True)

    def _pour(self, piece: bytes | memoryview) -> bool:
        """Takes a piece from the middle of a value, without a copy, and says whether it was one."""
        view = memoryview(piece)
        start = -len(self._held) % 4
        end = start + (len(view) - start) // 4 * 4 - 4  # the last group may be followed by padding
        if end - start < _LONG or view[end - 1] == ord("="):
            return False
        try:
            head = b64decode(self._held + view[:start], validate=True)
            decoded = b64decode(view[start:end], validate=True)
        except binascii.Error:  # it ends here, or there is an escape
            return False
        self._put(head)
        self._put(decoded)
        self._held = bytes(view[end:])
        return True

    def _take(self, data: bytes, *, is_last: bool) -> None:
        at = self._looked = 0
        while True:
            if self._is_inside:
                at = self._follow(data, at, is_last=is_last)
                if self._is_inside:
                    return
            door = _DOOR.search(data, at)
            if door is None:
                end = len(data) if is_last else max(at, len(data) - _LONGEST_DOOR)
                self.text += data[at:end]
                self._held = data[end:]
                return
            self.text += data[at : door.end()]
            at, self._is_inside = door.end(), True

    def _follow(self, data: bytes, at: int, *, is_last: bool) -> int:
        """Goes on with what stands behind a door, as far as it is Base64, and returns where that ends."""
        at = self._gulp(data, at)
        run = _RUN.match(data, at)
        end = run.end() if run else at
        characters = _unescaped(data[at:end])
        whole = len(characters) & ~3
        if not is_last and (end == len(data) or _HALF_ESCAPE.fullmatch(data, end)):
            whole = max(0, whole - 4)  # the last group may be followed by padding
            if self._spool is None and whole < _LONG:
                whole = 0
            self._write(characters[:whole])
            self._held = characters[whole:] + data[end:]
            return end
        self._is_inside = False
        if self._spool is None and whole < _LONG:
            self.text += data[at:end]
            return end
        if not _is_canonical(characters[whole - 4 : whole]):
            whole -= 4
        self._left, left = 0, self._left  # it ends here, and needs no more room
        self._write(characters[:whole])
        self._left = left
        if self._spool is not None:
            self.text += self._blobs.add(self._finished(self._spool)).encode() + characters[whole:]
            self._spool = None
        return end

    def _gulp(self, data: bytes, at: int) -> int:
        """Takes most of a piece in one go, where it is nothing but Base64; returns where that ended."""
        if at < self._looked:
            return at
        quote = data.find(b'"', at)
        self._looked = len(data) if quote < 0 else quote
        whole = (self._looked - at) // 4 * 4 - 4
        if whole < _LONG or data[at + whole - 1] == ord("="):
            return at
        try:
            decoded = b64decode(memoryview(data)[at : at + whole], validate=True)
        except binascii.Error:  # an escape, a line break, or the bracket behind a picture in Markdown
            return at
        self._put(decoded)
        return at + whole

    def _write(self, characters: bytes) -> None:
        if characters:
            self._put(b64decode(characters, validate=True))

    def _put(self, decoded: bytes) -> None:
        if self._spool is None:
            self._spool = Spool(self._folder, min(max(0, self._left) // 4 * 3 + len(decoded), _MOST_ROOM))
        self._spool.write(decoded)

    def _finished(self, spool: Spool) -> Content:
        content = spool.finish()
        if isinstance(content, Spool):
            self._open.append(content)
            if len(self._open) > _MOST_OPEN:
                self._open.pop(0).close()
        return content


def _unescaped(characters: bytes) -> bytes:
    if b"\\" not in characters:
        return characters
    return _ESCAPE.sub(lambda found: bytes.fromhex(found[1].decode()), characters.replace(b"\\/", b"/"))


def _is_canonical(group: bytes) -> bool:
    """Whether a last group of four characters is the one that its bytes are encoded as."""
    return b"=" not in group or b64encode(b64decode(group, validate=True)) == group
