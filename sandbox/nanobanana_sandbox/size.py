"""Size: how many pixels a ratio and a size stand for, those that no rule foresees included."""

from __future__ import annotations

import math
import re
from fractions import Fraction

from .contract import values

_RATIO = re.compile(r"(\d{1,6}(?:\.\d{1,6})?)\s*[:x/]\s*(\d{1,6}(?:\.\d{1,6})?)")
_SCALE = re.compile(r"(\d{1,6}(?:\.\d{1,6})?)\s*(K?)", re.IGNORECASE)
_LONGEST = 16_384  # pixels of a side
_LARGEST = 8192 * 8192  # pixels of a picture


def pixels(aspect_ratio: str, image_size: str) -> tuple[int, int]:
    """Width and height, by the rule that `ImageSize` states in openapi.yaml.

    A number without a K is taken as pixels, so that "512" is half of "1K". What is no number ("auto") is painted as
    1:1 or as 1K, and nothing is painted larger than 8K.
    """
    ratio = _ratio(aspect_ratio)
    scale = float(scale_of(image_size))
    stretch = ratio if ratio >= 1 else 1 / ratio
    short = 16 * math.ceil(1024 / math.sqrt(stretch) / 16)
    long = 16 * math.ceil(short * stretch / 16)
    shrink = min(1.0, _LONGEST / (long * scale), math.sqrt(_LARGEST / (short * long * scale * scale)))
    width, height = (long, short) if ratio >= 1 else (short, long)
    return max(16, round(width * scale * shrink)), max(16, round(height * scale * shrink))


def scale_of(image_size: str) -> Fraction:
    """The number before the K: "2K" gives 2, "512" gives 1/2, "auto" gives 1."""
    found = _SCALE.fullmatch(image_size.strip())
    if found is None or not (number := Fraction(found[1])):
        return Fraction(1)
    return number if found[2] else number / 1024


def _ratio(aspect_ratio: str) -> Fraction:
    found = _RATIO.fullmatch(aspect_ratio.strip())
    if found is None or not Fraction(found[1]) or not Fraction(found[2]):
        return Fraction(1)
    return min(max(Fraction(found[1]) / Fraction(found[2]), Fraction(1, 16)), Fraction(16))


def default_ratio() -> str:
    """The ratio of a picture whose request names none: the square, if the contract has it."""
    return min(values("AspectRatio"), key=lambda ratio: abs(math.log(_ratio(ratio))))


def default_size() -> str:
    """The size of a picture whose request names none: the one nearest to 1K."""
    return min(values("ImageSize"), key=lambda size: abs(math.log(scale_of(size))))
