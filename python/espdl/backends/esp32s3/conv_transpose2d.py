# SPDX-License-Identifier: Apache-2.0
"""Transposed convolution on the ESP32-S3's vector unit: a convolution without strides for each part of its outputs."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np

from espdl.backends.esp32s3 import work
from espdl.backends.esp32s3.conv2d import S3Conv2dParams, segment_bytes
from espdl.backends.esp32s3.lanes import (
    OTHER_ROUNDING,
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
from espdl.backends.layers import clamp, conv_shape, sum_constants
from espdl.backends.lowering import Declined, call_of, lowering, packing
from espdl.ops.conv2d import Conv2d
from espdl.ops.conv_transpose2d import ConvTranspose2d
from espdl.plan.types import Constant, KernelCall
from espdl.targets import ROUND_HALF_UP, Target


@lowering("conv_transpose2d", "esp32s3", "int8", alignment=16)
def lower_conv_transpose2d(node: ConvTranspose2d, target: Target) -> KernelCall | Declined:
    """Taps that meet the same outputs are a convolution of their own; input channels in whole vectors."""
    (x,), (y,) = node.inputs, node.outputs
    if target.rounding != ROUND_HALF_UP:
        return Declined(OTHER_ROUNDING)
    if x.shape[3] % 16:
        return Declined(f"its {x.shape[3]} input channels are no multiple of 16")
    if node.dilations != (1, 1):
        return Declined(f"it has the dilations {node.dilations}")
    if x.zero_point != 0 and not _is_without_border(node):
        return Declined(f"its input's zero point is {x.zero_point}, and its border would have to hold it")
    shift = common_shift(x, node.weights_scale, y, target)
    parts = list(as_convolutions(node))
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
        "espdl_s3_conv_transpose2d_s8",
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
        products=work.products(sum(work.of_convolution(part, "aligned", 1, count) for part in parts) / len(parts)),
        notes=notes_of_parts(False, count),
    )


def phases(weights: np.ndarray, strides: tuple[int, int]) -> Iterator[np.ndarray]:
    """[channels, rows, columns, inputs] of the taps with each remainder of their place by the strides, reversed."""
    for down, across in itertools.product(*map(range, strides)):
        yield weights[:, down :: strides[0], across :: strides[1]][:, ::-1, ::-1]


def as_convolutions(node: ConvTranspose2d) -> Iterator[Conv2d]:
    """Those that compute its parts, as far as sums and work are concerned: each has all outputs here."""
    scale, bias, one, none = node.weights_scale, node.bias, (1, 1), (0, 0, 0, 0)
    for weights in phases(node.weights, node.strides):
        yield Conv2d(node.inputs, node.outputs, (), weights, scale, bias, one, none, one, 1, None)


def _is_without_border(node: ConvTranspose2d) -> bool:
    (_, height, width, _), (_, rows, columns, _) = node.inputs[0].shape, node.outputs[0].shape
    is_apart = node.weights.shape[1:3] == node.strides and node.pads == (0, 0)
    return is_apart and rows <= height * node.strides[0] and columns <= width * node.strides[1]


def _scratch_bytes(p: S3Conv2dParams) -> int:
    """As include/espdl/esp32s3/conv_transpose2d.h says."""
    vectors = 16 * -(-p.output_width // p.stride_width) if p.output_channels % 16 else 0
    return max(16, vectors + segment_bytes(p))


@packing("esp32s3_conv_transpose2d")
def conv_transpose2d(call: KernelCall) -> list[np.ndarray]:
    """For each part of the outputs [group][kernel row][kernel column][input channel][16], and its packed biases."""
    p = call.params_of(S3Conv2dParams)
    weights, biases = [], []
    strides = (p.stride_height, p.stride_width)
    for part, lengths in zip(phases(call.constant("weights"), strides), call.constant("parts")):
        if part.size > 0:
            weights.append(grouped(part).reshape(-1))
        lanes = lane_biases(part, call.constant("bias"), p.input_zero_point, p.output_zero_point, p.shift)
        biases.append(pack_lanes(lanes, lengths))
    return [stream(np.concatenate(weights), "vectors"), np.concatenate(biases)]
