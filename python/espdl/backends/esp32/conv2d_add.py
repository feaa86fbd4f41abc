# SPDX-License-Identifier: Apache-2.0
"""A convolution on the ESP32's MAC16 and the sum behind it, tile by tile."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from espdl.backends.esp32.conv2d import Mac16Conv2dParams, convolution
from espdl.backends.esp32.packing import conv2d
from espdl.backends.lowering import Declined, lowering, packing
from espdl.backends.portable.add import lower_add
from espdl.backends.portable.general import general
from espdl.ops.add import AddParams
from espdl.ops.conv2d_add import Conv2dAdd
from espdl.plan.params import Params
from espdl.plan.types import KernelCall
from espdl.targets import Target


class Mac16Conv2dAddParams(Params, c_type="espdl_mac16_conv2d_add_params_t"):
    conv: Mac16Conv2dParams
    add: AddParams


@lowering("conv2d_add", "esp32", "int8", alignment=4)
def lower_conv2d_add(node: Conv2dAdd, target: Target) -> KernelCall | Declined:
    """Saves the convolution's result in RAM: the sum takes the residual's place."""
    if node.conv.groups != 1:
        return Declined(f"it has {node.conv.groups} groups")
    conv = convolution(general(node.conv, target), flat=False)
    if isinstance(conv, Declined):
        return conv
    p, add = conv.params_of(Mac16Conv2dParams), lower_add(node.add, target)
    count = p.tile_rows * p.tile_columns * p.output_channels
    return replace(
        conv,
        operator=node.name,
        function="espdl_mac16_conv2d_add_s8",
        params=Mac16Conv2dAddParams(p, replace(add.params_of(AddParams), count=count)),
        inputs=tuple(t.name for t in node.inputs),
        outputs=tuple(t.name for t in node.outputs),
        packing="esp32_conv2d_add",
        pitched=(),
        in_place=((1, 0),),
        overlaps=(),
        scratch_bytes=(count + 3) // 4 * 4 + conv.scratch_bytes,
        source_nodes=node.source_nodes,
    )


@packing("esp32_conv2d_add")
def conv2d_add(call: KernelCall) -> list[np.ndarray]:
    """What the convolution alone takes."""
    return conv2d(replace(call, params=call.params_of(Mac16Conv2dAddParams).conv))
