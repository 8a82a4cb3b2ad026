"""What Pillow (extra `pillow`) does for references: pixels in memory become a PNG, and large pictures smaller."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
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


@contextmanager
def _pillow(task: str, failure: str, advice: str) -> Iterator[None]:
    """Says in words why Pillow does not do something: it is missing, or whatever it raises on a picture."""
    try:
        yield
    except InvalidRequestError:
        raise
    except ImportError:
        raise refused(f"{task} needs Pillow", "pip install 'infinityblue-nanobanana[pillow]'") from None
    except Exception as exc:  # a closed file, a damaged or truncated one, an odd array
        raise refused(f"{failure}: {str(exc) or type(exc).__name__}", advice) from None


def as_png(value: Any) -> bytes:
    """A Pillow image, upright, or a numpy array as PNG, with its alpha channel and colour profile.

    Raises: InvalidRequestError.
    """
    advice = "Give a whole picture, or an array of uint8"
    with _pillow("a Pillow image or numpy array", "it cannot be written as PNG", advice):
        from PIL import Image, ImageOps

        is_image = isinstance(value, Image.Image)
        return _written(ImageOps.exif_transpose(value) if is_image else Image.fromarray(value))


def smaller(data: bytes, mime_type: str, max_side: int) -> bytes:
    """The picture, upright, with its longer side at most `max_side` pixels: JPEG as JPEG, the rest as PNG, with alpha
    channel and colour profile; of several pictures in one file the first.

    Raises: InvalidRequestError.
    """
    advice = _HEIF if mime_type in ("image/heic", "image/heif") else "Give a whole picture, or a smaller one"
    with _pillow("resizing", "it cannot be resized", advice):
        from PIL import Image, ImageOps, UnidentifiedImageError

        try:
            opened = Image.open(io.BytesIO(data))
        except UnidentifiedImageError:  # its own words name an object in memory
            raise ValueError(f"Pillow cannot read this {mime_type} file") from None
        image = _with_shades(ImageOps.exif_transpose(opened))
        image.thumbnail((max_side, max_side), Image.Resampling.LANCZOS, reducing_gap=None)  # a gap refuses 16 bits
        if mime_type != "image/jpeg":
            return _written(image)
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=_QUALITY, icc_profile=image.info.get("icc_profile"))
        return buffer.getvalue()


_HEIF = "Pillow reads HEIC once pillow-heif is installed and its register_heif_opener() was called"
_SHADES = {"1": "L", "L": "L", "P": "RGB", "PA": "RGB", "RGB": "RGB"}


def _with_shades(image: PillowImage) -> PillowImage:
    """The same pixels in a mode with room for what lies between two of them: without it, lines vanish."""
    wanted = _SHADES.get(image.mode, image.mode)
    is_clear = image.mode in _SHADES and image.has_transparency_data
    return image.convert(f"{wanted}A" if is_clear else wanted)


def _written(image: PillowImage) -> bytes:
    if image.mode == "F":
        raise refused("its pixels are floats", "Scale them to 0..255 and make them whole numbers (uint8)")
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


def refused(
    message: str, advice: str = "Give a PNG, JPEG, WebP, HEIC or HEIF picture of at most 20 MB"
) -> InvalidRequestError:
    """The error for a reference image that cannot be taken."""
    return InvalidRequestError(message, param="references", advice=advice)
