"""Vocabulary: what ratios and sizes mean in pixels, and what is not known of them."""

from __future__ import annotations

from fractions import Fraction

import pytest
from nanobanana.vocabulary import ASPECT_RATIOS, IMAGE_SIZES, nearest_aspect_ratio, pixels, ratio_value


@pytest.mark.parametrize("ratio", ["auto", "", "16x9", "1:0", "0:1", "1:2:3", "-1:2", "1e3:1", "१:१", "9" * 400 + ":1"])
def test_ratio_that_is_not_two_numbers_has_no_value(ratio: str) -> None:
    """A ratio that is not two numbers around a colon has no value, and no pixels."""
    assert ratio_value(ratio) is None
    assert pixels(ratio, "1K") is None


@pytest.mark.parametrize("size", ["512", "auto", "", "K", "0K", "-1K", "1k", "1MP", "2048x2048", "९K"])
def test_size_that_is_not_a_number_of_k_has_no_pixels(size: str) -> None:
    """A size that is not a number before a K has no pixels: the rule of the contract speaks of nothing else."""
    assert pixels("1:1", size) is None


def test_decimals_follow_the_rule() -> None:
    """Numbers with a decimal point are numbers as well."""
    assert ratio_value("1.91:1") == Fraction(191, 100)
    assert pixels("1.91:1", "1K") == (1440, 752)
    assert pixels("9:16", "0.5K") == (384, 688)


def test_ratios_go_from_narrow_to_wide_and_sizes_from_small_to_large() -> None:
    """The lists are in the order of what their values mean; what means nothing here comes last."""
    for values in ([ratio_value(ratio) for ratio in ASPECT_RATIOS], [pixels("1:1", size) for size in IMAGE_SIZES]):
        known = [value for value in values if value is not None]
        assert known == sorted(known)  # type: ignore[type-var]
        assert values[: len(known)] == known


@pytest.mark.parametrize("shape", [(1000, 1000), (1000, 1300), (640, 400), (10, 900), (900, 700), (1, 1), (99999, 1)])
def test_nearest_ratio(shape: tuple[int, int]) -> None:
    """The nearest listed ratio is the one that looks most like the shape: none is off by a smaller factor."""

    def factor(ratio: str) -> float:
        quotient = shape[0] / shape[1] / (ratio_value(ratio) or float("inf"))
        return max(quotient, 1 / quotient) if quotient else float("inf")

    assert factor(nearest_aspect_ratio(*shape)) == min(map(factor, ASPECT_RATIOS))
