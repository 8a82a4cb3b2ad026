"""How notebooks show pictures."""

from __future__ import annotations

import base64
import html
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .generation import Generation
    from .image import GeneratedImage

_WIDEST = 640  # pixels on the page; the picture itself stays whole


def image_bundle(image: GeneratedImage) -> tuple[dict[str, str], dict[str, Any]]:
    """The picture and its repr, and how wide to show it, for Jupyter's display protocol."""
    encoded = base64.b64encode(image.data).decode("ascii")
    shown = {"text/plain": repr(image), image.mime_type: encoded}
    try:
        return shown, {image.mime_type: {"width": min(image.width, _WIDEST)}}
    except ValueError:
        return shown, {}


def generation_html(generation: Generation) -> str:
    """The pictures and the words of a generation as HTML. A picture that lies elsewhere becomes a link, as an <img>
    would fetch it unasked."""
    from .image import RemoteImage

    parts = []
    for image in generation.images:
        if isinstance(image, RemoteImage):
            url = html.escape(image.url, quote=True)
            parts.append(f'<p>Not fetched: <a href="{url}">{url}</a></p>')
        else:
            encoded = base64.b64encode(image.data).decode("ascii")
            parts.append(
                f'<img src="data:{html.escape(image.mime_type)};base64,{encoded}" style="max-width: {_WIDEST}px"/>'
            )
    if generation.text:
        parts.append(f"<p>{html.escape(generation.text)}</p>")
    return "".join(parts)
