# SPDX-License-Identifier: Apache-2.0
"""Convolution on the ESP32-S3's vector unit: which of its kernels fits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from espdl.backends.esp32s3 import affine, work
from espdl.backends.esp32s3.borders import beginnings, fields, of_layer
from espdl.backends.esp32s3.lanes import (
    MAX_PARTS,
    common_shift,
    count_parts,
    fetched_bytes,
    fits,
    listed_bytes,
    mean_parts,
    notes_of_parts,
    part_constants,
    part_lengths,
    whole_sums,
)
from espdl.backends.esp32s3.sharing import (
    IN_ROWS,
    depthwise_in_place,
    overlaps_of_groups,
    times_through,
    waiting_windows,
)
from espdl.backends.layers import border_constants, clamp, conv_shape, has_border, sum_constants
from espdl.backends.lowering import Declined, call_of, lowering
from espdl.backends.overlap import overlap_offset, overlap_offset_of_windows
from espdl.backends.scratch import with_less_scratch
from espdl.ops.conv2d import Conv2d
from espdl.ops.numerics import Inexact
from espdl.ops.params import GroupedConvShape, Rounded, ZeroPoints
from espdl.plan.rows import Bands
from espdl.plan.types import KernelCall
from espdl.targets import ROUND_TFLITE, Target

POINTWISE_CHANNELS = (16, 32, 48, 64)
# As in include/espdl/esp32s3/conv2d.h.
MAX_TURNED = 14
# An image that is turned lies there twice.
MAX_TURNED_BYTES = 2048
# Instructions of a further band, for each vector of channels, beside what moves.
ONE_MORE_BAND = 180
# Bytes of the copy that depthwise kernels take, where a window needs less: a quarter of the image, within these.
DEPTHWISE_COPY = (1024, 4096)


class S3Conv2dParams(Rounded, ZeroPoints, GroupedConvShape, c_type="espdl_s3_conv2d_params_t"):
    shift: int
    pixels: int
    parts: int
    band: int
    input_pitch: int = 0
    outside_top: int = 0
    outside_bottom: int = 0
    outside_left: int = 0
    outside_right: int = 0


@lowering("conv2d", "esp32s3", "int8", alignment=16)
def lower_conv2d(node: Conv2d, target: Target) -> KernelCall | Declined:
    """Dense and depthwise convolutions of any shape; sums that 20 bits may not hold in 40."""
    if target.rounding == ROUND_TFLITE:
        return affine.lower_conv2d(node, target)
    (x,), (y,) = node.inputs, node.outputs
    shift = common_shift(x, node.weights_scale, y, target)
    if node.groups > 1:
        if not _is_depthwise(node):
            return Declined(f"it has {node.groups} groups of several channels")
        if has_border(node) and node.outside.any():
            return Declined(f"it is depthwise, and its border would have to hold {_listed(node.outside)}")
        if not fits(node, shift):
            return Declined("some sum may leave the 20 bits of a lane")
    return _call(node, target, shift)


def _listed(outside: np.ndarray) -> str:
    numbers = sorted({int(value) for value in outside})
    return str(numbers[0]) if len(numbers) == 1 else f"{numbers[0]} to {numbers[-1]}"


def _call(node: Conv2d, target: Target, shift: int) -> KernelCall:
    (x,), (y,) = node.inputs, node.outputs
    kernel, lengths = choose(node, shift, target)
    parts, pixels = count_parts(lengths), _pixels(node, kernel)
    params = S3Conv2dParams(
        **vars(conv_shape(node)),
        groups=node.groups,
        input_zero_point=x.zero_point,
        output_zero_point=y.zero_point,
        **clamp(node.activation, y),
        rounding=target.rounding,
        shift=shift,
        pixels=pixels,
        parts=parts,
        band=0,
        **fields(*of_layer(node, pixels)),
    )
    if kernel == "depthwise":
        params = _in_bands(params, copy_bytes(params))
    return call_of(
        node,
        "espdl_s3_depthwise_s8" if kernel == "depthwise" else f"espdl_s3_conv2d_{kernel}_s8",
        "espdl/esp32s3/conv2d.h",
        params,
        constants=(
            *sum_constants(node.weights, node.bias, np.full(len(node.weights), shift, np.int32)),
            *part_constants(lengths),
            *border_constants(node),
        ),
        packing=f"esp32s3_{kernel}",
        in_place=((0, 0),) if _in_place(node, params, kernel) else (),
        overlaps=_overlaps(params, kernel, target.exceeds_cache(node.weights.size)),
        scratch_bytes=_scratch_bytes(params, kernel),
        macs=node.macs,
        fetched_bytes=fetched_bytes(node.weights, _times_through(params, kernel), target),
        products=work.products(work.of_convolution(node, kernel, params.pixels, mean_parts(lengths))),
        notes=notes_of_parts(kernel == "wide", parts),
    )


def choose(node: Conv2d, shift: int, target: Target) -> tuple[str, np.ndarray]:
    """The kernel, the first that fits, from the fastest on; and how it parts its sums."""
    whole = whole_sums(node)
    if _is_depthwise(node):
        return "depthwise", whole
    if not fits(node, shift):
        try:
            return ("bytes" if node.weights.shape[3] % 16 else "aligned"), part_lengths(node, shift, _windows(node))
        except Inexact:
            return "wide", whole
    return _fastest(node, target), whole


def _windows(node: Conv2d) -> Callable[[np.ndarray], Iterator[np.ndarray]]:
    """Of what sums of all taps begin with, what those of all windows do."""
    axes = of_layer(node, 1)
    return lambda begin: (b for _, b in beginnings(node.weights, begin, node.outside, *axes))


def _fastest(node: Conv2d, target: Target) -> str:
    channels, _, kernel_width, inputs = node.weights.shape
    if node.weights.shape[1:3] == (1, 1) and not has_border(node) and channels % 16 == 0:
        _, height, width, _ = node.inputs[0].shape
        again = height * width > 1 and target.exceeds_cache(node.weights.size)
        in_pairs = inputs == 8 and node.strides == (1, 1) and height * width % 2 == 0
        if in_pairs or (inputs in POINTWISE_CHANNELS and not again):
            return "pointwise"
    if inputs % 16 == 0:
        return "aligned"
    if _turning_pays(node):
        return "turned"
    if kernel_width * inputs <= 16 and (node.dilations[1] == 1 or kernel_width == 1):
        return "narrow"
    return "bytes"


def _turning_pays(node: Conv2d) -> bool:
    """Whether it takes fewer instructions to turn the image and then read each window once for all output channels.

    Counted: a byte that is turned 5, a window 9 and 3 a column, a vector of outputs 7 and one a lane; where rows are
    read for each of those, 9, and 3 a row besides its lanes.
    """
    channels, rows, columns, inputs = node.weights.shape
    (_, height, width, _), pixels = node.inputs[0].shape, node.outputs[0].count // channels
    if channels % 16 or columns not in (3, 4) or rows * inputs > MAX_TURNED or node.dilations[0] != 1:
        return False
    turned_lanes = columns * max(8, rows * inputs + rows * inputs % 2)
    turned = 5 * height * width * inputs + pixels * (9 + 3 * columns + channels // 16 * (7 + turned_lanes))
    lanes = columns * inputs + columns * inputs % 2
    return height * width * inputs <= MAX_TURNED_BYTES and turned < pixels * channels // 16 * (9 + rows * (3 + lanes))


def _is_depthwise(node: Conv2d) -> bool:
    return node.groups > 1 and node.groups == node.inputs[0].shape[3] == len(node.weights)


def _pixels(node: Conv2d, kernel: str) -> int:
    """How many neighbours are computed as one, to fill the vectors of a kernel with few channels."""
    channels, _, kernel_width, inputs = node.weights.shape
    width, columns = node.inputs[0].shape[2], node.outputs[0].shape[2]
    if kernel == "depthwise":
        plain = node.strides == (1, 1) and node.dilations == (1, 1) and node.pads[1] >= 1
        return 2 if channels == 8 and plain and width % 2 == 0 and columns % 2 == 0 else 1
    if kernel != "narrow":
        return 1
    for pixels in (16, 8, 4, 2):
        taps = kernel_width + (pixels - 1) * node.strides[1]
        joined = channels * pixels == 16 and columns % pixels == 0 and taps * inputs <= 16
        if joined and node.dilations[1] == 1 and _is_counted(node, pixels):
            return pixels  # what is joined has neighbours for taps, also where there was one
    return 1


def _is_counted(node: Conv2d, pixels: int) -> bool:
    """Whether biases for taps outside the image can be those of one side."""
    try:
        of_layer(node, pixels)
    except Inexact:
        return False
    return True


def _in_place(node: Conv2d, p: S3Conv2dParams, kernel: str) -> bool:
    (x,), (y,) = node.inputs, node.outputs
    if kernel == "depthwise":
        return depthwise_in_place(p)
    return kernel == "pointwise" and node.strides == (1, 1) and y.shape[3] <= x.shape[3]


def _overlaps(p: S3Conv2dParams, kernel: str, again: bool) -> tuple[tuple[int, int, int], ...]:
    """How the output may run into the input; not where a kernel would fetch its weights `again` and again for it."""
    inputs, outputs = p.input_channels, p.output_channels
    if kernel == "pointwise" and inputs == 8:  # two pixels are in a register before their outputs are written
        pairs = np.arange(p.output_height * p.output_width // 2)
        return ((0, 0, overlap_offset(pairs * 2 * inputs, 2 * outputs, at_once=1)),)
    if kernel == "pointwise":
        return ((0, 0, overlap_offset_of_windows(p, inputs, outputs, at_once=1)),)
    if kernel in IN_ROWS:
        return overlaps_of_groups(p, p.pixels, again)
    return ((0, 0, 0),) if kernel == "turned" else ()  # which copies its image


def _times_through(p: S3Conv2dParams, kernel: str) -> int:
    if kernel == "pointwise":
        return p.output_height * p.output_width
    return times_through(p.output_width // p.pixels, kernel in IN_ROWS and p.output_channels * p.pixels % 16 != 0)


def _scratch_bytes(p: S3Conv2dParams, kernel: str) -> int:
    """As include/espdl/esp32s3/conv2d.h says; 0 for kernels without the argument."""
    if kernel in ("pointwise", "wide"):
        return 0
    outputs = p.output_width // p.pixels
    partial = p.output_channels * p.pixels % 16 != 0
    if kernel == "depthwise":
        stride, columns = p.stride_width * p.pixels, _copied_columns(p)
        rows = (p.band - 1) * p.stride_height + _copied_span(p)
        return 16 * (columns * rows + stride - 1 + (outputs if partial else 0))
    if kernel == "turned":
        rows = (p.output_height - 1) * p.stride_height + p.kernel_height
        columns = (p.output_width - 1) * p.stride_width + (p.kernel_width - 1) * p.dilation_width + 1
        return 16 * (rows * p.input_channels * columns // 16 + 3)
    vectors = 16 * waiting_windows(outputs) if partial else 0
    return max(16, vectors + (segment_bytes(p) if kernel in ("aligned", "bytes") else 0))


def planar_copy_bytes(p: S3Conv2dParams | affine.S3AffineConv2dParams) -> int:
    """Of the rows that a band of a planar kernel needs, as the header says."""
    rows = min((min(p.band, p.output_height) - 1) * p.stride_height + _copied_span(p), p.input_height)
    return 16 * (rows * p.input_width * p.input_channels // 16 + 1)


def _copied_columns(p: S3Conv2dParams) -> int:
    """Vectors in a row of the copy that a depthwise kernel computes from."""
    outputs = p.output_width // p.pixels
    columns = (outputs - 1) * p.stride_width * p.pixels + (p.kernel_width - 1) * p.dilation_width + 1
    return max(columns, p.pad_left + p.input_width if p.pixels == 2 else 0)


def _copied_span(p: S3Conv2dParams | affine.S3AffineConv2dParams) -> int:
    return (p.kernel_height - 1) * p.dilation_height + 1


def copy_bytes(p: S3Conv2dParams | affine.S3AffineConv2dParams) -> int:
    least, most = DEPTHWISE_COPY
    return max(least, min(most, p.input_height * p.input_width * p.input_channels // 4))


def _in_bands(p: S3Conv2dParams, copy_bytes: int) -> S3Conv2dParams:
    """With as many rows of outputs in a band as a copy of so many bytes has room for, or one."""
    rows = copy_bytes // (16 * _copied_columns(p))
    return replace(p, band=min(p.output_height, max(0, rows - _copied_span(p)) // p.stride_height + 1))


def depthwise_bands(call: KernelCall) -> Bands:
    """One more band begins with the rows that it shares with the one before, which move."""
    p = call.params_of(S3Conv2dParams)
    scratch = tuple(_scratch_bytes(replace(p, band=rows), "depthwise") for rows in range(1, p.band + 1))
    shared = max(0, _copied_span(p) - p.stride_height)
    groups = -(-p.groups * p.pixels // 16)
    return Bands("band", scratch, groups * (ONE_MORE_BAND + 2 * shared * _copied_columns(p)))


@with_less_scratch("espdl_s3_depthwise_s8")
def smaller_bands(call: KernelCall, room: int) -> KernelCall:
    p = call.params_of(S3Conv2dParams)
    beside = call.scratch_bytes - 16 * _copied_columns(p) * ((p.band - 1) * p.stride_height + _copied_span(p))
    params = _in_bands(p, room - beside)
    return replace(call, params=params, scratch_bytes=_scratch_bytes(params, "depthwise"))


def segment_bytes(p: S3Conv2dParams) -> int:
    """Where the segments of a window are listed, and their sums set aside."""
    dilated = p.dilation_width > 1 and p.kernel_width > 1
    if p.parts == 1 and not dilated and p.input_channels % 16 == 0:
        return 0
    return 16 * MAX_PARTS + listed_bytes(p.kernel_height * (p.kernel_width if dilated else 1) + p.parts - 1)
