"""Painting: a picture that shows what was asked for. The same request gives the same bytes."""

from __future__ import annotations

import colorsys
import hashlib
import io
from collections.abc import Sequence

from attrs import frozen
from PIL import Image, ImageDraw, ImageOps

from .images import thumbnail
from .lettering import fitting, font, write
from .size import pixels

_THUMBNAILS_A_ROW = 5


@frozen
class Commission:
    """What to paint. `references` are encoded pictures, shown as thumbnails in their order."""

    prompt: str
    model: str
    aspect_ratio: str
    image_size: str
    references: Sequence[bytes] = ()
    note: str = ""


def paint(commission: Commission, image_format: str) -> bytes:
    """The picture as a file, in "PNG" or "JPEG", of the documented size in pixels, or of 1K where there is none."""
    ratio, size = commission.aspect_ratio, commission.image_size
    width, height = pixels(ratio, size) or pixels(ratio, "1K") or (1024, 1024)  # where a value has no documented pixels
    unit = min(width, height) / 100
    dark, light, accent = _colours(commission)
    canvas = _background(width, height, dark, light)
    draw = ImageDraw.Draw(canvas)
    _ornament(draw, commission, width, height, accent)

    label = f"{commission.model}  {commission.aspect_ratio}  {commission.image_size}  {width}x{height}"
    if commission.note:
        label = f"{label}  {commission.note}"
    small = fitting(label, 90 * unit, 3.4 * unit)
    draw.text((5 * unit, height - 5 * unit), label, font=small, fill="white", anchor="ls")

    bottom = height - 10 * unit
    if commission.references:
        bottom = _thumbnails(canvas, commission.references, 5 * unit, bottom, width - 10 * unit, unit) - 3 * unit
    write(draw, commission.prompt, (5 * unit, 5 * unit, width - 5 * unit, bottom), 9 * unit, 2 * unit)

    buffer = io.BytesIO()
    if image_format == "JPEG":
        canvas.save(buffer, "JPEG", quality=90)
    else:
        canvas.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def _background(width: int, height: int, dark: tuple[int, int, int], light: tuple[int, int, int]) -> Image.Image:
    """From dark above to light below. It is coloured as a single column, as every full-size plane takes 17 MB at 4K."""
    column = ImageOps.colorize(Image.linear_gradient("L").resize((1, 256)), black=dark, white=light)
    return column.resize((1, height), Image.Resampling.BILINEAR).resize((width, height), Image.Resampling.NEAREST)


def _digest(commission: Commission) -> bytes:
    return hashlib.sha256(commission.prompt.encode()).digest()


def _colours(commission: Commission) -> tuple[tuple[int, int, int], tuple[int, int, int], tuple[int, int, int]]:
    """A dark, a lighter and a bright colour, by the prompt; white letters can be read on the first two."""
    digest = _digest(commission)
    hue = digest[0] / 256
    shades = ((hue, 0.75, 0.22), ((hue + 0.06 + digest[1] / 1024) % 1, 0.6, 0.5), ((hue + 0.5) % 1, 0.55, 0.9))
    dark, light, accent = (
        (round(255 * red), round(255 * green), round(255 * blue))
        for red, green, blue in (colorsys.hsv_to_rgb(*shade) for shade in shades)
    )
    return dark, light, accent


def _ornament(
    draw: ImageDraw.ImageDraw, commission: Commission, width: int, height: int, accent: tuple[int, int, int]
) -> None:
    """Some rings, by the prompt, so that two pictures can be told apart at a glance."""
    digest = _digest(commission)
    line = max(1, min(width, height) // 160)
    for index in range(2, 14, 3):
        x, y = digest[index] / 255 * width, digest[index + 1] / 255 * height
        radius = (0.08 + digest[index + 2] / 255 * 0.25) * min(width, height)
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), outline=accent, width=line)


def _thumbnails(
    canvas: Image.Image, references: Sequence[bytes], left: float, bottom: float, room: float, unit: float
) -> float:
    """Rows of numbered thumbnails that end at `bottom`; returns where they begin."""
    columns = max(_THUMBNAILS_A_ROW, -(-len(references) // 3))
    gap = 1.5 * unit
    side = int((room - gap * (columns - 1)) / columns)
    side = min(side, int(22 * unit))
    rows = -(-len(references) // columns)
    top = bottom - rows * (side + gap)
    draw = ImageDraw.Draw(canvas)
    numbers = font(max(8, side / 6))
    for index, data in enumerate(references):
        row, column = divmod(index, columns)
        x, y = int(left + column * (side + gap)), int(top + row * (side + gap))
        draw.rectangle((x - 2, y - 2, x + side + 1, y + side + 1), fill="white")
        small = thumbnail(data, side)
        if small is None:
            draw.text((x + side / 2, y + side / 2), "HEIF", font=numbers, fill="black", anchor="mm")
        else:
            canvas.paste(small, (x + (side - small.width) // 2, y + (side - small.height) // 2), small)
        draw.text(
            (x + side * 0.06, y + side * 0.03),
            str(index + 1),
            font=numbers,
            fill="white",
            stroke_width=2,
            stroke_fill="black",
        )
    return top
