# SPDX-License-Identifier: Apache-2.0
"""Transposed convolution in portable C."""

from __future__ import annotations

from espdl.backends.accumulators import largest, reach, require_int32
from espdl.backends.layers import clamp, conv_shape, scale_ratios, sum_constants
from espdl.backends.lowering import call_of, lowering
from espdl.ops.conv_transpose2d import ConvTranspose2d, ConvTranspose2dParams
from espdl.ops.numerics import requantization
from espdl.plan.types import KernelCall
from espdl.targets import Target


@lowering("conv_transpose2d", "portable", "int8")
def lower_conv_transpose2d(node: ConvTranspose2d, target: Target) -> KernelCall:
    """Every value of the output gathers what reaches it."""
    (x,), (y,) = node.inputs, node.outputs
    require_int32(int(reach(node.weights, largest(x), node.bias).max()))
    multiplier, shift = requantization(scale_ratios(x, node.weights_scale, y), target.rounding)
    return call_of(
        node,
        "espdl_conv_transpose2d_s8",
        "espdl/kernels/conv_transpose2d.h",
        ConvTranspose2dParams(
            **vars(conv_shape(node)),
            output_pitch=y.shape[3],
            input_zero_point=x.zero_point,
            output_zero_point=y.zero_point,
            **clamp(node.activation, y),
            rounding=target.rounding,
        ),
        constants=sum_constants(node.weights, node.bias, shift, multiplier),
        packing="weights_and_channels",
        pitched=("output_pitch",),
        macs=node.macs,
    )
