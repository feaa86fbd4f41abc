# SPDX-License-Identifier: Apache-2.0
"""Matrix product with constant weights in portable C."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from espdl.backends.accumulators import largest, reach, require_int32
from espdl.backends.layers import clamp, scale_ratios, sum_constants
from espdl.backends.lowering import call_of, lowering
from espdl.backends.portable.fast import decline_fast
from espdl.backends.portable.general import general, pitches
from espdl.ops.conv2d import Conv2d
from espdl.ops.gemm import Gemm, GemmParams
from espdl.ops.numerics import requantization
from espdl.plan.types import KernelCall
from espdl.targets import Target

# From this many rows on, three at a time are faster than one, though some of the last three may be idle.
MIN_ROWS_3X8 = 3
# Up to this many weights one row costs little, and the kernel for many rows, which convolutions of 1x1 use, will do.
SMALL_PRODUCT = 1000


@lowering("gemm", "portable", "int8")
def lower_gemm(node: Gemm, target: Target) -> KernelCall:
    """Three rows or one at a time; the general kernel where the fast requantisation is not exact."""
    require_int32(int(reach(node.weights, largest(node.inputs[0]), node.bias).max()))
    if target.optimize == "size":
        return general(node, target)
    return product(node, node.weights, target)


def params_of(node: Gemm | Conv2d, weights: np.ndarray, target: Target) -> GemmParams:
    """Of the product of every vector of `node`'s input with `weights` [outputs, inputs]."""
    (x,), (y,) = node.inputs, node.outputs
    outputs, inputs = weights.shape
    return GemmParams(
        rows=x.count // inputs,
        inputs=inputs,
        outputs=outputs,
        input_pitch=inputs,
        output_pitch=outputs,
        input_zero_point=x.zero_point,
        output_zero_point=y.zero_point,
        **clamp(node.activation, y),
        rounding=target.rounding,
    )


def product(node: Gemm | Conv2d, weights: np.ndarray, target: Target) -> KernelCall:
    """The call that multiplies every vector of `node`'s input with `weights` [outputs, inputs]."""
    (x,), (y,) = node.inputs, node.outputs
    multiplier, shift = requantization(scale_ratios(x, node.weights_scale, y), target.rounding)
    inputs = weights.shape[1]
    call = call_of(
        node,
        "espdl_gemm_s8",
        "espdl/kernels/gemm.h",
        params_of(node, weights, target),
        operator="gemm",
        constants=sum_constants(weights, node.bias, shift, multiplier),
        packing="weights_and_channels",
        pitched=pitches(x, inputs),
        macs=node.macs,
    )
    slow = decline_fast(call)
    if slow is not None:
        return replace(call, notes=(slow,))
    if x.count // inputs >= MIN_ROWS_3X8 or weights.size <= SMALL_PRODUCT:
        return replace(
            call,
            function="espdl_gemm_3x8_s8",
            packing="blocks_in_parts",
            scratch_bytes=8 * inputs,
            in_place=((0, 0),),
        )
    return replace(call, function="espdl_gemm_1x8_s8", packing="blocks_of_8")
