# SPDX-License-Identifier: Apache-2.0
"""Transposed convolution in portable C."""

from __future__ import annotations

from espdl.backends.lowering import Lowering, lowering
from espdl.backends.records import require_int32, scale_ratios
from espdl.ops.conv_transpose2d import ConvTranspose2d
from espdl.ops.numerics import activation_range, requantization
from espdl.plan.types import Constant, KernelCall
from espdl.targets import Target


@lowering("conv_transpose2d", backend="portable")
class PortableConvTranspose2d(Lowering[ConvTranspose2d]):
    """Every value of the output gathers what reaches it."""

    def try_lower(self, node: ConvTranspose2d, target: Target) -> KernelCall:
        (x,), (y,) = node.inputs, node.outputs
        require_int32(x, node.weights, node.bias)
        multiplier, shift = requantization(scale_ratios(x, node.weights_scale, y), target.rounding)
        low, high = activation_range(node.activation, y)
        return KernelCall(
            operator=node.name,
            function="espdl_conv_transpose2d_s8",
            params_type="espdl_conv_transpose2d_params_t",
            header="espdl/kernels/conv_transpose2d.h",
            params={
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
                "output_pitch": y.shape[3],
                "input_zero_point": x.zero_point,
                "output_zero_point": y.zero_point,
                "activation_min": low,
                "activation_max": high,
                "rounding": target.rounding,
            },
            inputs=(x.name,),
            outputs=(y.name,),
            constants=(
                Constant("weights", node.weights),
                Constant("bias", node.bias),
                Constant("multiplier", multiplier),
                Constant("shift", shift),
            ),
            packing="weights_and_channels",
            pitched=("output_pitch",),
            macs=node.macs,
            source_nodes=node.source_nodes,
        )
