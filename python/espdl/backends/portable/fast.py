# SPDX-License-Identifier: Apache-2.0
"""The requantisation that costs least (`espdl_fast_channel_t`): where it is exact, and its records.

TFLite rounds acc * multiplier * 2**-31 * 2**-e twice, ties up and then ties away from zero. With h the high word of
4 * acc * multiplier that is floor((h + 1 + 2**e + (-2 if acc <= 0)) / 2**(e + 1)) for e >= 1; the zero point joins
the sum before the shift. With multiplier 2**30 h is acc itself, and ties that go up need only their half.
"""

from __future__ import annotations

import numpy as np

from espdl.backends.records import largest_input
from espdl.plan.types import KernelCall, Tensor
from espdl.targets import ROUND_HALF_EVEN, ROUND_HALF_UP

INT32 = 2**31
# A ratio too small for a shift of 31 is multiplier 0; any shift will do that hides the correction.
_SHIFT_OF_ZERO = 9


def decline_fast(
    x: Tensor,
    y: Tensor,
    weights: np.ndarray,
    bias: np.ndarray,
    multiplier: np.ndarray,
    shift: np.ndarray,
    rounding: str,
) -> str | None:
    """Why the fast requantisation is not exact for this layer (`weights` have the channels first), or None."""
    if rounding == ROUND_HALF_EVEN:
        return "the fast kernels do not round ties to even"
    if rounding != ROUND_HALF_UP and (shift < 1).any():
        return "a scale ratio of 1/2 or more needs the general requantisation"
    filters = np.abs(weights.astype(np.int64)).reshape(weights.shape[0], -1)
    taps = filters.sum(axis=1)
    bound = np.abs(bias.astype(np.int64)) + taps * largest_input(x)
    if bound.max() >= 2**29:
        return f"a sum can reach {bound.max()}, and the fast requantisation takes less than 2**29"
    folded = np.abs(_folded_bias(weights, bias, x.zero_point)) + 128 * taps
    if folded.max() >= INT32:
        return "the bias with the zero point folded in does not fit 32 bits"
    scale, offset, right = _terms(multiplier, shift, y.zero_point, rounding)
    largest = (4 * bound * scale >> 32) + 3 + np.abs(offset)
    if largest.max() >= INT32 or (right > 31).any():
        return "its shift and zero point together leave the range of the fast requantisation"
    return None


def fast_records(call: KernelCall, multiple: int = 1) -> np.ndarray:
    """int32 [channels, 4], the memory of `espdl_fast_channel_t`; channels rounded up to a multiple of `multiple`."""
    p = call.params
    multiplier, shift = call.constant("multiplier"), call.constant("shift")
    scale, offset, right = _terms(multiplier, shift, p["output_zero_point"], p["rounding"])
    bias = _folded_bias(call.constant("weights"), call.constant("bias"), p["input_zero_point"])
    records = np.stack([bias, scale, offset, right], axis=1).astype(np.int32)
    return np.pad(records, ((0, -len(records) % multiple), (0, 0)))


def _folded_bias(weights: np.ndarray, bias: np.ndarray, zero_point: int) -> np.ndarray:
    return bias.astype(np.int64) - zero_point * weights.astype(np.int64).reshape(weights.shape[0], -1).sum(axis=1)


def _terms(
    multiplier: np.ndarray, shift: np.ndarray, zero_point: int, rounding: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """int64 multiplier, offset and shift of the records."""
    scale, e = multiplier.astype(np.int64), shift.astype(np.int64)
    if rounding == ROUND_HALF_UP:
        half = np.where(e > 0, np.int64(1) << np.maximum(e - 1, 0), 0)
        return np.full_like(scale, 2**30), half + (np.int64(zero_point) << e), e
    e = np.where(scale == 0, _SHIFT_OF_ZERO, e)
    return scale, 1 + (np.int64(1) << e) + (np.int64(zero_point) << (e + 1)), e + 1
