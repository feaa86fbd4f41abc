# SPDX-License-Identifier: Apache-2.0
"""The vector unit's sums: lanes of 20 bits that saturate after every product, and what proves that none ever does."""

from __future__ import annotations

import numpy as np

from espdl.backends.accumulators import ends_on_the_way, range_of
from espdl.backends.layers import scale_ratios
from espdl.ops.conv2d import Conv2d
from espdl.ops.gemm import Gemm
from espdl.ops.numerics import Inexact, power_of_two_shift
from espdl.plan.types import Tensor
from espdl.targets import ROUND_HALF_UP, Target

LANE_MIN, LANE_MAX = -(2**19), 2**19 - 1
# A larger shift would leave nothing of 20 bits.
MAX_SHIFT = 19
# Sums in parts: at most so many; a part is set aside in int8 multiples of 2**PART_BITS or of the output's unit, and
# must be brought to that unit by a factor of int8.
MAX_PARTS, PART_BITS, MIN_PARTS_SHIFT = 8, 12, 6


def common_shift(x: Tensor, weights_scale: np.ndarray, y: Tensor, target: Target) -> int:
    """The one right shift that requantises all channels; Inexact with the reason where there is none."""
    if target.rounding != ROUND_HALF_UP:
        raise Inexact("the vector unit requantises by a shift rounded half up, which the scheme power_of_two has")
    shifts = {power_of_two_shift(float(ratio)) for ratio in np.unique(scale_ratios(x, weights_scale, y))}
    if len(shifts) != 1:
        raise Inexact(f"its channels need {len(shifts)} different shifts; the vector unit has one for all")
    (shift,) = shifts
    if shift > MAX_SHIFT:
        raise Inexact(f"it needs a shift of {shift}; the vector unit's sums have 20 bits")
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


def fits(node: Conv2d | Gemm, shift: int) -> bool:
    """Whether no sum can leave the lanes, in whatever order, with whatever taps in the border."""
    return _fit(_parts(node, 1), node, shift)


def count_parts(node: Conv2d | Gemm, shift: int) -> int:
    """Into how many parts (1 .. MAX_PARTS) sums must be split to stay in the lanes; 0: the kernel has no such split.

    A part's multiples of 2**PART_BITS are set aside; the next part begins with the rest.
    """
    if fits(node, shift):
        return 1
    weights = node.weights.reshape(len(node.weights), 1, 1, -1) if isinstance(node, Gemm) else node.weights
    _, rows, columns, inputs = weights.shape
    if inputs % 16 or shift < MIN_PARTS_SHIFT or max(getattr(node, "dilations", (1, 1))) > 1:
        return 0
    if (rows, columns) == (1, 1):
        vectors = inputs // 16
        choices = [n for n in range(2, MAX_PARTS + 1) if -(-vectors // -(-vectors // n)) == n]
    else:
        choices = [rows] if 1 < rows <= MAX_PARTS else []
    return next((n for n in choices if _fit(_parts(node, n), node, shift)), 0)


def notes_of_parts(wide: bool, parts: int) -> tuple[str, ...]:
    """What the report says of sums that 20 bits might not hold."""
    if wide:
        return ("some sum may leave the 20 bits of a lane: computed in 40 bits, at about half the speed",)
    return (f"some sum may leave the 20 bits of a lane: computed in {parts} parts",) if parts > 1 else ()


def _parts(node: Conv2d | Gemm, count: int) -> np.ndarray:
    """int64 [channels, parts, taps of a part]: the weights in the order of the parts, the last filled up with zeros."""
    taps = node.weights.astype(np.int64).reshape(len(node.weights), -1)
    if count > 1:
        vectors = taps.shape[1] // 16
        taps = np.pad(taps, ((0, 0), (0, (-(-vectors // count) * count - vectors) * 16)))
    return taps.reshape(len(node.weights), count, -1)


def _fit(parts: np.ndarray, node: Conv2d | Gemm, shift: int) -> bool:
    (x,), (y,) = node.inputs, node.outputs
    biases = lane_biases(node.weights, node.bias, x.zero_point, y.zero_point, shift)
    least, most = ends_on_the_way(parts, *range_of(x))
    # A window at the border has some neighbouring parts only.
    return all(_runs_fit(most[:, i:], least[:, i:], biases, shift) for i in range(parts.shape[1]))


def _runs_fit(most: np.ndarray, least: np.ndarray, biases: np.ndarray, shift: int) -> bool:
    """Whether all parts, one after the other, stay in the lanes; `most`, `least`: what each adds at the extremes."""
    rest = (1 << max(shift, PART_BITS)) - 1
    top = bottom = biases
    for part in range(most.shape[1]):
        if (top + most[:, part]).max() > LANE_MAX or (bottom + least[:, part]).min() < LANE_MIN:
            return False
        top, bottom = np.full_like(biases, rest), np.zeros_like(biases)
    return True


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
