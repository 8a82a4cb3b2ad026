"""Record: how a picture was made, kept inside its file without touching its pixels."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from attrs import field, frozen
from attrs.validators import instance_of, optional

from .._engine.content import Content, opened
from .chunks import jpeg_segments, png_chunks
from .header import sniff

_LONGEST = 65533  # bytes that a comment of a JPEG can hold, and a record has
_LONGEST_NAME = 500  # characters of a model's name or a request id, which are a server's words


@frozen
class Record:
    """How a picture was made."""

    prompt: str = field(validator=instance_of(str))
    model: str = field(validator=instance_of(str))
    request_id: str | None = field(default=None, validator=optional(instance_of(str)))


def embed(data: bytes, mime_type: str, record: Record) -> bytes:
    """The file with the record in it: as a text chunk of a PNG (PNG specification, 11.3.3.4) or as the comment of a
    JPEG (ITU-T T.81, B.2.4.5). The pixels are not encoded anew. A very long prompt is cut.

    Raises: ValueError for files of another type, and for a PNG whose header is damaged.
    """
    text = _encode(record)
    if mime_type == "image/png":
        end_of_header = 8 + 25
        if data[12:16] != b"IHDR" or len(data) < end_of_header:
            raise ValueError("the header of this PNG is damaged, so no record can be kept in it")
        body = b"iTXtComment\0\0\0\0\0" + text
        chunk = (len(body) - 4).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")
        return data[:end_of_header] + chunk + data[end_of_header:]
    if mime_type == "image/jpeg":
        at = 2
        while data[at : at + 2] in (b"\xff\xe0", b"\xff\xe1"):  # JFIF and EXIF must stay first
            at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        return data[:at] + b"\xff\xfe" + (len(text) + 2).to_bytes(2, "big") + text + data[at:]
    raise ValueError(f"a record can be kept in PNG and JPEG files, not in {mime_type}")


def _encode(record: Record) -> bytes:
    prompt, request_id = record.prompt, record.request_id and record.request_id[:_LONGEST_NAME]
    while True:
        kept = {"prompt": prompt, "model": record.model[:_LONGEST_NAME], "request_id": request_id}
        # Half a surrogate pair has no UTF-8; its escape is one of JSON as well.
        text = json.dumps({"nanobanana": kept}, ensure_ascii=False).encode("utf-8", "backslashreplace")
        if len(text) <= _LONGEST:
            return text
        prompt = prompt[: len(prompt) * 3 // 4] + "…"


def extract(content: Content) -> Record | None:
    """The record in a file; None where there is none, whatever else is in it.

    Raises: OSError where the file cannot be read.
    """
    comments = {"image/png": _texts, "image/jpeg": _comments}.get(sniff(content) or "")
    if comments is not None:
        with opened(content) as file:
            for comment in comments(file):
                record = _decode(comment)
                if record is not None:
                    return record
    return None


def _comments(file: BinaryIO) -> Iterator[bytes]:
    for marker, length in jpeg_segments(file):
        if marker == 0xFE:
            yield file.read(length)


def _texts(file: BinaryIO) -> Iterator[bytes]:
    """The comments in a PNG, also as other programs write them anew: PNG specification, 11.3.3."""
    for name, length in png_chunks(file):
        if name not in (b"iTXt", b"tEXt", b"zTXt"):
            continue
        keyword, _, text = file.read(min(length, 2 * _LONGEST)).partition(b"\0")
        if keyword.lower() != b"comment":
            continue
        is_packed = name == b"zTXt" or (name == b"iTXt" and text[:1] == b"\1")
        if name == b"iTXt":
            text = b"".join(text[2:].split(b"\0", 2)[2:])  # behind a language and the keyword in it
        elif name == b"zTXt":
            text = text[1:]
        yield _unpacked(text) if is_packed else text


def _unpacked(text: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(text, _LONGEST + 1)
    except zlib.error:
        return b""


def _decode(comment: bytes) -> Record | None:
    if len(comment) > _LONGEST or b'"nanobanana"' not in comment:
        return None
    try:
        found = json.loads(comment)["nanobanana"]
        return Record(found["prompt"], found["model"], found.get("request_id"))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
