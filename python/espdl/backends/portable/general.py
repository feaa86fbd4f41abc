# SPDX-License-Identifier: Apache-2.0
"""The kernels that run every convolution and every product: one for 8 bits, one for 16."""

from __future__ import annotations

import numpy as np

from espdl.backends.accumulators import largest, reach
from espdl.backends.layers import (
    clamp,
    conv_shape,
    require_no_zero_points,
    require_plain_border,
    scale_ratios,
    sum_constants,
)  # fmt: skip
from espdl.backends.lowering import call_of, lowering
from espdl.backends.overlap import overlap_offset_of_windows
from espdl.ops.conv2d import Conv2d, Conv2dParams, Conv2dS16Params
from espdl.ops.gemm import Gemm
from espdl.ops.numerics import int16_multipliers, requantization
from espdl.ops.params import GroupedConvShape
from espdl.plan.types import ITEM_BYTES, KernelCall, Tensor
from espdl.targets import Target


@lowering("conv2d", "portable", "int16")
@lowering("gemm", "portable", "int16")
def general(node: Conv2d | Gemm, target: Target) -> KernelCall:
    """Any groups, strides, dilations and pads; a product is the convolution of a row of pixels with one pixel."""
    if isinstance(node, Conv2d):
        require_plain_border(node)
        return _call(node, target, node.weights, GroupedConvShape(**vars(conv_shape(node)), groups=node.groups))
    outputs, inputs = node.weights.shape
    rows = node.inputs[0].count // inputs
    shape = GroupedConvShape(1, rows, inputs, 1, rows, outputs, 1, 1, 1, 1, 1, 1, pad_top=0, pad_left=0, groups=1)
    return _call(node, target, node.weights.reshape(outputs, 1, 1, inputs), shape)


def _call(node: Conv2d | Gemm, target: Target, weights: np.ndarray, shape: GroupedConvShape) -> KernelCall:
    (x,), (y,) = node.inputs, node.outputs
    ratios = scale_ratios(x, node.weights_scale, y)
    fields = {**vars(shape), **clamp(node.activation, y)}
    channels = shape.input_channels, shape.output_channels
    offset = overlap_offset_of_windows(shape, *(ITEM_BYTES[node.dtype] * c for c in channels))
    shared = {"operator": "conv2d", "packing": "weights_and_channels", "macs": node.macs, "overlaps": ((0, 0, offset),)}
    if node.dtype == "int16":
        require_no_zero_points(node)
        multiplier, shift = int16_multipliers(ratios, reach(weights, largest(x), node.bias))
        shared |= {"constants": sum_constants(weights, node.bias, shift, multiplier)}
        header = "espdl/kernels/conv2d_s16.h"
        return call_of(node, "espdl_conv2d_s16", header, Conv2dS16Params(**fields), **shared)
    multiplier, shift = requantization(ratios, target.rounding)
    params = Conv2dParams(
        **fields,
        input_pitch=channels[0],
        output_pitch=channels[1],
        input_zero_point=x.zero_point,
        output_zero_point=y.zero_point,
        rounding=target.rounding,
    )
    return call_of(
        node,
        "espdl_conv2d_s8",
        "espdl/kernels/conv2d.h",
        params,
        constants=sum_constants(weights, node.bias, shift, multiplier),
        pitched=pitches(x, channels[0]),
        **shared,
    )


def pitches(x: Tensor, channels: int) -> tuple[str, ...]:
    """`KernelCall.pitched` of a kernel that reads vectors of so many values; those of `x` may be whole images."""
    return ("input_pitch", "output_pitch") if x.shape[-1] == channels else ("output_pitch",)
