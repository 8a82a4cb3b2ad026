"""Painting: a picture that shows what was asked for. The same request gives the same bytes."""

from __future__ import annotations

import colorsys
import hashlib
import io
from collections.abc import Sequence
from functools import lru_cache

import font_roboto
from attrs import frozen
from nanobanana.vocabulary import pixels
from PIL import Image, ImageDraw, ImageFont, ImageOps

_MISSING = "\uffff"
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
    canvas = ImageOps.colorize(Image.linear_gradient("L").resize((width, height)), black=dark, white=light)
    draw = ImageDraw.Draw(canvas)
    _ornament(draw, commission, width, height, accent)

    label = f"{commission.model}  {commission.aspect_ratio}  {commission.image_size}  {width}x{height}"
    if commission.note:
        label = f"{label}  {commission.note}"
    small = _fitting(label, 90 * unit, 3.4 * unit)
    draw.text((5 * unit, height - 5 * unit), label, font=small, fill="white", anchor="ls")

    bottom = height - 10 * unit
    if commission.references:
        bottom = _thumbnails(canvas, commission.references, 5 * unit, bottom, width - 10 * unit, unit) - 3 * unit
    _words(draw, commission.prompt, (5 * unit, 6 * unit, width - 5 * unit, bottom), unit)

    buffer = io.BytesIO()
    if image_format == "JPEG":
        canvas.save(buffer, "JPEG", quality=90)
    else:
        canvas.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def thumbnail(data: bytes, side: int) -> Image.Image | None:
    """The picture, small and upright; None where Pillow cannot read it."""
    try:
        with Image.open(io.BytesIO(data)) as opened:
            opened.draft("RGB", (side, side))
            image = ImageOps.exif_transpose(opened)
            image.thumbnail((side, side))
            return image.convert("RGBA")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return None


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
    font = _font(max(8, side / 6))
    for index, data in enumerate(references):
        row, column = divmod(index, columns)
        x, y = int(left + column * (side + gap)), int(top + row * (side + gap))
        draw.rectangle((x - 2, y - 2, x + side + 1, y + side + 1), fill="white")
        small = thumbnail(data, side)
        if small is None:
            draw.text((x + side / 2, y + side / 2), "HEIF", font=font, fill="black", anchor="mm")
        else:
            canvas.paste(small, (x + (side - small.width) // 2, y + (side - small.height) // 2), small)
        draw.text(
            (x + side * 0.06, y + side * 0.03),
            str(index + 1),
            font=font,
            fill="white",
            stroke_width=2,
            stroke_fill="black",
        )
    return top


def _words(draw: ImageDraw.ImageDraw, prompt: str, box: tuple[float, float, float, float], unit: float) -> None:
    """The prompt, wrapped, as large as it fits."""
    left, top, right, bottom = box
    text = _legible(" ".join(prompt.split()))
    size = 9.0 * unit
    while True:
        font = _font(size)
        lines = _wrap(text, font, right - left)
        step = size * 1.25
        if len(lines) * step <= bottom - top or size <= 2 * unit:
            break
        size *= 0.88
    for number, line in enumerate(lines[: max(1, int((bottom - top) / step))]):
        draw.text((left, top + number * step), line, font=font, fill="white")


def _wrap(text: str, font: ImageFont.FreeTypeFont, room: float) -> list[str]:
    lines = [""]
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}".strip()
        if font.getlength(longer) <= room:
            lines[-1] = longer
            continue
        if lines[-1]:
            lines.append("")
        for letter in word:
            if font.getlength(lines[-1] + letter) > room:
                lines.append("")
            lines[-1] += letter
    return lines


def _legible(text: str) -> str:
    """The text with letters that the font lacks written as their code points."""
    return "".join(letter if _has_glyph(letter) else f"[{ord(letter):X}]" for letter in text)


@lru_cache(maxsize=4096)
def _has_glyph(letter: str) -> bool:
    font = _font(20)
    return letter == " " or bytes(font.getmask(letter)) != bytes(font.getmask(_MISSING))


def _fitting(text: str, room: float, size: float) -> ImageFont.FreeTypeFont:
    length = _font(size).getlength(text)
    return _font(size * min(1.0, room / length))


@lru_cache(maxsize=64)
def _font(size: float) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(font_roboto.RobotoMedium, max(6, round(size)), layout_engine=ImageFont.Layout.BASIC)
