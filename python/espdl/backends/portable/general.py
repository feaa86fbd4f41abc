# SPDX-License-Identifier: Apache-2.0
"""The call of the general convolution kernel, which runs every convolution and every product with constant weights."""

from __future__ import annotations

import numpy as np

from espdl.backends.overlap import lead_of_windows
from espdl.backends.records import scale_ratios
from espdl.ops.conv2d import Conv2d
from espdl.ops.gemm import Gemm
from espdl.ops.numerics import activation_range, requantization
from espdl.plan.types import Constant, KernelCall
from espdl.targets import Target


def general(node: Conv2d, target: Target) -> KernelCall:
    """Any groups, strides, dilations and pads."""
    (x,), (y,) = node.inputs, node.outputs
    return _call(
        node,
        target,
        node.weights,
        {
            "input_height": x.shape[1],
            "input_width": x.shape[2],
            "input_channels": x.shape[3],
            "output_height": y.shape[1],
            "output_width": y.shape[2],
            "output_channels": y.shape[3],
            "kernel_height": node.weights.shape[1],
            "kernel_width": node.weights.shape[2],
            "stride_height": node.strides[0],
            "stride_width": node.strides[1],
            "dilation_height": node.dilations[0],
            "dilation_width": node.dilations[1],
            "pad_top": node.pads[0],
            "pad_left": node.pads[1],
            "groups": node.groups,
        },
    )


def general_product(node: Gemm, target: Target) -> KernelCall:
    """A product as the convolution of a row of pixels with one pixel."""
    outputs, inputs = node.weights.shape
    rows = node.inputs[0].count // inputs
    return _call(
        node,
        target,
        node.weights.reshape(outputs, 1, 1, inputs),
        {
            "input_height": 1,
            "input_width": rows,
            "input_channels": inputs,
            "output_height": 1,
            "output_width": rows,
            "output_channels": outputs,
            "kernel_height": 1,
            "kernel_width": 1,
            "stride_height": 1,
            "stride_width": 1,
            "dilation_height": 1,
            "dilation_width": 1,
            "pad_top": 0,
            "pad_left": 0,
            "groups": 1,
        },
    )


def _call(node: Conv2d | Gemm, target: Target, weights: np.ndarray, shape: dict[str, int]) -> KernelCall:
    (x,), (y,) = node.inputs, node.outputs
    channels = shape["input_channels"], shape["output_channels"]
    multiplier, shift = requantization(scale_ratios(x, node.weights_scale, y), target.rounding)
    low, high = activation_range(node.activation, y)
    return KernelCall(
        operator="conv2d",
        function="espdl_conv2d_s8",
        params_type="espdl_conv2d_params_t",
        header="espdl/kernels/conv2d.h",
        params={
            **shape,
            "input_pitch": channels[0],
            "output_pitch": channels[1],
            "input_zero_point": x.zero_point,
            "output_zero_point": y.zero_point,
            "activation_min": low,
            "activation_max": high,
            "rounding": target.rounding,
        },
        inputs=(x.name,),
        outputs=(y.name,),
        constants=(
            Constant("weights", weights),
            Constant("bias", node.bias),
            Constant("multiplier", multiplier),
            Constant("shift", shift),
        ),
        packing="weights_and_channels",
        overlaps=((0, 0, lead_of_windows(shape, *channels)),),
        pitched=("input_pitch", "output_pitch") if x.shape[-1] == channels[0] else ("output_pitch",),
        macs=node.macs,
        source_nodes=node.source_nodes,
    )
