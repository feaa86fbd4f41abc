# SPDX-License-Identifier: Apache-2.0
"""The vector unit's sums: lanes of 20 bits that saturate after every product, and what proves that none ever does."""

from __future__ import annotations

import numpy as np

from espdl.backends.records import scale_ratios
from espdl.ops.numerics import power_of_two_shift
from espdl.plan.types import Tensor
from espdl.targets import ROUND_HALF_UP, Target

LANE_MIN, LANE_MAX = -(2**19), 2**19 - 1
# A larger shift would leave nothing of 20 bits.
MAX_SHIFT = 19


def common_shift(x: Tensor, weights_scale: np.ndarray, y: Tensor, target: Target) -> int:
    """The one right shift that requantises all channels; ValueError with the reason where there is none."""
    if target.rounding != ROUND_HALF_UP:
        raise ValueError("the vector unit requantises by a shift rounded half up, which the scheme power_of_two has")
    shifts = {power_of_two_shift(float(ratio)) for ratio in np.unique(scale_ratios(x, weights_scale, y))}
    if len(shifts) != 1:
        raise ValueError(f"its channels need {len(shifts)} different shifts; the vector unit has one for all")
    (shift,) = shifts
    if shift > MAX_SHIFT:
        raise ValueError(f"it needs a shift of {shift}; the vector unit's sums have 20 bits")
    return shift


def lane_biases(
    weights: np.ndarray, bias: np.ndarray, input_zero_point: int, output_zero_point: int, shift: int
) -> np.ndarray:
    """int64 [channels]: what a sum of w * q begins with, so that a shift rounded down gives the output.

    `weights` are [channels, ...]; the zero points and half a unit of the output are in it.
    """
    taps = weights.astype(np.int64).reshape(len(weights), -1).sum(axis=1)
    half = (1 << shift) >> 1
    return bias.astype(np.int64) - input_zero_point * taps + (output_zero_point << shift) + half


def fits_lanes(weights: np.ndarray, biases: np.ndarray, low: int, high: int) -> np.ndarray:
    """bool [channels]: whether no sum leaves 20 bits, in whatever order, for any part of the taps, for inputs low .. high."""
    w = weights.astype(np.int64).reshape(len(weights), -1)
    most = biases + np.maximum(np.maximum(w * low, w * high), 0).sum(axis=1)
    least = biases + np.minimum(np.minimum(w * low, w * high), 0).sum(axis=1)
    return (most <= LANE_MAX) & (least >= LANE_MIN)


def value_range(x: Tensor) -> tuple[int, int]:
    """The int8 values that a tensor can hold."""
    return x.limits or (-128, 127)


def pack_lanes(biases: np.ndarray) -> np.ndarray:
    """uint8 [groups, 48]: 16 biases in the bits of QACC, as ee.ld.qacc_* loads them, then 8 bytes of nothing.

    The lowest 128 bits of lanes 0 .. 7, the same of lanes 8 .. 15, the highest 32 of lanes 0 .. 7, of lanes 8 .. 15.
    """
    lanes = np.zeros(-(-len(biases) // 16) * 16, np.int64)
    lanes[: len(biases)] = biases
    if lanes.min() < LANE_MIN or lanes.max() > LANE_MAX:
        raise ValueError("a bias does not fit 20 bits")
    bits = (lanes.reshape(-1, 2, 8, 1) >> np.arange(20)) & 1
    halves = np.packbits(bits.astype(np.uint8).reshape(-1, 2, 160), axis=2, bitorder="little")
    groups = len(halves)
    packed = np.zeros((groups, 48), np.uint8)
    packed[:, :32] = halves[:, :, :16].reshape(groups, 32)
    packed[:, 32:40] = halves[:, :, 16:].reshape(groups, 8)
    return packed
