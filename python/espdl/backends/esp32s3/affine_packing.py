# SPDX-License-Identifier: Apache-2.0
"""How the constants of the kernels of scheme affine lie in memory: weights as in `packing`, biases, scales."""

from __future__ import annotations

import numpy as np

from espdl.backends.esp32s3.affine import S3AffineConv2dParams
from espdl.backends.esp32s3.affine_sums import MAX_PARTS, Sums
from espdl.backends.esp32s3.borders import Border
from espdl.backends.esp32s3.lanes import joined, lengths_of, pack_lanes
from espdl.backends.esp32s3.packing import TAPS_3X3, grouped, stream
from espdl.backends.layers import border_of
from espdl.backends.lowering import packing
from espdl.plan.types import KernelCall

# Bytes behind the last number that the kernels fetch.
SCALES_AHEAD = 16


def _weights(call: KernelCall) -> np.ndarray:
    p = call.params_of(S3AffineConv2dParams)
    if p.groups > 1:
        return np.tile(call.constant("weights"), (p.pixels, 1, 1, 1))
    return joined(call.constant("weights"), p.pixels, p.stride_width)


def biases(call: KernelCall) -> np.ndarray:
    """uint8 [groups, rows outside, columns outside, 48]."""
    p, weights = call.params_of(S3AffineConv2dParams), _weights(call)
    begin = np.tile(call.constant("bias").astype(np.int64) - call.constant("offset"), p.pixels)
    down = Border(p.outside_top, p.outside_bottom, weights.shape[1])
    across = Border(p.outside_left, p.outside_right, weights.shape[2])
    return biases_of(Sums(weights, begin, (0, 0), p.input_zero_point, False, down, across, border_of(call)))


def biases_of(sums: Sums) -> np.ndarray:
    """The same of sums, whatever they multiply."""
    return np.stack([pack_lanes(begin) for _, begin in sums.beginnings()], axis=1)


def scales(call: KernelCall) -> np.ndarray:
    """int16 [groups, 2, numbers, 8], and what is fetched behind it; see scale_half() in port/esp32s3/src."""
    p = call.params_of(S3AffineConv2dParams)
    rows = np.tile(scale_numbers(call, p.scale.bits, bool(p.scale.is_signed)), (p.pixels, 1))
    rows = np.pad(rows, ((0, -len(rows) % 16), (0, 0))).reshape(-1, 2, 8, rows.shape[1])
    packed = rows.swapaxes(2, 3).astype(np.int16).reshape(-1)
    return np.concatenate([packed, np.zeros(SCALES_AHEAD // 2, np.int16)])


def scale_numbers(call: KernelCall, bits: int, is_signed: bool) -> np.ndarray:
    """int64 [channels, numbers], in the order in which they are fetched."""
    factor, mask = call.constant("factor"), (1 << bits) - 1
    numbers = [factor >> bits & mask, factor & mask, call.constant("fine"), factor >> 2 * bits, call.constant("coarse")]
    numbers += [call.constant("edge"), call.constant("negative")] if is_signed else []
    return np.stack(numbers, axis=1)


@packing("esp32s3_pointwise_affine")
@packing("esp32s3_aligned_affine")
def aligned(call: KernelCall) -> list[np.ndarray]:
    """Weights [group][kernel row][kernel column][input channel][16], with dilation columns before rows."""
    return _segments(call, "vectors")


@packing("esp32s3_bytes_affine")
def unaligned(call: KernelCall) -> list[np.ndarray]:
    """As `aligned`."""
    return _segments(call, "bytes")


def _segments(call: KernelCall, ahead: str) -> list[np.ndarray]:
    p, weights = call.params_of(S3AffineConv2dParams), grouped(call.constant("weights"))
    if p.dilation_width != 1 and p.kernel_width != 1:
        weights = weights.swapaxes(1, 2)
    lengths = lengths_of(call)
    lengths = np.zeros((len(call.constant("weights")), MAX_PARTS), np.uint8) if lengths is None else lengths
    parted = np.concatenate([biases(call).reshape(-1), lengths[::16].reshape(-1)])
    return [stream(weights, ahead), parted, scales(call)]


@packing("esp32s3_narrow_affine")
def narrow(call: KernelCall) -> list[np.ndarray]:
    """Weights [group][kernel row][lane][16]; an odd number of lanes gets one of zeros."""
    weights = _weights(call)
    lanes = weights.reshape(*weights.shape[:2], -1)
    lanes = np.pad(lanes, ((0, 0), (0, 0), (0, lanes.shape[2] % 2)))
    return [stream(grouped(lanes), "narrow"), biases(call), scales(call)]


@packing("esp32s3_depthwise_affine")
def depthwise(call: KernelCall) -> list[np.ndarray]:
    """Weights [group][tap][16], the taps of 3 x 3 in the order TAPS_3X3; for two pixels the channels twice."""
    weights = _weights(call)
    taps = weights.reshape(len(weights), -1)
    if weights.shape[1:3] == (3, 3) and call.params_of(S3AffineConv2dParams).dilation_width == 1:
        taps = taps[:, TAPS_3X3]
    return [stream(grouped(taps), "depthwise"), biases(call), scales(call)]
