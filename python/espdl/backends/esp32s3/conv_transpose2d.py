# SPDX-License-Identifier: Apache-2.0
"""Transposed convolution on the ESP32-S3's vector unit: a convolution without strides for each part of its outputs."""

from __future__ import annotations

import numpy as np

from espdl.backends.esp32s3 import affine_transposed, work
from espdl.backends.esp32s3.conv2d import S3Conv2dParams, segment_bytes
from espdl.backends.esp32s3.lanes import (
    common_shift,
    count_parts,
    fetched_bytes,
    fits,
    lane_biases,
    notes_of_parts,
    pack_lanes,
    part_lengths,
    whole_sums,
)
from espdl.backends.esp32s3.packing import grouped, stream
from espdl.backends.esp32s3.sharing import waiting_windows
from espdl.backends.esp32s3.transposed import (
    ahead_of,
    as_convolutions,
    function_of,
    kernel_of,
    most_windows,
    taps_of_phases,
)
from espdl.backends.layers import clamp, conv_shape, sum_constants
from espdl.backends.lowering import Declined, call_of, lowering, packing
from espdl.ops.conv_transpose2d import ConvTranspose2d
from espdl.plan.types import Constant, KernelCall
from espdl.targets import ROUND_TFLITE, Target


@lowering("conv_transpose2d", "esp32s3", "int8", alignment=16)
def lower_conv_transpose2d(node: ConvTranspose2d, target: Target) -> KernelCall | Declined:
    """Taps that meet the same outputs are a convolution of their own."""
    (x,), (y,) = node.inputs, node.outputs
    if node.dilations != (1, 1):
        return Declined(f"it has the dilations {node.dilations}")
    if target.rounding == ROUND_TFLITE:
        return affine_transposed.lower(node, target)
    if x.zero_point != 0 and not _is_without_border(node):
        return Declined(f"its input's zero point is {x.zero_point}, and its border would have to hold it")
    shift = common_shift(x, node.weights_scale, y, target)
    kernel, parts = kernel_of(node), list(as_convolutions(node))
    lengths = np.stack([whole_sums(part) if fits(part, shift) else part_lengths(part, shift) for part in parts])
    count = max(map(count_parts, lengths))
    params = S3Conv2dParams(
        **vars(conv_shape(node)),
        groups=1,
        input_zero_point=x.zero_point,
        output_zero_point=y.zero_point,
        **clamp(node.activation, y),
        rounding=target.rounding,
        shift=shift,
        pixels=1,
        parts=count,
        band=0,
    )
    return call_of(
        node,
        function_of(kernel, ""),
        "espdl/esp32s3/conv_transpose2d.h",
        params,
        constants=(
            *sum_constants(node.weights, node.bias, np.full(len(node.weights), shift, np.int32)),
            Constant("parts", lengths),
        ),
        packing="esp32s3_conv_transpose2d",
        scratch_bytes=_scratch_bytes(params),
        macs=node.macs,
        fetched_bytes=fetched_bytes(node.weights, 1, target),
        products=work.products(sum(work.of_convolution(part, kernel, 1, count) for part in parts) / len(parts)),
        notes=notes_of_parts(False, count),
    )


def _is_without_border(node: ConvTranspose2d) -> bool:
    (_, height, width, _), (_, rows, columns, _) = node.inputs[0].shape, node.outputs[0].shape
    is_apart = node.weights.shape[1:3] == node.strides and node.pads == (0, 0)
    return is_apart and rows <= height * node.strides[0] and columns <= width * node.strides[1]


def _scratch_bytes(p: S3Conv2dParams) -> int:
    """As include/espdl/esp32s3/conv_transpose2d.h says."""
    vectors = 16 * waiting_windows(most_windows(p.output_width, p.stride_width)) if p.output_channels % 16 else 0
    return max(16, vectors + segment_bytes(p))


@packing("esp32s3_conv_transpose2d")
def conv_transpose2d(call: KernelCall) -> list[np.ndarray]:
    """For each part of the outputs [group][kernel row][kernel column][input channel][16], and its packed biases."""
    p = call.params_of(S3Conv2dParams)
    weights, biases = [], []
    strides = (p.stride_height, p.stride_width)
    for part, lengths in zip(taps_of_phases(call.constant("weights"), strides), call.constant("parts")):
        if part.size > 0:
            weights.append(grouped(part).reshape(-1))
        lanes = lane_biases(part, call.constant("bias"), p.input_zero_point, p.output_zero_point, p.shift)
        biases.append(pack_lanes(lanes, lengths))
    return [stream(np.concatenate(weights), ahead_of(p.input_channels)), np.concatenate(biases)]
