"""The lists of openapi.yaml, as the generated code carries them, and the pixels they stand for."""

from __future__ import annotations

import math
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


def ratio_value(aspect_ratio: str) -> Fraction:
    """Width over height: "16:9" gives 16/9."""
    width, height = aspect_ratio.split(":")
    return Fraction(int(width), int(height))


def _scale(image_size: str) -> int:
    return int(image_size.removesuffix("K"))


# The generated code has them in alphabetical order; here, ratios go from narrow to wide and sizes from small to large.
NATIVE_MODELS: tuple[NativeModel, ...] = get_args(NativeModel)
CHAT_MODELS: tuple[ChatModel, ...] = get_args(ChatModel)
MODELS: tuple[Model, ...] = tuple(dict.fromkeys(NATIVE_MODELS + CHAT_MODELS))
ASPECT_RATIOS: tuple[AspectRatio, ...] = tuple(sorted(get_args(AspectRatio), key=ratio_value))
IMAGE_SIZES: tuple[ImageSize, ...] = tuple(sorted(get_args(ImageSize), key=_scale))


def pixels(aspect_ratio: str, image_size: str) -> tuple[int, int]:
    """The documented width and height in pixels, by the rule that `ImageSize` states in openapi.yaml."""
    ratio = ratio_value(aspect_ratio)
    long_over_short = max(ratio, 1 / ratio)
    scale = _scale(image_size)
    short = 16 * math.ceil(1024 / math.sqrt(long_over_short) / 16)
    long = 16 * math.ceil(short * long_over_short / 16)
    width, height = (long, short) if ratio >= 1 else (short, long)
    return width * scale, height * scale


def nearest_aspect_ratio(width: int, height: int) -> AspectRatio:
    """The listed ratio nearest to a shape in pixels, as the eye sees it (by the quotient, not the difference)."""
    return min(ASPECT_RATIOS, key=lambda ratio: abs(math.log(width / height / ratio_value(ratio))))
