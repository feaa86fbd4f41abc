# SPDX-License-Identifier: Apache-2.0
"""A convolution on the ESP32's MAC16 and the sum behind it, tile by tile."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from espdl.backends.esp32.conv2d import Mac16Conv2dParams, convolution, smaller_tiles
from espdl.backends.esp32.packing import conv2d
from espdl.backends.lowering import Declined, lowering, packing
from espdl.backends.portable.add import lower_add
from espdl.backends.portable.general import general
from espdl.backends.scratch import with_less_scratch
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
    call = replace(
        conv,
        operator=node.name,
        function="espdl_mac16_conv2d_add_s8",
        inputs=tuple(t.name for t in node.inputs),
        outputs=tuple(t.name for t in node.outputs),
        packing="esp32_conv2d_add",
        pitched=(),
        in_place=((1, 0),),
        source_nodes=node.source_nodes,
    )
    return _with_sum(call, conv, lower_add(node.add, target).params_of(AddParams))


def _with_sum(call: KernelCall, conv: KernelCall, add: AddParams) -> KernelCall:
    """`call` in the tiles of the convolution alone."""
    p = conv.params_of(Mac16Conv2dParams)
    count = p.tile_rows * p.tile_columns * p.output_channels
    return replace(
        call,
        params=Mac16Conv2dAddParams(p, replace(add, count=count)),
        overlaps=(),
        scratch_bytes=_aligned(count) + conv.scratch_bytes,
    )


def _aligned(count: int) -> int:
    return (count + 3) // 4 * 4


@with_less_scratch("espdl_mac16_conv2d_add_s8")
def smaller_tiles_of_sum(call: KernelCall, room: int) -> KernelCall:
    p = call.params_of(Mac16Conv2dAddParams)
    conv = replace(call, params=p.conv, scratch_bytes=call.scratch_bytes - _aligned(p.add.count))
    result, left = call, room
    while result.scratch_bytes > room and left > 0:
        result = _with_sum(call, smaller_tiles(conv, left), p.add)
        left -= max(1, result.scratch_bytes - room)  # the sum takes its part
    return result


@packing("esp32_conv2d_add")
def conv2d_add(call: KernelCall) -> list[np.ndarray]:
    """What the convolution alone takes."""
    return conv2d(replace(call, params=call.params_of(Mac16Conv2dAddParams).conv))
