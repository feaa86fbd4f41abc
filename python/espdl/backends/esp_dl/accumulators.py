# SPDX-License-Identifier: Apache-2.0
"""What ESP-DL's kernels do with a sum of products, and what proves that they do it exactly.

A sum begins with the bias, runs in lanes that saturate after every product (20 bits on ESP32-S3, 32 on ESP32-P4), is
shifted right, rounded (half up, half to even), and saturated to int8. It knows no zero points: they join the bias.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from espdl.backends.accumulators import ends_on_the_way, range_of
from espdl.backends.layers import scale_ratios, sum_constants
from espdl.chips.chip import VectorUnit
from espdl.ops.conv2d import Conv2d
from espdl.ops.gemm import Gemm
from espdl.ops.numerics import Inexact, activation_range, power_of_two_shift, requantize
from espdl.ops.params import ZeroPoints
from espdl.plan.types import Constant, KernelCall, Tensor
from espdl.targets import ROUND_HALF_EVEN, ROUND_TFLITE, Target


@dataclass(frozen=True)
class Accumulators:
    """int64 [channels] each: what a sum begins with, and its right shift."""

    bias: np.ndarray
    shift: np.ndarray


def vector_unit(target: Target) -> VectorUnit:
    """The vector unit for which ESP-DL's kernels were chosen."""
    if target.vectors is None:
        raise ValueError(f"{target.chip} has no vector unit")
    return target.vectors


def settled(node: Conv2d | Gemm, target: Target) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weights (int8), biases and shifts (int64 [channels]) of `node` that compute the same with shifts that ESP-DL has.

    A channel whose shift is too large, but which gives one value whatever the input is, gets no weights and that value
    as bias. Training with weight decay leaves such channels: their weights are next to nothing, and so is their scale.
    Inexact where a ratio of scales is no power of two of at most 1.
    """
    (x,), (y,) = node.inputs, node.outputs
    largest = vector_unit(target).max_shift
    shift = np.array([power_of_two_shift(float(r)) for r in scale_ratios(x, node.weights_scale, y)], np.int64)
    ends = bounds(node.weights, _folded(node.weights, node.bias, x.zero_point), x)
    low, high = (requantize(end, np.zeros_like(shift), shift, target.rounding) for end in ends)
    one_value = (shift > largest) & (low == high) & (np.abs(low) < 1 << (31 - largest))
    weights = node.weights.copy()
    weights[one_value] = 0
    bias = np.where(one_value, low << largest, node.bias.astype(np.int64))
    return weights, bias, np.where(one_value, largest, shift)


def of_call(call: KernelCall) -> Accumulators:
    """The sums of a lowered call, from its logical constants."""
    weights, bias, shift = (call.constant(name) for name in ("weights", "bias", "shift"))
    p = call.params_of(ZeroPoints)
    return _sums(weights, bias, shift, p.input_zero_point, p.output_zero_point)


def _sums(
    weights: np.ndarray, bias: np.ndarray, shift: np.ndarray, x_zero_point: int, y_zero_point: int
) -> Accumulators:
    shift = shift.astype(np.int64)
    return Accumulators(_folded(weights, bias, x_zero_point) + (np.int64(y_zero_point) << shift), shift)


def _folded(weights: np.ndarray, bias: np.ndarray, zero_point: int) -> np.ndarray:
    return bias.astype(np.int64) - zero_point * weights.astype(np.int64).reshape(len(weights), -1).sum(axis=1)


def constants(node: Conv2d | Gemm, target: Target) -> tuple[Constant, ...]:
    """The logical constants of a call; raises Inexact where ESP-DL cannot compute the sums exactly on the chip."""
    (x,), (y,) = node.inputs, node.outputs
    unit = vector_unit(target)
    if target.rounding == ROUND_TFLITE:
        raise Inexact("ESP-DL requantises by a shift, which needs the scheme power_of_two")
    weights, bias, shift = settled(node, target)
    sums = _sums(weights, bias, shift, x.zero_point, y.zero_point)
    if target.rounding == ROUND_HALF_EVEN and y.zero_point % 2:
        raise Inexact(f"its output's zero point {y.zero_point} is odd, so that ties would round to odd values")
    low, high = activation_range(node.activation, y)
    if low not in (-128, 0) or high != 127:
        raise Inexact(f"its activation clamps to {low} .. {high}; ESP-DL's kernels can only cut off what is below 0")
    count = len(np.unique(sums.shift))
    if count > 1 and not unit.shift_per_channel:
        raise Inexact(f"its channels need {count} different shifts; on this chip ESP-DL has one for all")
    if sums.shift.max() > unit.max_shift:
        raise Inexact(f"it needs a shift of {sums.shift.max()}; with ESP-DL at most {unit.max_shift} are of use")
    least, most = bounds(weights, sums.bias, x)
    limit, reach = 1 << (unit.lane_bits - 1), max(-least.min(), most.max())
    if least.min() < -limit or most.max() >= limit:
        raise Inexact(f"a sum can reach {reach}, which does not fit the {unit.lane_bits} bits of a lane")
    return sum_constants(weights, bias.astype(np.int32), shift.astype(np.int32))


def bounds(weights: np.ndarray, start: np.ndarray, x: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """int64 [channels]: the least and the greatest value that a sum can have on its way, in whatever order."""
    least, most = ends_on_the_way(weights.reshape(len(weights), -1), *range_of(x))
    return start + least, start + most
