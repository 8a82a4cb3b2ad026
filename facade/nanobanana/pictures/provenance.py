"""Record: how a picture was made, kept inside its file without touching its pixels."""

from __future__ import annotations

import json
import zlib
from typing import Any

import attrs

_COMMENT_LIMIT = 65533  # bytes that a comment of a JPEG can hold


@attrs.frozen
class Record:
    """How a picture was made."""

    prompt: str
    model: str
    request_id: str | None = None


def embed(data: bytes, mime_type: str, record: Record) -> bytes:
    """The file with the record in it: as a text chunk of a PNG (PNG specification, 11.3.3.4) or as the comment of a
    JPEG (ITU-T T.81, B.2.4.5). The pixels are not encoded anew. A very long prompt is cut.

    Raises: ValueError for files of another type.
    """
    text = _encode(record)
    while len(text) > _COMMENT_LIMIT:
        record = attrs.evolve(record, prompt=record.prompt[: len(record.prompt) * 3 // 4] + "…")
        text = _encode(record)
    if mime_type == "image/png":
        body = b"iTXtComment\0\0\0\0\0" + text
        chunk = (len(body) - 4).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")
        end_of_header = 8 + 25
        return data[:end_of_header] + chunk + data[end_of_header:]
    if mime_type == "image/jpeg":
        at = 2
        while data[at : at + 2] in (b"\xff\xe0", b"\xff\xe1"):  # JFIF and EXIF must stay first
            at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        return data[:at] + b"\xff\xfe" + (len(text) + 2).to_bytes(2, "big") + text + data[at:]
    raise ValueError(f"a record can be kept in PNG and JPEG files, not in {mime_type}")


def _encode(record: Record) -> bytes:
    return json.dumps({"nanobanana": attrs.asdict(record)}, ensure_ascii=False).encode()


def extract(path: Any) -> Record | None:
    """The record in a file; None where there is none (extra `pillow`).

    Raises: ImportError without Pillow; OSError where the file cannot be read as a picture.
    """
    from PIL import Image

    with Image.open(path) as opened:
        comments: list[Any] = [opened.info.get("Comment")]
        comments += [body for name, body in getattr(opened, "applist", ()) if name == "COM"]
    for comment in comments:
        try:
            found = json.loads(comment)["nanobanana"]
            return Record(found["prompt"], found["model"], found["request_id"])
        except (ValueError, KeyError, TypeError):
            continue
    return None
