# SPDX-License-Identifier: Apache-2.0
"""Integer arithmetic shared by the references: requantisation, saturation, multipliers.

The functions follow include/espdl/kernels/requantize.h definition by definition, on numpy integers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import DTypeLike

from espdl.errors import present
from espdl.plan.types import Tensor
from espdl.targets import ROUND_HALF_EVEN, ROUND_HALF_UP, ROUND_TFLITE

INT32_MIN, INT32_MAX = -(2**31), 2**31 - 1


class Inexact(ValueError):
    """Raised where integers cannot compute something exactly; the text is the reason, as a sentence."""


def quantize_multiplier(real: float) -> tuple[int, int]:
    """`real` as (multiplier, shift) with real = multiplier * 2**-31 * 2**-shift and 2**30 <= multiplier < 2**31.

    TFLite's QuantizeMultiplier with the sign of the shift turned: a positive shift is a right shift. A ratio too small
    for a shift of 31 becomes (0, 0). Raises Inexact for ratios that are not positive, or not below 2**30.
    """
    if not (real > 0.0 and math.isfinite(real)):
        raise Inexact(f"a scale ratio must be positive and finite, not {real}")
    mantissa, exponent = math.frexp(real)
    multiplier = round(mantissa * (1 << 31))
    if multiplier == 1 << 31:
        multiplier //= 2
        exponent += 1
    if exponent < -31:
        return 0, 0
    if exponent > 30:
        raise Inexact(f"a scale ratio must be below 2**30, not {real}")
    return multiplier, -exponent


def power_of_two_shift(real: float) -> int:
    """The right shift that multiplies by `real`; raises Inexact where `real` is no power of two of at most 1."""
    mantissa, exponent = math.frexp(real)
    shift = 1 - exponent
    if mantissa != 0.5 or not 0 <= shift <= 31:
        raise Inexact(f"the scale ratio {real} is not 2**-shift with 0 <= shift <= 31")
    return shift


def requantization(ratios: Sequence[float] | np.ndarray, rounding: str) -> tuple[np.ndarray, np.ndarray]:
    """(multipliers int32, shifts int32) for real ratios s_in * s_w / s_out, one per channel."""
    if rounding == ROUND_TFLITE:
        pairs = [quantize_multiplier(float(r)) for r in ratios]
    else:
        pairs = [(0, power_of_two_shift(float(r))) for r in ratios]
    return np.array([p[0] for p in pairs], np.int32), np.array([p[1] for p in pairs], np.int32)


def requantize(acc: np.ndarray, multiplier: int | np.ndarray, shift: int | np.ndarray, rounding: str) -> np.ndarray:
    """Scale int32 accumulators down; int64 in, int64 out (values of int32).

    ROUND_TFLITE: a left shift (negative `shift`) saturates to int32, then saturating rounding doubling high multiply
    (gemmlowp: nudge towards the sign, truncating division), then rounding right shift, ties away from zero.
    ROUND_HALF_UP / ROUND_HALF_EVEN: `multiplier` is not used; an arithmetic right shift with ties up / to even.
    """
    acc = np.asarray(acc, np.int64)
    multiplier = np.asarray(multiplier, np.int64)
    shift = np.asarray(shift, np.int64)
    right = np.maximum(shift, 0)
    if rounding == ROUND_TFLITE:
        left = np.maximum(-shift, 0)
        shifted = np.clip(acc << left, INT32_MIN, INT32_MAX)
        high = _rounding_doubling_high(shifted, multiplier)
        return _shift_ties_away(high, right)
    half = np.where(right > 0, np.int64(1) << np.maximum(right - 1, 0), 0)
    if rounding == ROUND_HALF_UP:
        return (acc + half) >> right
    if rounding == ROUND_HALF_EVEN:
        floor = acc >> right
        remainder = acc - (floor << right)
        up = (remainder > half) | ((remainder == half) & (floor & 1 == 1))
        return floor + (up & (right > 0))
    raise ValueError(f"unknown rounding {rounding}")


def _rounding_doubling_high(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    product = a * b
    nudge = np.where(product >= 0, 1 << 30, 1 - (1 << 30))
    total = product + nudge
    quotient = np.where(total >= 0, total >> 31, -((-total) >> 31))  # C's division truncates towards zero
    return np.where((a == INT32_MIN) & (b == INT32_MIN), INT32_MAX, quotient)


def _shift_ties_away(value: np.ndarray, shift: np.ndarray) -> np.ndarray:
    mask = (np.int64(1) << shift) - 1
    remainder = value & mask
    threshold = (mask >> 1) + (value < 0)
    return (value >> shift) + (remainder > threshold)


def saturate(value: np.ndarray, low: int, high: int, dtype: DTypeLike = np.int8) -> np.ndarray:
    return np.clip(value, low, high).astype(dtype)


def quantize_value(real: np.ndarray | float, tensor: Tensor) -> np.ndarray:
    """Float to the tensor's integers: round to nearest even, saturate."""
    return present(tensor.quantization).quantize(np.asarray(real, np.float64))


def activation_range(activation: tuple[float, float] | None, output: Tensor) -> tuple[int, int]:
    """The integers to which a fused activation (low, high; real values) clamps the output."""
    info = np.iinfo(output.dtype)
    if activation is None:
        return int(info.min), int(info.max)
    low, high = (
        int(quantize_value(v, output)) if math.isfinite(v) else (info.min if v < 0 else info.max) for v in activation
    )
    return int(low), int(max(low, high))


def int16_multiplier(real: float, bound: int) -> tuple[int, int]:
    """(multiplier, shift) with real = multiplier * 2**-shift, for int64 sums of at most `bound` (16-bit activations).

    The multiplier has 31 bits, or as many fewer as keep |value * multiplier| below 2**62. 1 <= shift <= 62. A ratio too
    small for that becomes (0, 1). Raises Inexact for ratios that are not positive or too large.
    """
    if not (real > 0.0 and math.isfinite(real)):
        raise Inexact(f"a scale ratio must be positive and finite, not {real}")
    bits = min(31, 62 - int(bound).bit_length())
    mantissa, exponent = math.frexp(real)
    multiplier = round(mantissa * 2**bits)
    if multiplier == 2**bits:
        multiplier //= 2
        exponent += 1
    shift = bits - exponent
    if shift > 62:
        return 0, 1
    if bits < 16 or shift < 1:
        raise Inexact(f"the scale ratio {real} for values up to {bound} leaves 64 bits")
    return multiplier, shift


def int16_multipliers(ratios: np.ndarray, bounds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """int32 multipliers and shifts of several ratios."""
    pairs = [int16_multiplier(float(r), int(b)) for r, b in zip(ratios, bounds)]
    return np.array([p[0] for p in pairs], np.int32), np.array([p[1] for p in pairs], np.int32)


def scale_int16(values: np.ndarray, multiplier: int | np.ndarray, shift: int | np.ndarray) -> np.ndarray:
    """int64 -> int64: values * multiplier * 2**-shift, ties towards plus infinity (src/kernels/wide_inline.h)."""
    return shift_half_up(np.asarray(values, np.int64) * np.asarray(multiplier, np.int64), shift)


def shift_half_up(values: np.ndarray, shift: int | np.ndarray) -> np.ndarray:
    """int64 -> int64: values * 2**-shift, ties towards plus infinity; shifts are 1 or more."""
    places = np.asarray(shift, np.int64)
    return (values + (np.int64(1) << (places - 1))) >> places
