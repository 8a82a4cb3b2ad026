"""Gallery: one static page on which everything a batch has made, or has not, can be looked at."""

from __future__ import annotations

import base64
import hashlib
import html
import io
import json
import math
import os
import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib import resources
from pathlib import Path, PureWindowsPath
from string import Template
from typing import Any
from urllib.parse import quote

from attrs import frozen

from .._engine.disk import write_atomically
from ..errors import InvalidRequestError
from ..pictures.header import EXTENSIONS

_BILLED = {"no": "not billed", "unknown": "may have been billed", "probably": "probably billed"}
_DETAILS = (
    *("id", "model", "aspect_ratio", "image_size", "references", "seconds", "tokens", "tries"),
    *("error", "message", "billed", "path", "line", "request_id", "sha256", "key"),
)
_SUFFIXES = {*EXTENSIONS.values(), ".jpeg", ".bin"}  # an .html or .svg opened from the page could run a script
_SIDE = 480  # pixels of a thumbnail's longer side: the width of a card on a dense screen


@frozen
class _Entry:
    """The last word on a request. `picture` is a path below the folder, where there is one to show."""

    fields: dict[str, Any]
    status: str
    picture: str | None

    def number(self, name: str, default: float) -> float:
        """A field, where it is a number that can be true."""
        value = self.fields.get(name)
        return value if isinstance(value, int | float) and 0 <= value < 1e15 else default

    def text(self, name: str) -> str:
        """A field for people to read; "" where it is not known."""
        text, value = self.fields.get(name), self.number(name, -1)
        if value >= 0:
            return f"{value:,}" if isinstance(value, int) else f"{value:,.{1 if value >= 1 else 2}f}"
        return text if isinstance(text, str) else ""

    def place(self) -> tuple[float, int, str]:
        """Where it stands on the page: by the line of the batch, then cat-2 before cat-10."""
        return self.number("line", math.inf), len(self.text("id")), self.text("id")


def write_gallery(folder: str | os.PathLike[str]) -> Path:
    """Writes `index.html`, which shows the batch in `folder` and needs nothing but this folder; returns its path.

    Call it again when the batch has gone on. The thumbnails are kept in `.gallery/`; without Pillow (extra `pillow`)
    the page shows the pictures themselves.

    Raises: InvalidRequestError where the folder holds no `results.jsonl`; OSError where nothing can be written to it.
    """
    folder = Path(folder)
    if not (folder / "results.jsonl").is_file():
        advice = "Name the folder that a batch has written to"
        raise InvalidRequestError(f"{folder} holds no results.jsonl: nothing to show", param="folder", advice=advice)
    entries, broken = _read(folder)
    thumbnails = _thumbnails(folder, sorted({entry.picture for entry in entries if entry.picture}))
    page = _page(folder.resolve().name, entries, broken, thumbnails)
    return write_atomically(folder / "index.html", page.encode("utf-8", "replace"))


def _read(folder: Path) -> tuple[list[_Entry], int]:
    """What became of each request, in the order of the requests, and how many lines could not be read."""
    found: dict[str, _Entry] = {}
    broken, root = 0, folder.resolve()
    for line in (folder / "results.jsonl").read_bytes().splitlines():
        try:
            fields = json.loads(line)
            key = str(fields.get("key") or (fields.get("line"), fields.get("id")))  # a wrong line has no key
            status, error = fields["status"], fields.get("error")
            if status not in ("done", "failed", "unknown"):
                raise ValueError
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            broken += bool(line.strip())
            continue
        error = error if isinstance(error, dict) else {}
        billed = _BILLED.get(str(error.get("billed")))
        fields |= {"error": error.get("class"), "message": error.get("message"), "billed": billed}
        picture = _inside(root, fields.get("path")) if status == "done" else None
        if status == "done" and not picture:
            status = "missing"  # it was made, but its file is not there any more
        found[key] = _Entry(fields, status, picture)
    return sorted(found.values(), key=_Entry.place), broken


def _inside(root: Path, path: Any) -> str | None:
    """The path of a picture, if it is one that lies below the root; None otherwise."""
    if not isinstance(path, str):
        return None
    parts = PureWindowsPath(path)  # the stricter reading, and before any share on the network is asked for the file
    if parts.anchor or ".." in parts.parts or parts.suffix.lower() not in _SUFFIXES:
        return None
    try:
        there = (root / path).resolve()
        return Path(path).as_posix() if there.is_relative_to(root) and there.is_file() else None
    except (OSError, ValueError):  # ValueError: a NUL or half a surrogate pair in the name
        return None


def _thumbnails(folder: Path, pictures: list[str]) -> dict[str, str]:
    """What the page shows of each picture: path by path, both relative to the folder."""
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:  # Pillow lets go of the GIL while it decodes
        return dict(zip(pictures, pool.map(partial(_thumbnail, folder), pictures), strict=True))


def _thumbnail(folder: Path, picture: str) -> str:
    """A small picture; the picture itself where there is no Pillow, or it cannot read this one."""
    name = f".gallery/{hashlib.sha256(os.fsencode(picture)).hexdigest()[:24]}.webp"
    source, target = folder / picture, folder / name
    buffer = io.BytesIO()
    try:
        from PIL import Image, ImageOps

        if target.is_file() and target.stat().st_mtime_ns > source.stat().st_mtime_ns:
            return name
        with Image.open(source) as opened:
            opened.thumbnail((_SIDE, _SIDE), reducing_gap=2.0)
            small = ImageOps.exif_transpose(opened)
            small.convert("RGBA" if small.has_transparency_data else "RGB").save(buffer, "WEBP", method=2)
    except Exception:  # Pillow raises nearly anything at a broken file
        return picture
    write_atomically(target, buffer.getvalue())
    return name


def _page(name: str, entries: list[_Entry], broken: int, thumbnails: dict[str, str]) -> str:
    template = resources.files(__package__).joinpath("gallery.html").read_text("utf-8")
    hashes = {
        tag: base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        for tag, text in re.findall(r"<(style|script)>(.*?)</\1>", template, re.DOTALL)
    }
    counts = Counter(entry.status for entry in entries)
    tokens = sum(int(entry.number("tokens", 0)) for entry in entries)
    more = any(not entry.text("tokens") and entry.text("billed") != _BILLED["no"] for entry in entries)
    sums = (len(entries), "request"), (counts["done"], "picture"), (tokens, "token")
    summary = " · ".join(f"{count:,} {noun}{'' if count == 1 else 's'}" for count, noun in sums)
    return Template(template).substitute(
        hashes,
        title=html.escape(f"Gallery of {name}"),
        summary=summary + (" or more" if more else ""),
        notice=f"Broken lines of results.jsonl passed over: {broken:,}" if broken else "",
        requests=f"{len(entries):,}",
        **{status: f"{counts[status]:,}" for status in ("done", "failed", "unknown", "missing")},
        cards="\n".join(_card(entry, thumbnails) for entry in entries),
    )


def _card(entry: _Entry, thumbnails: dict[str, str]) -> str:
    """A request as a list item. All that is not of our own making goes through `html.escape` or `quote`."""
    prompt, seconds, tokens = entry.text("prompt"), entry.text("seconds"), entry.text("tokens")
    if entry.picture:
        small, alt = _url(thumbnails[entry.picture]), html.escape(prompt[:120])
        shot = f'<a class="shot" href="{_url(entry.picture)}"><img src="{small}" alt="{alt}" loading="lazy"></a>'
    else:
        gone = f"The picture was made, but its file is not here: {entry.text('path')}"
        told = [gone] if entry.status == "missing" else [entry.text("message"), entry.text("billed")]
        lines = "".join(f"<span>{html.escape(line)}</span>" for line in told if line)
        shot = f'<button class="shot"><b>{html.escape(entry.text("error") or "No picture")}</b>{lines}</button>'
    cost = f"{tokens or 'unknown'}\xa0tokens" if tokens or entry.text("billed") != _BILLED["no"] else ""
    facts = entry.text("aspect_ratio"), entry.text("image_size"), seconds and f"{seconds}\xa0s", cost
    below = f"{html.escape(entry.text('model'))}<br>" + html.escape("\xa0· ".join(filter(None, facts)))
    details = [(name.replace("_", " "), entry.text(name)) for name in _DETAILS if entry.text(name)]
    return (
        f'<li class="card {entry.status}" data-status="{entry.status}" '
        f'data-details="{html.escape(json.dumps(details, ensure_ascii=False))}">'
        f'{shot}<p class="prompt" dir="auto">{html.escape(prompt)}</p>'
        f'<p class="facts"><span class="badge">{entry.status}</span> {below}</p></li>'
    )


def _url(path: str) -> str:
    return "./" + quote(os.fsencode(path))
