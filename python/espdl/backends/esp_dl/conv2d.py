# SPDX-License-Identifier: Apache-2.0
"""Convolution by ESP-DL."""

from __future__ import annotations

from espdl.backends.esp_dl import sums
from espdl.backends.esp_dl.windows import has_border, require_window
from espdl.backends.lowering import Declined, Lowering, lowering
from espdl.ops.conv2d import Conv2d
from espdl.ops.numerics import activation_range
from espdl.plan.types import KernelCall
from espdl.targets import Target

# Bytes of the arguments that init prepares: ESPDL_DL_CONV2D_STATE in port/esp_dl/include/espdl/esp_dl/conv2d.h.
STATE_BYTES = 256
UNALIGNED = "ESP-DL is several times slower where input or output channels are no multiple of 16"


@lowering("conv2d", backend="esp_dl")
class EspDlConv2d(Lowering[Conv2d]):
    """Dense and depthwise convolutions with one shift (ESP32-S3) or one per channel (ESP32-P4)."""

    def try_lower(self, node: Conv2d, target: Target) -> KernelCall | Declined:
        (x,), (y,) = node.inputs, node.outputs
        if node.groups > 1 and not node.groups == x.shape[3] == y.shape[3]:
            return Declined(f"it has {node.groups} groups of several channels; ESP-DL has one, or one per channel")
        require_window(x.shape[1:3], node.weights.shape[1:3], node.dilations)
        if x.zero_point != 0 and _has_border(node):
            return Declined(f"its input's zero point is {x.zero_point}; ESP-DL's borders hold 0")
        constants = sums.constants(node, target)
        low, high = activation_range(node.activation, y)
        return KernelCall(
            operator=node.name,
            function="espdl_dl_conv2d_s8",
            prepare="espdl_dl_conv2d_s8_prepare",
            state_bytes=STATE_BYTES,
            params_type="espdl_conv2d_params_t",
            header="espdl/esp_dl/conv2d.h",
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
                "groups": node.groups,
                "input_zero_point": x.zero_point,
                "output_zero_point": y.zero_point,
                "activation_min": low,
                "activation_max": high,
                "rounding": target.rounding,
            },
            inputs=(x.name,),
            outputs=(y.name,),
            constants=constants,
            packing=f"esp_dl_{sums.vector_unit(target).name}",
            macs=node.macs,
            source_nodes=node.source_nodes,
            notes=(UNALIGNED,) if x.shape[3] % 16 or y.shape[3] % 16 else (),
        )


def _has_border(node: Conv2d) -> bool:
    (x,), (y,) = node.inputs, node.outputs
    kernel = node.weights.shape[1:3]
    return has_border(x.shape[1:3], y.shape[1:3], kernel, node.strides, node.dilations, node.pads)
