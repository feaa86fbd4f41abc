# SPDX-License-Identifier: Apache-2.0
"""Convolution by ESP-DL."""

from __future__ import annotations

from collections.abc import Sequence

from espdl.backends.esp_dl import accumulators
from espdl.backends.layers import clamp, conv_shape, has_border, require_plain_border
from espdl.backends.lowering import Declined, call_of, lowering
from espdl.ops.conv2d import Conv2d, Conv2dParams
from espdl.ops.numerics import Inexact
from espdl.plan.types import KernelCall
from espdl.targets import Target

# Bytes of the arguments that init prepares: ESPDL_DL_CONV2D_STATE in port/esp_dl/include/espdl/esp_dl/conv2d.h.
STATE_BYTES = 256
UNALIGNED = "ESP-DL is several times slower where input or output channels are no multiple of 16"


@lowering("conv2d", "esp_dl", "int8")
def lower_conv2d(node: Conv2d, target: Target) -> KernelCall | Declined:
    """Dense and depthwise convolutions with one shift (ESP32-S3) or one per channel (ESP32-P4)."""
    (x,), (y,) = node.inputs, node.outputs
    if node.groups > 1 and not node.groups == x.shape[3] == y.shape[3]:
        return Declined(f"it has {node.groups} groups of several channels; ESP-DL has one, or one per channel")
    require_window(x.shape[1:3], node.weights.shape[1:3], node.dilations)
    require_plain_border(node)
    if x.zero_point != 0 and has_border(node):
        return Declined(f"its input's zero point is {x.zero_point}; ESP-DL's borders hold 0")
    constants = accumulators.constants(node, target)
    return call_of(
        node,
        "espdl_dl_conv2d_s8",
        "espdl/esp_dl/conv2d.h",
        Conv2dParams(
            **vars(conv_shape(node)),
            groups=node.groups,
            input_pitch=x.shape[3],
            output_pitch=y.shape[3],
            input_zero_point=x.zero_point,
            output_zero_point=y.zero_point,
            **clamp(node.activation, y),
            rounding=target.rounding,
        ),
        prepare="espdl_dl_conv2d_s8_prepare",
        state_bytes=STATE_BYTES,
        constants=constants,
        packing=f"esp_dl_{accumulators.vector_unit(target).name}",
        macs=node.macs,
        notes=(UNALIGNED,) if x.shape[3] % 16 or y.shape[3] % 16 else (),
    )


def require_window(image: Sequence[int], kernel: Sequence[int], dilations: Sequence[int]) -> None:
    """Raises Inexact where a window is too large: ESP-DL cuts windows off at one side of the image, not at both."""
    for axis, name in enumerate(("rows", "columns")):
        span = (kernel[axis] - 1) * dilations[axis] + 1
        if span > image[axis]:
            raise Inexact(f"its window spans {span} {name} of an image of {image[axis]}")
