# SPDX-License-Identifier: CC0-1.0
"""ops/numerics.py against scalar definitions written apart from it, in Python's integers."""

from __future__ import annotations

from fractions import Fraction
from math import floor

import numpy as np
import pytest
from harness import examples
from hypothesis import given
from hypothesis import strategies as st

from espdl.ops.numerics import power_of_two_shift, quantize_multiplier, requantize
from espdl.targets import ROUND_HALF_EVEN, ROUND_HALF_UP, ROUND_TFLITE

int32 = st.one_of(
    st.sampled_from([-(2**31), 2**31 - 1, 0, -1, 1]),
    st.integers(-(2**31), 2**31 - 1),
    st.integers(-(2**20), 2**20),
    st.builds(lambda k, d, s: s * (2**k) + d, st.integers(0, 30), st.integers(-2, 2), st.sampled_from([-1, 1])),
)
multipliers = st.one_of(st.sampled_from([0, 2**30, 2**31 - 1]), st.integers(2**30, 2**31 - 1))


def truncating_division(a: int, b: int) -> int:
    quotient = abs(a) // abs(b)
    return quotient if (a < 0) == (b < 0) else -quotient


def gemmlowp(acc: int, multiplier: int, shift: int) -> int:
    """SaturatingRoundingDoublingHighMul, then RoundingDivideByPOT, as gemmlowp/fixedpoint.h states them."""
    a = max(-(2**31), min(2**31 - 1, acc * 2 ** max(-shift, 0)))
    product = a * multiplier
    nudge = 2**30 if product >= 0 else 1 - 2**30
    high = truncating_division(product + nudge, 2**31)
    # RoundingDivideByPOT is division rounded to nearest, ties away from zero.
    exact = Fraction(high, 2 ** max(shift, 0))
    return floor(exact + Fraction(1, 2)) if exact >= 0 else -floor(-exact + Fraction(1, 2))


@given(int32, multipliers, st.integers(-30, 31))
@examples
def test_tflite_is_gemmlowp(acc: int, multiplier: int, shift: int) -> None:
    assert int(requantize(acc, multiplier, shift, ROUND_TFLITE)) == gemmlowp(acc, multiplier, shift)


@given(int32, st.integers(0, 31))
@examples
def test_shifts_round_as_they_say(acc: int, shift: int) -> None:
    exact = Fraction(acc, 2**shift)
    assert int(requantize(acc, 0, shift, ROUND_HALF_UP)) == floor(exact + Fraction(1, 2))
    assert int(requantize(acc, 0, shift, ROUND_HALF_EVEN)) == round(exact)


@given(st.floats(2.0**-30, 2.0**29))
@examples
def test_multiplier_is_the_ratio(real: float) -> None:
    multiplier, shift = quantize_multiplier(real)
    assert 2**30 <= multiplier < 2**31
    assert abs(multiplier * 2.0 ** (-31 - shift) / real - 1) <= 2.0**-31


def test_ratios_out_of_range() -> None:
    assert quantize_multiplier(2.0**-40) == (0, 0)
    for ratio in (0.0, -1.0, float("inf"), float("nan"), 2.0**31):
        with pytest.raises(ValueError, match="scale ratio"):
            quantize_multiplier(ratio)
    assert [power_of_two_shift(2.0**-k) for k in range(32)] == list(range(32))
    for ratio in (0.75, 2.0, 2.0**-32):
        with pytest.raises(ValueError, match="scale ratio"):
            power_of_two_shift(ratio)


def test_arrays_and_scalars_agree() -> None:
    acc = np.arange(-9, 9) * 7
    shift = np.arange(18) % 5
    for rounding in (ROUND_TFLITE, ROUND_HALF_UP, ROUND_HALF_EVEN):
        together = requantize(acc, 2**30 + 12345, shift, rounding)
        apart = [int(requantize(a, 2**30 + 12345, s, rounding)) for a, s in zip(acc, shift, strict=True)]
        assert together.tolist() == apart
