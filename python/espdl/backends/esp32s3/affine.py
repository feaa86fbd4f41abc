# SPDX-License-Identifier: Apache-2.0
"""Scheme affine on the ESP32-S3's vector unit: convolutions and matrix products, exactly as TensorFlow Lite rounds.

Sums are those of the scheme power_of_two (`lanes`), with the input's zero point in what they begin with; pixels at the
border begin with something else. `scales` says how sums become outputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from espdl.backends.accumulators import ends, ends_on_the_way, range_of
from espdl.backends.esp32s3 import work
from espdl.backends.esp32s3.affine_sums import Sums
from espdl.backends.esp32s3.borders import Border, borders, fields
from espdl.backends.esp32s3.lanes import (
    LANE_MAX,
    count_parts,
    fetched_bytes,
    joined,
    listed_bytes,
    mean_parts,
    notes_of_parts,
    part_constants,
)
from espdl.backends.esp32s3.scales import CHOICES, OFFSET_UNIT, VectorScales, WantedOutputs, solve
from espdl.backends.esp32s3.sharing import (
    IN_ROWS,
    depthwise_in_place,
    overlaps_of_groups,
    times_through,
    waiting_windows,
)
from espdl.backends.layers import border_constants, clamp, conv_shape, has_border, scale_ratios, sum_constants
from espdl.backends.lowering import Declined, call_of
from espdl.backends.overlap import overlap_offset_of_windows
from espdl.ops.conv2d import Conv2d
from espdl.ops.conv_transpose2d import ConvTranspose2d
from espdl.ops.gemm import Gemm
from espdl.ops.numerics import Inexact, requantization
from espdl.ops.params import GroupedConvShape, Rounded, ZeroPoints
from espdl.plan.params import Params
from espdl.plan.types import Constant, KernelCall
from espdl.targets import Target

SUM_BYTES = 48
# ESPDL_S3_AFFINE_ROOM.
ROOM = 448
# How far the sums of layers in parts may begin from 0, so that outputs are near the middle of their range where sums
# are: the less, the fewer parts; the more, the finer are the numbers with which outputs are made of sums.
BEGINNINGS = (2**13, 2**16, 2**18, 3 * 2**17)
# Of whole sums, at least this stays free beside.
MARGIN = 2**13


class S3ScaleParams(Params, c_type="espdl_s3_scale_params_t"):
    bits: int
    shift: int
    coarse_bits: int
    fine_bits: int
    is_signed: int


class S3AffineConv2dParams(Rounded, ZeroPoints, GroupedConvShape, c_type="espdl_s3_affine_conv2d_params_t"):
    pixels: int
    parts: int
    outside_top: int
    outside_bottom: int
    outside_left: int
    outside_right: int
    scale: S3ScaleParams
    band: int = 0
    input_pitch: int = 0


def lower_conv2d(node: Conv2d, target: Target) -> KernelCall | Declined:
    """Dense and depthwise convolutions of any shape."""
    if node.groups > 1 and not _is_depthwise(node):
        return Declined(f"it has {node.groups} groups of several channels")
    if node.border is not None and node.groups > 1:
        return Declined("its border has a number for each channel")
    return _call(node, target, *choose(node))


def lower_gemm(node: Gemm, target: Target) -> KernelCall | Declined:
    return lower_conv2d(as_convolution(node), target)


def as_convolution(node: Gemm) -> Conv2d:
    """Every row a pixel of a 1 x 1 convolution."""
    (x,), (y,) = node.inputs, node.outputs
    outputs, inputs = node.weights.shape
    rows = x.count // inputs
    image, product = (replace(t, shape=(1, 1, rows, size)) for t, size in ((x, inputs), (y, outputs)))
    return Conv2d(
        inputs=(image,),
        outputs=(product,),
        source_nodes=node.source_nodes,
        weights=node.weights.reshape(outputs, 1, 1, inputs),
        weights_scale=node.weights_scale,
        bias=node.bias,
        strides=(1, 1),
        pads=(0, 0, 0, 0),
        dilations=(1, 1),
        groups=1,
        activation=node.activation,
    )


def _is_depthwise(node: Conv2d) -> bool:
    return node.groups > 1 and node.groups == node.inputs[0].shape[3] == len(node.weights)


def choose(node: Conv2d) -> tuple[str, int]:
    """The kernel, and how many neighbours it computes as one."""
    kernel = _kernel(node)
    return kernel, {"narrow": _pixels, "depthwise": _pairs}.get(kernel, lambda _: 1)(node)


def _kernel(node: Conv2d) -> str:
    _, height, width, inputs = node.weights.shape
    if node.groups > 1:
        return "depthwise"
    if inputs % 16 == 0:
        return "pointwise" if height == width == 1 and not has_border(node) else "aligned"
    return "narrow" if width * inputs <= 16 and (node.dilations[1] == 1 or width == 1) else "bytes"


def _pixels(node: Conv2d) -> int:
    """How many neighbours are computed as one, to fill the vectors of a kernel with few channels."""
    channels, _, width, inputs = node.weights.shape
    columns = node.outputs[0].shape[2]
    if node.dilations[1] != 1:
        return 1
    for pixels in (16, 8, 4, 2):
        taps = width + (pixels - 1) * node.strides[1]
        if channels * pixels == 16 and columns % pixels == 0 and taps * inputs <= 16:
            return pixels
    return 1


def _pairs(node: Conv2d) -> int:
    """The same of a depthwise kernel."""
    width, columns = node.inputs[0].shape[2], node.outputs[0].shape[2]
    plain = node.strides == (1, 1) and node.dilations == (1, 1) and node.pads[1] >= 1
    return 2 if len(node.weights) == 8 and plain and width % 2 == 0 and columns % 2 == 0 else 1


def _call(node: Conv2d, target: Target, kernel: str, pixels: int) -> KernelCall:
    (x,), (y,) = node.inputs, node.outputs
    shape = conv_shape(node)
    multiplier, shift = requantization(scale_ratios(x, node.weights_scale, y), target.rounding)
    low, high = range_of(x)
    if kernel == "depthwise":  # its border lies in memory
        down, across = (Border(0, 0, taps) for taps in node.weights.shape[1:3])
        weights = np.tile(node.weights, (pixels, 1, 1, 1))
        low, high = min(low, x.zero_point), max(high, x.zero_point)
    else:
        down, across = borders(shape, pixels)
        weights = joined(node.weights, pixels, node.strides[1])
    layer = Sums(
        weights,
        np.tile(node.bias.astype(np.int64), pixels),
        (low, high),
        x.zero_point,
        shape.dilation_width != 1 and shape.kernel_width != 1,
        down,
        across,
        node.border,
    )
    limits = clamp(node.activation, y)
    wanted = wanted_outputs([node], has_border(node), multiplier, shift, limits)
    (lengths,), scales, offsets = settle([layer], wanted, in_parts=kernel in ("aligned", "bytes", "pointwise"))
    parts = count_parts(lengths)
    params = conv_params(node, target, (down, across), scale_params(scales, wanted), pixels, parts)
    # Over its input, it goes through all weights for some pixels.
    again = target.exceeds_cache(node.weights.size)
    shares = kernel == "pointwise" and _may_share(params) and not again
    return call_of(
        node,
        f"espdl_s3_{'' if kernel == 'depthwise' else 'conv2d_'}{kernel}_affine_s8",
        "espdl/esp32s3/affine.h",
        params,
        constants=(
            *sum_constants(node.weights, node.bias, shift, multiplier),
            *numbers(scales, offsets),
            *part_constants(lengths),
            *border_constants(node),
        ),
        packing=f"esp32s3_{kernel}_affine",
        in_place=((0, 0),) if _in_place(node, params, kernel, shares) else (),
        overlaps=_overlaps(params, kernel, shares, again),
        scratch_bytes=_scratch_bytes(params, kernel, shares),
        macs=node.macs,
        fetched_bytes=fetched_bytes(
            node.weights, times_through(shape.output_width // pixels, kernel in IN_ROWS), target
        ),
        products=work.products(work.of_convolution(node, kernel, pixels, mean_parts(lengths), affine=True)),
        notes=notes_of_parts(False, parts),
    )


def conv_params(
    node: Conv2d | ConvTranspose2d,
    target: Target,
    border: tuple[Border, Border],
    scale: S3ScaleParams,
    pixels: int,
    parts: int,
) -> S3AffineConv2dParams:
    (x,), (y,) = node.inputs, node.outputs
    down, across = border
    return S3AffineConv2dParams(
        **vars(conv_shape(node)),
        groups=node.groups if isinstance(node, Conv2d) else 1,
        input_zero_point=x.zero_point,
        output_zero_point=y.zero_point,
        **clamp(node.activation, y),
        rounding=target.rounding,
        pixels=pixels,
        parts=parts,
        **fields(down, across),
        scale=scale,
    )


def wanted_outputs(
    convs: Sequence[Conv2d], border: bool, multiplier: np.ndarray, shift: np.ndarray, limits: dict[str, int]
) -> WantedOutputs:
    """Of any of `convs`, which differ in weights only; `border`: some of the taps may lie outside the image."""
    (x,), (y,) = convs[0].inputs, convs[0].outputs
    bias = convs[0].bias.astype(np.int64)
    low, high = (value - x.zero_point for value in range_of(x))
    reached = [
        (ends_on_the_way if border else ends)(conv.weights.reshape(len(bias), conv.weights[0].size), low, high)
        for conv in convs
    ]
    return WantedOutputs(
        multiplier.astype(np.int64),
        shift.astype(np.int64),
        bias + np.min([least for least, _ in reached], axis=0),
        bias + np.max([most for _, most in reached], axis=0),
        np.zeros_like(bias),
        y.zero_point,
        limits["activation_min"],
        limits["activation_max"],
    )


def settle(
    layers: Sequence[Sums], wanted: WantedOutputs, in_parts: bool
) -> tuple[list[np.ndarray], VectorScales, np.ndarray]:
    """(lengths of parts of each layer, constants that all have, what is taken off each channel's sum); Inexact where
    nothing is exact."""
    pixels = len(layers[0].weights) // len(wanted.multiplier)
    reach = np.max([_reach(layer, pixels) for layer in layers], axis=0)
    refused = Inexact("some sum may leave the 20 bits of a lane")

    def lengths_of(offsets: np.ndarray, bits: int) -> list[np.ndarray]:
        return [layer.part_lengths(np.tile(offsets, pixels), bits) for layer in layers]

    for begin in BEGINNINGS:
        for whole in (True, False) if in_parts else (True,):
            room = LANE_MAX - MARGIN - reach if whole else np.full_like(reach, begin)
            offsets = _offsets(layers, wanted, np.maximum(room, 0))
            try:
                lengths = lengths_of(offsets, CHOICES[0])
                if whole and any(found.any() for found in lengths):
                    continue
                scales = solve(replace(wanted, offsets=offsets), in_parts=not whole)
                if scales.bits > CHOICES[0]:
                    lengths = lengths_of(offsets, scales.bits)
                return lengths, scales, offsets
            except Inexact as inexact:
                refused = inexact
    raise refused


def _reach(layer: Sums, pixels: int) -> np.ndarray:
    """int64 [channels]: beyond what a sum begins with."""
    weights = np.abs(layer.weights.astype(np.int64)).reshape(len(layer.weights), -1)
    return (weights.sum(axis=1) * 128).reshape(pixels, -1).max(axis=0)


def _offsets(layers: Sequence[Sums], wanted: WantedOutputs, room: np.ndarray) -> np.ndarray:
    """What is taken off sums so that outputs are in the middle of their range near 0, as far as `room` allows."""
    channels = len(wanted.multiplier)
    begins = [layer.begin()[:channels] for layer in layers]
    ratio = np.maximum(wanted.multiplier * 2.0 ** -(31.0 + wanted.shift), 2.0**-40)
    middle = np.rint(((wanted.low + wanted.high) / 2 - wanted.zero_point) / ratio).astype(np.int64)
    return np.clip(middle, np.max(begins, axis=0) - room, np.min(begins, axis=0) + room) // OFFSET_UNIT * OFFSET_UNIT


def scale_params(scales: VectorScales, wanted: WantedOutputs) -> S3ScaleParams:
    return S3ScaleParams(
        bits=scales.bits,
        shift=scales.shift,
        coarse_bits=scales.coarse_bits,
        fine_bits=scales.fine_bits,
        is_signed=int(wanted.is_signed),
    )


def numbers(scales: VectorScales, offsets: np.ndarray) -> tuple[Constant, ...]:
    """What packing takes beside the constants of the reference."""
    return Constant("offset", offsets), *scales.constants()


def _scratch_bytes(p: S3AffineConv2dParams, kernel: str, shares: bool) -> int:
    """As include/espdl/esp32s3/affine.h says."""
    entry = SUM_BYTES + 16 * (p.parts - 1)
    dilated = p.dilation_width != 1 and p.kernel_width != 1
    segments = listed_bytes(p.kernel_height * (p.kernel_width if dilated else 1) + p.parts - 1)
    if kernel == "pointwise":
        sums = min(max(1, ROOM // entry), _pixels_at_once(p))
        return max(sums * entry, _waiting_pixels(p) * (entry + _vectors(p)) if shares else 0)
    windows = p.output_width // p.pixels
    if kernel == "depthwise":
        columns = (windows - 1) * p.stride_width * p.pixels + (p.kernel_width - 1) * p.dilation_width + 1
        columns = max(columns, p.pad_left + p.input_width if p.pixels == 2 else 0)
        return SUM_BYTES * waiting_windows(windows) + 16 * columns * p.kernel_height
    listed = kernel == "bytes" or (kernel == "aligned" and (p.parts > 1 or dilated))
    return waiting_windows(windows) * entry + (segments if listed else 0)


def _pixels_at_once(p: S3AffineConv2dParams) -> int:
    """Of a pointwise kernel: those that follow each other in memory."""
    return p.output_width * (p.output_height if p.stride_height == p.stride_width == 1 else 1)


def _vectors(p: S3AffineConv2dParams) -> int:
    """Bytes of the outputs of a pixel, in whole vectors."""
    return -(-p.output_channels // 16) * 16


def _waiting_pixels(p: S3AffineConv2dParams) -> int:
    """Of a pointwise kernel, whose outputs wait for those of all groups, where they go over inputs."""
    largest = max(_vectors(p), SUM_BYTES + 16 * (p.parts - 1))
    return min(max(1, ROOM // largest), _pixels_at_once(p))


def _may_share(p: S3AffineConv2dParams) -> bool:
    """Whether a pointwise kernel's output may lie over its input: where that saves more than it takes."""
    return 8 * _vectors(p) * _waiting_pixels(p) <= p.input_height * p.input_width * p.input_channels


def _in_place(node: Conv2d, p: S3AffineConv2dParams, kernel: str, shares: bool) -> bool:
    """Whether a kernel reads nothing of its input that it has written: depthwise, it keeps rows that windows share."""
    if kernel != "depthwise":
        return shares and node.strides == (1, 1) and p.output_channels <= p.input_channels
    return node.dilations[0] == 1 and depthwise_in_place(p)


def _overlaps(p: S3AffineConv2dParams, kernel: str, shares: bool, again: bool) -> tuple[tuple[int, int, int], ...]:
    """How the output may run into the input; not where a kernel would fetch its weights `again` and again for it."""
    if shares:  # of a pixel, or of several
        return ((0, 0, overlap_offset_of_windows(p, p.input_channels, p.output_channels, at_once=1)),)
    return overlaps_of_groups(p, p.pixels, again) if kernel in IN_ROWS else ()
