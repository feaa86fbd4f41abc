# SPDX-License-Identifier: Apache-2.0
"""Convolution of 16-bit activations on the ESP32's MAC16, which multiplies 16 bits anyway."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from espdl.backends.accumulators import largest, reach
from espdl.backends.esp32.conv2d import FEW_ROWS, flattened, overlap, scratch_of, tiles
from espdl.backends.esp32.depthwise import depthwise_call
from espdl.backends.lowering import Declined, lowering
from espdl.backends.portable.general import general
from espdl.ops.conv2d import Conv2d, Conv2dS16Params
from espdl.ops.gemm import Gemm
from espdl.plan.types import KernelCall
from espdl.targets import Target

# Of what `int16_multiplier` gives: with as much or more, only the high half of a product counts.
LEAST_SHIFT = 33


class Mac16Conv2dS16Params(Conv2dS16Params, c_type="espdl_mac16_conv2d_s16_params_t"):
    tile_rows: int
    tile_columns: int


@lowering("conv2d", "esp32", "int16", alignment=4)
@lowering("gemm", "esp32", "int16", alignment=4)
def lower_int16(node: Conv2d | Gemm, target: Target) -> KernelCall | Declined:
    """Dense and depthwise layers whose sums fit 32 bits, as those of networks do."""
    channels = {node.inputs[0].shape[-1], node.outputs[0].shape[-1]}
    if isinstance(node, Conv2d) and node.groups != 1 and channels != {node.groups}:
        return Declined(f"it has {node.groups} groups of several channels")
    bound = int(reach(node.weights, largest(node.inputs[0]), node.bias).max())
    if bound >= 2**31:
        return Declined(f"a sum can reach {bound}, which does not fit 32 bits")
    pointwise = isinstance(node, Gemm) or _is_product(node)
    few = pointwise and node.outputs[0].count // len(node.weights) <= FEW_ROWS
    if not few and (node.weights == -128).any():
        return Declined("a weight of -128 does not fit the packing, which takes -127 .. 127")
    call = general(node, target)
    if (call.constant("shift")[call.constant("multiplier") != 0] < LEAST_SHIFT).any():
        return Declined("a scale ratio of 1/4 or more needs the general requantisation")
    if isinstance(node, Conv2d) and node.groups != 1:
        return depthwise_call(call, "s16")
    if few:
        return _of_few_rows(call)
    p = flattened(call.params_of(Conv2dS16Params))
    rows, columns = tiles(p)
    return replace(
        call,
        function="espdl_mac16_conv2d_s16",
        header="espdl/esp32/conv2d_s16.h",
        params=Mac16Conv2dS16Params(**vars(p), tile_rows=rows, tile_columns=columns),
        packing="esp32_conv2d_s16",
        scratch_bytes=scratch_of(p, rows, columns),
        overlaps=((0, 0, overlap(p, rows, columns, 2)),),
    )


def _is_product(node: Conv2d) -> bool:
    (x,) = node.inputs
    return node.groups == 1 and node.weights.shape[1:3] == (1, 1) and x.shape[1:3] == node.outputs[0].shape[1:3]


def _of_few_rows(call: KernelCall) -> KernelCall:
    depth = -(-call.params_of(Conv2dS16Params).input_channels // 4) * 4
    return replace(
        call,
        function="espdl_mac16_gemm_s16",
        header="espdl/esp32/gemm.h",
        packing="esp32_gemm_s16",
        scratch_bytes=2 * depth + 4,
        overlaps=(),
    )


def wide_records(call: KernelCall) -> np.ndarray:
    """int32 [channels, 4], the memory of `espdl_fast_channel_t`."""
    bias, multiplier, shift = (call.constant(name).astype(np.int64) for name in ("bias", "multiplier", "shift"))
    shift = np.where(multiplier == 0, LEAST_SHIFT, shift) - 32
    return np.stack([bias, multiplier, np.int64(1) << (shift - 1), shift], axis=1).astype(np.int32)
