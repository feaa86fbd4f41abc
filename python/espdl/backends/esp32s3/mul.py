# SPDX-License-Identifier: Apache-2.0
"""Elementwise product on the ESP32-S3's vector unit."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from espdl.backends.esp32s3 import words
from espdl.backends.esp32s3.lanes import OTHER_ROUNDING, pack_lanes
from espdl.backends.lowering import Declined, lowering, packing, portable
from espdl.ops.mul import Mul, MulParams
from espdl.plan.types import Constant, KernelCall
from espdl.targets import ROUND_HALF_UP, ROUND_TFLITE, Target

# A product, half a unit and the output's zero point stay within 20 bits.
MAX_SHIFT = 11
# As in include/espdl/esp32s3/mul.h; more channels gain nothing by being repeated, or need much memory for it.
REPEATED, MOST_CHANNELS = 256, 256


@lowering("mul", "esp32s3", "int8")
def lower_mul(node: Mul, target: Target) -> KernelCall | Declined:
    """A product and a shift, or what is exactly TFLite's result, for 16 elements at once."""
    call = portable(node, target)
    if isinstance(call, Declined):
        return call
    p = call.params_of(MulParams)
    call = replace(call, header="espdl/esp32s3/mul.h")
    if target.rounding == ROUND_TFLITE:
        more = words.scale_constants(p, node.a, node.b)
        call = replace(call, constants=(*call.constants, *more), packing="esp32s3_words")
        return _with_function(call, p, "affine_")
    if target.rounding != ROUND_HALF_UP:
        return Declined(OTHER_ROUNDING)
    if p.a_zero_point or p.b_zero_point:
        return Declined(f"its operands have the zero points {p.a_zero_point} and {p.b_zero_point}")
    if p.multiplier or p.left_shift or p.shift > MAX_SHIFT:
        return Declined(f"its scales differ by no shift of 0 .. {MAX_SHIFT}")
    start = (p.output_zero_point << p.shift) + ((1 << p.shift) >> 1)
    constants = (*call.constants, Constant("start", np.array(start, np.int64)))
    return _with_function(replace(call, constants=constants, packing="esp32s3_mul"), p, "")


def _with_function(call: KernelCall, p: MulParams, scheme: str) -> KernelCall | Declined:
    """Row by row, or one operand's channels as often as a pass over them all needs them."""
    channels = p.shape[3]
    whole = (channels * p.shape[1] * p.shape[2], channels * p.shape[2], channels, 1)
    for swapped, (a, b) in enumerate(((p.a_strides, p.b_strides), (p.b_strides, p.a_strides))):
        is_repeated = math.prod(p.shape) > channels and _same(p.shape, b, (0, 0, 0, 1)) and channels < MOST_CHANNELS
        if not (is_repeated and _same(p.shape, a, whole)) or (swapped and len(call.inputs) == 1):
            continue
        zeros = (p.b_zero_point, p.a_zero_point) if swapped else (p.a_zero_point, p.b_zero_point)
        return replace(
            call,
            function=f"espdl_s3_mul_channels_{scheme}s8",
            params=replace(p, a_strides=a, b_strides=b, a_zero_point=zeros[0], b_zero_point=zeros[1]),
            inputs=call.inputs[::-1] if swapped else call.inputs,
            in_place=((0, 0),),
            scratch_bytes=_repeated_bytes(channels),
        )
    if p.a_strides[3] != 1 or p.b_strides[3] != 1:
        return Declined("it repeats an operand along the last axis")
    if any(stride % 16 for stride in (*p.a_strides[:3], *p.b_strides[:3])):
        return Declined("its rows are no whole vectors")
    return replace(call, function=f"espdl_s3_mul_{scheme}s8")


def _same(shape: tuple[int, ...], strides: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    return all(size == 1 or one == other for size, one, other in zip(shape, strides, wanted))


def _repeated_bytes(channels: int) -> int:
    """What the kernel fills: whole vectors of all channels, as many as it has bytes for at least."""
    least = math.lcm(channels, 16)
    return max(1, (REPEATED - channels) // least + 1) * least


@packing("esp32s3_mul")
def mul(call: KernelCall) -> list[np.ndarray]:
    """The constant operand, if there is one; what QACC begins with."""
    *operand, start = (constant.data for constant in call.constants)
    return [*operand, pack_lanes(np.full(16, start)).reshape(-1)]
