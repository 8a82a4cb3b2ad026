"""What Pillow (extra `pillow`) does for references: pixels in memory become a PNG, and large pictures smaller."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from ..errors import InvalidRequestError

if TYPE_CHECKING:
    from PIL.Image import Image as PillowImage

_PNG_MODES = {"1", "L", "LA", "I;16", "P", "RGB", "RGBA"}
_NEAREST_PNG_MODE = {
    "La": "LA",
    "RGBa": "RGBA",
    "PA": "RGBA",
    **dict.fromkeys(("I", "I;16B", "I;16L", "I;16N"), "I;16"),
}
_QUALITY = 92  # of a JPEG


def as_png(value: Any) -> bytes:
    """A Pillow image, upright, or a numpy array as PNG, with its alpha channel and colour profile.

    Raises: InvalidRequestError.
    """
    try:
        from PIL import Image, ImageOps
    except ImportError:
        raise _refuse("a Pillow image or numpy array needs Pillow", _INSTALL) from None
    try:
        is_image = isinstance(value, Image.Image)
        return _written(ImageOps.exif_transpose(value) if is_image else Image.fromarray(value))
    except InvalidRequestError:
        raise
    except Exception as exc:  # whatever a closed file, a truncated one or an odd array make of it
        problem = str(exc) or type(exc).__name__
    raise _refuse(f"it cannot be written as PNG: {problem}", "Give a whole picture, or an array of uint8")


def smaller(data: bytes, mime_type: str, max_side: int) -> bytes:
    """The picture, upright, with its longer side at most `max_side` pixels: JPEG as JPEG, the rest as PNG, with alpha
    channel and colour profile; of several pictures in one file the first.

    Raises: InvalidRequestError.
    """
    try:
        from PIL import Image, ImageOps, UnidentifiedImageError
    except ImportError:
        raise _refuse("resizing needs Pillow", _INSTALL) from None
    try:
        with Image.open(io.BytesIO(data)) as opened:
            image = _with_shades(ImageOps.exif_transpose(opened))
        image.thumbnail((max_side, max_side), Image.Resampling.LANCZOS, reducing_gap=None)  # a gap refuses 16 bits
        if mime_type != "image/jpeg":
            return _written(image)
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=_QUALITY, icc_profile=image.info.get("icc_profile"))
        return buffer.getvalue()
    except UnidentifiedImageError:
        problem = f"Pillow cannot read this {mime_type} file"
    except Exception as exc:  # Pillow's readers raise whatever a damaged file makes them stumble over
        problem = str(exc) or type(exc).__name__
    advice = _HEIF if mime_type in ("image/heic", "image/heif") else "Give a whole picture, or a smaller one"
    raise _refuse(f"it cannot be resized: {problem}", advice)


_INSTALL = "pip install 'infinityblue-nanobanana[pillow]'"
_HEIF = "Pillow reads HEIC once pillow-heif is installed and its register_heif_opener() was called"


def _with_shades(image: PillowImage) -> PillowImage:
    """The same pixels in a mode with room for what lies between two of them: without it, lines vanish."""
    clear = image.has_transparency_data
    if image.mode in ("P", "PA", "RGB"):
        wanted = "RGBA" if clear else "RGB"
    elif image.mode in ("1", "L"):
        wanted = "LA" if clear else "L"
    else:
        return image
    return image if image.mode == wanted else image.convert(wanted)


def _written(image: PillowImage) -> bytes:
    if image.mode == "F":
        raise _refuse("its pixels are floats", "Scale them to 0..255 and make them whole numbers (uint8)")
    if image.mode in ("CMYK", "LAB"):
        image = _on_screen(image)
    elif image.mode not in _PNG_MODES:
        image = image.convert(_NEAREST_PNG_MODE.get(image.mode, "RGB"))
    buffer = io.BytesIO()
    image.save(buffer, "PNG", icc_profile=image.info.get("icc_profile"))
    return buffer.getvalue()


def _on_screen(image: PillowImage) -> PillowImage:
    """Inks as sRGB, by their profile where it is usable. That profile means nothing for the result."""
    from PIL import ImageCms

    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(image.info["icc_profile"]))
        shown = ImageCms.profileToProfile(image, profile, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (KeyError, TypeError, ValueError, OSError, ImageCms.PyCMSError):
        shown = None
    shown = shown or image.convert("RGB")
    shown.info.pop("icc_profile", None)
    return shown


def _refuse(message: str, advice: str) -> InvalidRequestError:
    return InvalidRequestError(message, param="references", advice=advice)
