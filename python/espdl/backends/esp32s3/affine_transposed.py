# SPDX-License-Identifier: Apache-2.0
"""Transposed convolution of scheme affine on the ESP32-S3's vector unit: sums of convolutions (`transposed`), for all
of which the same numbers make outputs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from espdl.backends.accumulators import range_of
from espdl.backends.esp32s3 import work
from espdl.backends.esp32s3.affine import (
    SUM_BYTES,
    S3AffineConv2dParams,
    conv_params,
    numbers,
    scale_params,
    settle,
    wanted_outputs,
)
from espdl.backends.esp32s3.affine_packing import biases_of, scales
from espdl.backends.esp32s3.affine_sums import Sums
from espdl.backends.esp32s3.borders import Border, border
from espdl.backends.esp32s3.lanes import count_parts, fetched_bytes, listed_bytes, notes_of_parts
from espdl.backends.esp32s3.packing import grouped, stream
from espdl.backends.esp32s3.sharing import waiting_windows
from espdl.backends.esp32s3.transposed import (
    ahead_of,
    as_convolutions,
    function_of,
    kernel_of,
    most_windows,
    phases_of,
    taps_of_phases,
)
from espdl.backends.layers import clamp, scale_ratios, sum_constants
from espdl.backends.lowering import call_of, packing
from espdl.ops.conv_transpose2d import ConvTranspose2d
from espdl.ops.numerics import requantization
from espdl.plan.types import Constant, KernelCall
from espdl.targets import Target


def lower(node: ConvTranspose2d, target: Target) -> KernelCall:
    """Zero points anywhere."""
    (x,), (y,) = node.inputs, node.outputs
    limits = clamp(node.activation, y)
    multiplier, shift = requantization(scale_ratios(x, node.weights_scale, y), target.rounding)
    edges = _edge(node, 0), _edge(node, 1)
    weights = taps_of_phases(node.weights, node.strides)
    layers = list(_sums(weights, node.bias.astype(np.int64), range_of(x), x.zero_point, edges))
    kernel, convs = kernel_of(node), list(as_convolutions(node))
    wanted = wanted_outputs(convs, any(map(any, edges)), multiplier, shift, limits)
    lengths, found, offsets = settle(layers, wanted, in_parts=True)
    parts = max(map(count_parts, lengths))
    outside = Border(*edges[0], 0), Border(*edges[1], 0)
    params = conv_params(node, target, outside, scale_params(found, wanted), 1, parts)
    each = sum(work.of_convolution(conv, kernel, 1, parts, affine=True) for conv in convs) / len(convs)
    return call_of(
        node,
        function_of(kernel, "affine_"),
        "espdl/esp32s3/affine.h",
        params,
        constants=(
            *sum_constants(node.weights, node.bias, shift, multiplier),
            *numbers(found, offsets),
            Constant("parts", np.stack(lengths)),
        ),
        packing="esp32s3_conv_transpose2d_affine",
        scratch_bytes=_scratch_bytes(params),
        macs=node.macs,
        fetched_bytes=fetched_bytes(node.weights, 1, target),
        products=work.products(each),
        notes=notes_of_parts(False, parts),
    )


def _edge(node: ConvTranspose2d, axis: int) -> tuple[int, int]:
    """The most taps in front of the image, and behind it, that a window of any of the convolutions has."""
    size, outputs = node.inputs[0].shape[1 + axis], node.outputs[0].shape[1 + axis]
    phases = phases_of(node.pads[axis], node.strides[axis], node.weights.shape[1 + axis], outputs)
    found = [border(size, p.pad, 1, 1, p.taps, p.windows) for p in phases]
    return max(b.before for b in found), max(b.after for b in found)


def _sums(
    weights: Iterator[np.ndarray],
    bias: np.ndarray,
    limits: tuple[int, int],
    zero_point: int,
    edges: Sequence[tuple[int, int]],
) -> Iterator[Sums]:
    """Of all convolutions; where one has no taps, of one tap of zeros."""
    for taps in weights:
        some = taps if taps.size else np.zeros((len(taps), 1, 1, taps.shape[3]), np.int8)
        down, across = (Border(*edge, size) for edge, size in zip(edges, some.shape[1:3]))
        yield Sums(some, bias, limits, zero_point, False, down, across)


def _scratch_bytes(p: S3AffineConv2dParams) -> int:
    """As include/espdl/esp32s3/affine.h says."""
    sums = waiting_windows(most_windows(p.output_width, p.stride_width)) * (SUM_BYTES + 16 * (p.parts - 1))
    rows = most_windows(p.kernel_height, p.stride_height)
    listed = p.parts > 1 or p.input_channels % 16
    return sums + (listed_bytes(rows + p.parts - 1) if listed else 0)


@packing("esp32s3_conv_transpose2d_affine")
def conv_transpose2d(call: KernelCall) -> list[np.ndarray]:
    """For each part of the outputs weights [group][kernel row][kernel column][input channel][16], and its biases;
    behind those of all parts the vectors of the sums of each, and of groups."""
    p = call.params_of(S3AffineConv2dParams)
    begin = call.constant("bias").astype(np.int64) - call.constant("offset")
    edges = ((p.outside_top, p.outside_bottom), (p.outside_left, p.outside_right))
    weights = list(taps_of_phases(call.constant("weights"), (p.stride_height, p.stride_width)))
    layers = _sums(iter(weights), begin, (0, 0), p.input_zero_point, edges)
    biases = [biases_of(layer).reshape(-1) for layer in layers]
    streamed = np.concatenate([grouped(taps).reshape(-1) for taps in weights if taps.size])
    lengths = call.constant("parts")[:, ::16].reshape(-1)
    return [stream(streamed, ahead_of(p.input_channels)), np.concatenate([*biases, lengths]), scales(call)]
