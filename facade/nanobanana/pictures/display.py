"""How notebooks show pictures and words."""

from __future__ import annotations

import base64
import html
from typing import Any

_WIDEST = 640  # pixels on the page; the picture itself stays whole


def bundle(text: str, mime_type: str, data: bytes, width: int | None) -> tuple[dict[str, str], dict[str, Any]]:
    """A picture and its repr, and how wide to show it, for Jupyter's display protocol."""
    shown = {"text/plain": text, mime_type: base64.b64encode(data).decode("ascii")}
    return shown, {} if width is None else {mime_type: {"width": min(width, _WIDEST)}}


def picture(mime_type: str, data: bytes) -> str:
    """A picture as HTML."""
    encoded = base64.b64encode(data).decode("ascii")
    return f'<img src="data:{html.escape(mime_type)};base64,{encoded}" style="max-width: {_WIDEST}px"/>'


def link(url: str) -> str:
    """A picture that lies elsewhere as HTML. An <img> would fetch it unasked."""
    escaped = html.escape(url, quote=True)
    return f'<p>Not fetched: <a href="{escaped}">{escaped}</a></p>'


def words(text: str) -> str:
    """Words as HTML."""
    return f"<p>{html.escape(text)}</p>"
