# SPDX-License-Identifier: Apache-2.0
"""Convolution in portable C: which of the kernels runs a layer."""

from __future__ import annotations

from dataclasses import replace

from espdl.backends.accumulators import largest, reach, require_int32
from espdl.backends.lowering import lowering
from espdl.backends.overlap import overlap_offset_of_windows
from espdl.backends.portable.fast import decline_fast, partial_sums_reach
from espdl.backends.portable.gemm import product
from espdl.backends.portable.general import general
from espdl.ops.conv2d import Conv2d, Conv2dParams
from espdl.plan.types import KernelCall
from espdl.targets import Target


@lowering("conv2d", "portable", "int8")
def lower_conv2d(node: Conv2d, target: Target) -> KernelCall:
    """A product of matrices where windows do not overlap, 3x8 blocks, depthwise kernels; else the general kernel.

    Optimised for size, the general kernel runs every convolution and every product: one core instead of up to five.
    """
    (x,), (y,) = node.inputs, node.outputs
    require_int32(int(reach(node.weights, largest(x), node.bias).max()))
    if target.optimize == "size":
        return general(node, target)
    if _is_product(node):
        return product(node, node.weights.reshape(len(node.weights), -1), target)
    call = general(node, target)
    p = call.params_of(Conv2dParams)
    slow = decline_fast(call)
    if slow is not None:
        return replace(call, notes=(slow,))
    if node.groups == 1:
        return replace(
            call,
            function="espdl_conv2d_3x8_s8",
            packing="blocks_in_parts",
            scratch_bytes=blocked_scratch(node),
            overlaps=((0, 0, overlap_offset_of_windows(p, x.shape[3], y.shape[3], at_once=3)),),
        )
    if node.groups == x.shape[3] == y.shape[3]:
        return _depthwise(node, call)
    return replace(call, notes=("the fast kernels have one group, or one channel per group",))


def blocked_scratch(node: Conv2d) -> int:
    """Bytes that espdl_conv2d_3x8_s8() needs: three windows in two words, and four rows of a window."""
    _, height, width, channels = node.weights.shape
    depth = height * width * channels
    return 8 * depth + 4 * width * channels


def _is_product(node: Conv2d) -> bool:
    """Whether every window is a vector of the input as it lies in memory: 1x1, or one window over the whole input."""
    (x,) = node.inputs
    single = node.weights.shape[1:3] == (1, 1) and node.strides == (1, 1)
    whole = node.weights.shape[1:3] == x.shape[1:3] and node.dilations == (1, 1)
    return node.groups == 1 and not any(node.pads) and (single or whole)


def _depthwise(node: Conv2d, call: KernelCall) -> KernelCall:
    p = call.params_of(Conv2dParams)
    in_order = replace(call, header="espdl/kernels/depthwise.h")
    call = replace(in_order, overlaps=(), pitched=())  # channel by channel, unlike the last
    # The kernels for 3x3 have four times each sum in 32 bits.
    is_3x3 = node.weights.shape[1:3] == (3, 3) and node.dilations == (1, 1)
    if is_3x3 and partial_sums_reach(in_order) < 2**29:
        if node.strides == (1, 1) and node.pads == (1, 1, 1, 1):
            return replace(
                call,
                function="espdl_depthwise_3x3_s8",
                packing="channels_3x3",
                scratch_bytes=max(p.input_height, p.input_width),
                in_place=((0, 0),),
            )
        # The centre of the last window lies inside the input.
        reach = (2 * p.output_height - p.pad_top, 2 * p.output_width - p.pad_left)
        inside = reach[0] <= p.input_height and reach[1] <= p.input_width
        if node.strides == (2, 2) and max(node.pads[:2]) <= 1 and inside:
            return replace(call, function="espdl_depthwise_3x3_stride2_s8", packing="channels_3x3", in_place=((0, 0),))
    return replace(in_order, function="espdl_depthwise_s8", packing="depthwise_1x4")
