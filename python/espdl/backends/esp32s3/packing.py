# SPDX-License-Identifier: Apache-2.0
"""How the constants of the vector kernels lie in memory.

Weights are a stream of vectors in the order in which a kernel uses them; kernels fetch ahead, so that the stream ends
with spare bytes. Biases: `lanes.pack_lanes`, or int64 for sums of 40 bits.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from espdl.backends.esp32s3.borders import beginnings_of, has_kinds
from espdl.backends.esp32s3.conv2d import S3Conv2dParams
from espdl.backends.esp32s3.lanes import joined, lane_biases, lengths_of, pack_lanes
from espdl.backends.layers import border_of
from espdl.backends.lowering import packing
from espdl.plan.types import KernelCall

# Bytes behind the last weight that a kernel fetches.
AHEAD = {"vectors": 32, "bytes": 80, "narrow": 272, "depthwise": 16, "wide": 16}
# The taps of a 3 x 3 depthwise kernel: those whose weights stay in registers, then the others.
TAPS_3X3 = (0, 2, 4, 6, 8, 1, 3, 5, 7)


def biases(call: KernelCall) -> np.ndarray:
    """int64 [channels]: what the sums begin with."""
    p: Any = call.params
    return lane_biases(
        call.constant("weights"), call.constant("bias"), p.input_zero_point, p.output_zero_point, p.shift
    )


def outside_of(call: KernelCall) -> np.ndarray:
    """int64 [inputs]: the integers of a pixel of the border, of a convolution."""
    p: Any = call.params
    border = border_of(call)
    inputs = call.constant("weights").shape[3]
    return np.full(inputs, p.input_zero_point, np.int64) if border is None else border.astype(np.int64)


def _of_windows(call: KernelCall) -> list[np.ndarray]:
    """What sums begin with, of neighbours that are computed as one, for each kind of windows."""
    p, begin = call.params, biases(call)
    if not isinstance(p, S3Conv2dParams):
        return [begin]
    weights = joined(images(call), p.pixels, p.stride_width)
    begin = np.tile(begin, p.pixels)
    return [b for _, b in beginnings_of(p, weights, begin, outside_of(call))] if has_kinds(p) else [begin]


def packed_biases(call: KernelCall) -> np.ndarray:
    """uint8 [groups, kinds of windows, 48]: what QACC begins with, and how the sums are parted."""
    return np.stack([pack_lanes(begin, lengths_of(call)) for begin in _of_windows(call)], axis=1)


def images(call: KernelCall) -> np.ndarray:
    """The weights as int8 [output channels, rows, columns, input channels]."""
    weights = call.constant("weights")
    return weights.reshape(len(weights), 1, 1, -1) if weights.ndim == 2 else weights


def grouped(weights: np.ndarray) -> np.ndarray:
    """[channels, ...] as [groups, ..., 16]; missing channels are zero."""
    missing = [(0, -len(weights) % 16)] + [(0, 0)] * (weights.ndim - 1)
    padded = np.pad(weights, missing)
    return np.moveaxis(padded.reshape(-1, 16, *weights.shape[1:]), 1, -1)


def stream(weights: np.ndarray, ahead: str) -> np.ndarray:
    return np.concatenate([weights.reshape(-1).astype(np.int8), np.zeros(AHEAD[ahead], np.int8)])


def _segments(call: KernelCall) -> np.ndarray:
    """Rows of whole kernel rows or, with dilation, columns of single taps."""
    weights = grouped(images(call))
    is_dilated = isinstance(call.params, S3Conv2dParams) and call.params.dilation_width != 1
    return weights.swapaxes(1, 2) if is_dilated and weights.shape[2] != 1 else weights


@packing("esp32s3_aligned")
def aligned(call: KernelCall) -> list[np.ndarray]:
    """Weights [group][kernel row][kernel column][input channel][16], with dilation columns before rows."""
    return [stream(_segments(call), "vectors"), packed_biases(call)]


@packing("esp32s3_bytes")
def unaligned(call: KernelCall) -> list[np.ndarray]:
    """As `aligned`."""
    return [stream(_segments(call), "bytes"), packed_biases(call)]


@packing("esp32s3_narrow")
def narrow(call: KernelCall) -> list[np.ndarray]:
    """Weights [group][kernel row][lane][16]; an odd number of lanes gets one of zeros.

    Neighbouring pixels that are computed as one are more channels of a wider kernel.
    """
    p, weights = call.params, images(call)
    pixels, stride = (p.pixels, p.stride_width) if isinstance(p, S3Conv2dParams) else (1, 1)
    wide = joined(weights, pixels, stride)
    lanes = wide.reshape(*wide.shape[:2], -1)
    lanes = np.pad(lanes, ((0, 0), (0, 0), (0, lanes.shape[2] % 2)))
    return [stream(grouped(lanes), "narrow"), packed_biases(call)]


@packing("esp32s3_turned")
def turned(call: KernelCall) -> list[np.ndarray]:
    """Weights [group][kernel column][lane][16]; lanes: rows and input channels, 8 or more, an even number."""
    weights = images(call).swapaxes(1, 2)
    lanes = weights.reshape(*weights.shape[:2], -1)
    missing = max(8, lanes.shape[2] + lanes.shape[2] % 2) - lanes.shape[2]
    p = call.params_of(S3Conv2dParams)
    border = np.tile(outside_of(call), 16 if has_kinds(p) else 0).astype(np.int8).view(np.uint8)
    constants = np.concatenate([pack_lanes(biases(call)).reshape(-1), border])
    return [stream(grouped(np.pad(lanes, ((0, 0), (0, 0), (0, missing)))), "vectors"), constants]


@packing("esp32s3_pointwise")
def pointwise(call: KernelCall) -> list[np.ndarray]:
    """Weights [group][input channel][16]; with 8 input channels all of it twice, for two pixels."""
    weights = grouped(images(call))
    if call.params_of(S3Conv2dParams).input_channels == 8:
        weights = np.stack([weights, weights])
    return [stream(weights, "vectors"), pack_lanes(biases(call))]


@packing("esp32s3_wide")
def wide(call: KernelCall) -> list[np.ndarray]:
    """Weights [output channel][kernel row][kernel column][input channels made a multiple of 16]; biases int64."""
    weights = images(call)
    padded = np.pad(weights, ((0, 0), (0, 0), (0, 0), (0, -weights.shape[3] % 16)))
    return [stream(padded, "wide"), np.stack(_of_windows(call), axis=1)]


@packing("esp32s3_depthwise")
def depthwise(call: KernelCall) -> list[np.ndarray]:
    """Weights [group][tap][16], the taps of 3 x 3 in the order TAPS_3X3; for two pixels the channels twice."""
    p = call.params_of(S3Conv2dParams)
    weights = call.constant("weights")[..., 0]
    is_3x3 = weights.shape[1:] == (3, 3) and p.dilation_width == 1
    weights = weights.reshape(len(weights), -1)
    if is_3x3:
        weights = weights[:, TAPS_3X3]
    weights = np.tile(weights, (p.pixels, 1))
    return [stream(grouped(weights), "depthwise"), pack_lanes(np.tile(biases(call), p.pixels))]
