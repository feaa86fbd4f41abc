# SPDX-License-Identifier: Apache-2.0
"""A convolution and the sum behind it in portable C, row by row."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from espdl.backends.lowering import Declined, call_of, lowering, packing
from espdl.backends.portable.add import lower_add
from espdl.backends.portable.conv2d import lower_conv2d
from espdl.backends.portable.packing import blocks_in_parts
from espdl.ops.add import AddParams
from espdl.ops.conv2d import Conv2dParams
from espdl.ops.conv2d_add import Conv2dAdd, Conv2dAddParams
from espdl.plan.types import KernelCall
from espdl.targets import ROUND_TFLITE, Target


@lowering("conv2d_add", "portable", "int8")
def lower_conv2d_add(node: Conv2dAdd, target: Target) -> KernelCall | Declined:
    """Saves the convolution's result in RAM: the sum takes the residual's place."""
    if target.backends[0] != "portable":
        return Declined(f"the convolution alone may run on {target.backends[0]}, which is faster")
    conv = lower_conv2d(node.conv, target)
    add = lower_add(node.add, target)
    if conv.function != "espdl_conv2d_3x8_s8":
        return Declined("the kernel of the convolution does not work row by row")
    p = conv.params_of(Conv2dParams)
    row = p.output_width * p.output_channels  # which the sum gets one by one
    suffix = "add_s8" if target.rounding == ROUND_TFLITE else "add_shift_s8"
    return call_of(
        node,
        f"espdl_conv2d_3x8_{suffix}",
        "espdl/kernels/conv2d_add.h",
        Conv2dAddParams(p, replace(add.params_of(AddParams), count=row)),
        constants=conv.constants,
        packing="blocks_add",
        in_place=((1, 0),),
        scratch_bytes=conv.scratch_bytes + (row + 3) // 4 * 4,
        macs=conv.macs,
    )


@packing("blocks_add")
def blocks_add(call: KernelCall) -> list[np.ndarray]:
    """What the convolution alone takes."""
    return blocks_in_parts(replace(call, params=call.params_of(Conv2dAddParams).conv))
