# SPDX-License-Identifier: Apache-2.0
"""Convolution on the ESP32's MAC16, and products of several rows, which are convolutions of 1 x 1."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

import numpy as np

from espdl.backends.accumulators import largest, reach, require_int32
from espdl.backends.esp32.depthwise import depthwise
from espdl.backends.esp32.fits import decline
from espdl.backends.esp32.strips import depth_of, strip_bytes
from espdl.backends.lowering import Declined, lowering
from espdl.backends.overlap import overlap_offset_of_starts, window_begins
from espdl.backends.portable.general import general
from espdl.backends.scratch import with_less_scratch
from espdl.ops.conv2d import Conv2d, Conv2dParams
from espdl.ops.gemm import GemmParams
from espdl.ops.params import ConvShape
from espdl.plan.types import KernelCall
from espdl.targets import Target

# Outputs of a tile share the work of widening the weights: about two instructions per weight.
MOST_OUTPUTS, FEWEST_OUTPUTS = 32, 8
# Up to so many vectors are multiplied with weights that stay bytes, at 1.5 instructions a product.
FEW_ROWS = 3
MOST_PRODUCT_INPUTS = 32768
# Bytes of strips for as many outputs as that allows; a little more for half of them, and for the fewest.
STRIP_BYTES, MORE_STRIP_BYTES, MOST_STRIP_BYTES = 4096, 8192, 12288


Shape = TypeVar("Shape", bound=ConvShape)


class Mac16Conv2dParams(Conv2dParams, c_type="espdl_mac16_conv2d_params_t"):
    tile_rows: int
    tile_columns: int


@lowering("conv2d", "esp32", "int8", alignment=4)
def lower_conv2d(node: Conv2d, target: Target) -> KernelCall | Declined:
    """Dense and depthwise convolutions of any shape."""
    (x,), (y,) = node.inputs, node.outputs
    require_int32(int(reach(node.weights, largest(x), node.bias).max()))
    if node.groups == 1 and _is_vector(node):
        return product(general(node, target), node.weights.reshape(len(node.weights), -1))
    if node.groups == 1:
        return convolution(general(node, target))
    if node.groups == x.shape[3] == y.shape[3]:
        return depthwise(general(node, target))
    return Declined(f"it has {node.groups} groups of several channels")


def _is_vector(node: Conv2d) -> bool:
    """Whether there is one window, which is the whole input."""
    return node.weights.shape[1:] == node.inputs[0].shape[1:] and node.dilations == (1, 1) and not any(node.pads)


def product(call: KernelCall, weights: np.ndarray) -> KernelCall | Declined:
    """The call that multiplies vectors with `weights` [outputs, inputs], in place of that of the portable kernel."""
    slow = decline(call, most_negative=-128)
    if slow is not None:
        return slow
    outputs, inputs = weights.shape
    if inputs > MOST_PRODUCT_INPUTS:
        return Declined(f"a sum of {inputs} products may leave 40 bits")
    p = call.params_of(Conv2dParams)
    return replace(
        call,
        operator="gemm",
        function="espdl_mac16_gemm_s8",
        header="espdl/esp32/gemm.h",
        params=GemmParams(
            rows=p.output_height * p.output_width,
            inputs=inputs,
            outputs=outputs,
            input_pitch=inputs,
            output_pitch=outputs,
            input_zero_point=p.input_zero_point,
            output_zero_point=p.output_zero_point,
            activation_min=p.activation_min,
            activation_max=p.activation_max,
            rounding=p.rounding,
        ),
        constants=tuple(replace(c, data=weights) if c.name == "weights" else c for c in call.constants),
        packing="esp32_gemm",
        pitched=("output_pitch",),
        scratch_bytes=2 * (-(-inputs // 8) * 8) + 4,
        overlaps=(),
    )


def convolution(call: KernelCall, flat: bool = True) -> KernelCall | Declined:
    """The call of the MAC16 kernel in place of that of the portable kernel for all convolutions.

    `flat`: a product of each pixel with the weights may become that of one row of pixels, whose tiles need not end with
    a row.
    """
    slow = decline(call)
    if slow is not None:
        return slow
    p = call.params_of(Conv2dParams)
    p = flattened(p) if flat else p
    call = replace(
        call,
        function="espdl_mac16_conv2d_s8",
        header="espdl/esp32/conv2d.h",
        params=Mac16Conv2dParams(**vars(p), tile_rows=0, tile_columns=0),
        packing="esp32_conv2d",
        pitched=("output_pitch",),
    )
    return _in_tiles(call, tiles(p))


def _in_tiles(call: KernelCall, sizes: tuple[int, int]) -> KernelCall:
    rows, columns = sizes
    p = replace(call.params_of(Mac16Conv2dParams), tile_rows=rows, tile_columns=columns)
    return replace(
        call,
        params=p,
        scratch_bytes=scratch_of(p, rows, columns),
        overlaps=((0, 0, overlap(p, rows, columns, 1)),),
    )


@with_less_scratch("espdl_mac16_conv2d_s8")
def smaller_tiles(call: KernelCall, room: int) -> KernelCall:
    p = call.params_of(Mac16Conv2dParams)
    return _in_tiles(call, tiles(p, room - scratch_of(p, 0, 0)))


def flattened(p: Shape) -> Shape:
    single = (p.kernel_height, p.kernel_width, p.stride_height, p.stride_width) == (1, 1, 1, 1)
    if not single or p.pad_top or p.pad_left or (p.input_height, p.input_width) != (p.output_height, p.output_width):
        return p
    pixels = p.input_height * p.input_width
    return replace(p, input_height=1, input_width=pixels, output_height=1, output_width=pixels)


def scratch_of(p: ConvShape, rows: int, columns: int) -> int:
    """Bytes for the weights of a channel and the strips of a tile (include/espdl/esp32/conv2d.h)."""
    return 2 * depth_of(p) + 12 + rows * strip_bytes(p, columns)


def tiles(p: ConvShape, most_bytes: float = MOST_STRIP_BYTES) -> tuple[int, int]:
    """Rows and columns of outputs that are computed at once: more than one row where they are whole. Their strips take
    at most `most_bytes`, if those of one output do."""

    def fits(strips: int, outputs: int) -> bool:
        return strips <= min(_budget(outputs), most_bytes)

    wanted = min(p.output_width, MOST_OUTPUTS)
    columns = next((n for n in range(wanted, 0, -1) if fits(strip_bytes(p, n), n)), 1)
    count = -(-p.output_width // columns)
    columns = -(-p.output_width // count)
    if count > 1:
        return 1, columns
    strip, most = strip_bytes(p, columns), min(p.output_height, max(1, MOST_OUTPUTS // columns))
    rows = next((n for n in range(most, 0, -1) if fits(n * strip, n * columns)), 1)
    return -(-p.output_height // -(-p.output_height // rows)), columns


def _budget(outputs: int) -> int:
    if outputs <= FEWEST_OUTPUTS:
        return MOST_STRIP_BYTES
    return MORE_STRIP_BYTES if 2 * outputs <= MOST_OUTPUTS else STRIP_BYTES


def overlap(p: ConvShape, rows_at_once: int, columns_at_once: int, item_bytes: int) -> int:
    """All windows of a tile are read before the first of its outputs is written."""
    rows = np.arange(0, p.output_height, rows_at_once) * p.output_width
    starts = (rows[:, None] + np.arange(0, p.output_width, columns_at_once)).reshape(-1)
    begins = window_begins(p) * p.input_channels * item_bytes
    return overlap_offset_of_starts(begins, p.output_channels * item_bytes, starts)
