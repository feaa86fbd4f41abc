# SPDX-License-Identifier: Apache-2.0
"""Convolution of 16-bit activations in portable C."""

from __future__ import annotations

from espdl.backends.lowering import Lowering, lowering
from espdl.backends.portable.sums_int16 import call
from espdl.ops.conv2d_int16 import Conv2dInt16
from espdl.plan.types import KernelCall
from espdl.targets import Target


@lowering("conv2d_int16", backend="portable")
class PortableConv2dInt16(Lowering[Conv2dInt16]):
    """Any groups, strides, dilations and pads."""

    takes_int16 = True

    def try_lower(self, node: Conv2dInt16, target: Target) -> KernelCall:
        (x,), (y,) = node.inputs, node.outputs
        shape = {
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
        }
        return call(node, node.weights, shape)
