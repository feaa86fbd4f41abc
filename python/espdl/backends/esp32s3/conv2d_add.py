# SPDX-License-Identifier: Apache-2.0
"""A convolution and the sum behind it on the ESP32-S3's vector unit, vector by vector."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from espdl.backends.esp32s3.add import lower_add
from espdl.backends.esp32s3.conv2d import S3Conv2dParams, lower_conv2d, segment_bytes
from espdl.backends.esp32s3.packing import aligned
from espdl.backends.lowering import Declined, lowering, packing
from espdl.ops.add import AddParams
from espdl.ops.conv2d_add import Conv2dAdd
from espdl.plan.params import Params
from espdl.plan.types import KernelCall
from espdl.targets import ROUND_TFLITE, Target


class S3Conv2dAddParams(Params, c_type="espdl_s3_conv2d_add_params_t"):
    conv: S3Conv2dParams
    add: AddParams


@lowering("conv2d_add", "esp32s3", "int8", alignment=16)
def lower_conv2d_add(node: Conv2dAdd, target: Target) -> KernelCall | Declined:
    """Adds the residual before the result is stored: the sum takes the residual's place."""
    if target.rounding == ROUND_TFLITE:
        return Declined("in scheme affine the vector unit adds tensors of their own")
    conv = lower_conv2d(node.conv, target)
    if isinstance(conv, Declined):
        return conv
    add = lower_add(node.add, target)
    if isinstance(add, Declined):
        return add
    channels, inputs = len(node.conv.weights), node.conv.inputs[0].shape[3]
    if channels % 16 or inputs % 16 or node.conv.groups != 1:
        why = f"its {inputs} inputs and {channels} outputs in {node.conv.groups} groups are no whole vectors"
        return Declined(why)
    p = conv.params_of(S3Conv2dParams)
    if conv.packing == "esp32s3_wide":
        return Declined("some sum may leave the 20 bits of a lane, in parts too")
    return replace(
        conv,
        operator=node.name,
        function="espdl_s3_conv2d_add_s8",
        params=S3Conv2dAddParams(p, add.params_of(AddParams)),
        inputs=tuple(t.name for t in node.inputs),
        outputs=tuple(t.name for t in node.outputs),
        packing="esp32s3_aligned_add",
        in_place=((1, 0),),
        overlaps=(),  # all groups of channels read the whole input, one after the other
        scratch_bytes=max(16, segment_bytes(p)),
        source_nodes=node.source_nodes,
    )


@packing("esp32s3_aligned_add")
def aligned_add(call: KernelCall) -> list[np.ndarray]:
    """What the convolution alone takes."""
    return aligned(replace(call, params=call.params_of(S3Conv2dAddParams).conv))
