"""Vocabulary: the models, ratios and sizes of openapi.yaml, as the generated code has them, and their pixels."""

from __future__ import annotations

import math
import re
from fractions import Fraction
from typing import TypeAlias, get_args

from nanobanana_api.models.aspect_ratio import AspectRatio
from nanobanana_api.models.chat_model import ChatModel
from nanobanana_api.models.image_size import ImageSize
from nanobanana_api.models.native_model import NativeModel

__all__ = [
    "ASPECT_RATIOS",
    "CHAT_MODELS",
    "IMAGE_SIZES",
    "MODELS",
    "NATIVE_MODELS",
    "AspectRatio",
    "ImageSize",
    "Model",
    "nearest_aspect_ratio",
    "pixels",
    "ratio_value",
]

Model: TypeAlias = NativeModel | ChatModel

# What the rule of `ImageSize` in openapi.yaml speaks of: a number before a K, and two numbers around a colon. Whatever
# else is listed, "auto" or "512", goes out as it is; what it means in pixels is not known here, so it is never chosen.
_NUMBER = r"([0-9]{1,6}(?:\.[0-9]{1,6})?)"
_SIZE = re.compile(f"{_NUMBER}K")
_RATIO = re.compile(f"{_NUMBER}:{_NUMBER}")


def ratio_value(aspect_ratio: str) -> Fraction | None:
    """Width over height: "16:9" gives 16/9; None for one that is not two numbers, such as "auto"."""
    found = _RATIO.fullmatch(aspect_ratio)
    width, height = map(Fraction, found.groups()) if found else (Fraction(0), Fraction(0))
    return width / height if width and height else None


def _scale(image_size: str) -> Fraction | None:
    found = _SIZE.fullmatch(image_size)
    return Fraction(found[1]) or None if found else None


def _rank(value: str, number: Fraction | None) -> tuple[bool, Fraction, str]:
    """Values that the rule knows come first, by their number; the others after them, by the number they begin with."""
    begins = re.match(r"[0-9]{1,6}", value)
    return number is None, number or Fraction(begins[0] if begins else 10**6), value


# The generated code has them in alphabetical order; here, ratios go from narrow to wide and sizes from small to large.
NATIVE_MODELS: tuple[NativeModel, ...] = get_args(NativeModel)
CHAT_MODELS: tuple[ChatModel, ...] = get_args(ChatModel)
MODELS: tuple[Model, ...] = tuple(dict.fromkeys(NATIVE_MODELS + CHAT_MODELS))
ASPECT_RATIOS: tuple[AspectRatio, ...] = tuple(
    sorted(get_args(AspectRatio), key=lambda ratio: _rank(ratio, ratio_value(ratio)))
)
IMAGE_SIZES: tuple[ImageSize, ...] = tuple(sorted(get_args(ImageSize), key=lambda size: _rank(size, _scale(size))))
_SHAPES = {ratio: float(value) for ratio in ASPECT_RATIOS if (value := ratio_value(ratio)) is not None}


def pixels(aspect_ratio: str, image_size: str) -> tuple[int, int] | None:
    """The documented width and height in pixels, by the rule that `ImageSize` states in openapi.yaml; None where that
    rule says nothing of the ratio or the size."""
    ratio, scale = ratio_value(aspect_ratio), _scale(image_size)
    if ratio is None or scale is None:
        return None
    long_over_short = max(ratio, 1 / ratio)
    short = 16 * math.ceil(1024 / math.sqrt(long_over_short) / 16)
    long = 16 * math.ceil(short * long_over_short / 16)
    width, height = (long, short) if ratio >= 1 else (short, long)
    return math.ceil(width * scale), math.ceil(height * scale)


def nearest_aspect_ratio(width: int, height: int) -> AspectRatio:
    """The listed ratio nearest to a shape in pixels, as the eye sees it (by the quotient, not the difference). One that
    is not two numbers is never taken while another is listed."""
    return min(_SHAPES, key=lambda ratio: abs(math.log(width / height / _SHAPES[ratio])), default=ASPECT_RATIOS[0])
