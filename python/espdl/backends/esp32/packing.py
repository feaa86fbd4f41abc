# SPDX-License-Identifier: Apache-2.0
"""How the constants of the MAC16 kernels lie in memory."""

from __future__ import annotations

import numpy as np

from espdl.backends.esp32.conv2d import Mac16Conv2dParams
from espdl.backends.esp32.conv2d_s16 import wide_records
from espdl.backends.esp32.strips import column_of, depth_of
from espdl.backends.lowering import packing
from espdl.backends.portable.fast import fast_records
from espdl.ops.params import ConvShape
from espdl.plan.types import KernelCall

# The kernels add this to their inputs, and the packing this to weights.
INPUT_OFFSET, WEIGHT_OFFSET = 128, 127


@packing("esp32_conv2d")
def conv2d(call: KernelCall) -> list[np.ndarray]:
    """Packed weights [channels][depth], then one `espdl_fast_channel_t` per channel."""
    p = call.params_of(Mac16Conv2dParams)
    in_words = p.input_channels % 4 == 0 and p.input_pitch % 4 == 0
    return [packed(columns(call), in_words), shifted_records(call)]


@packing("esp32_conv2d_s16")
def conv2d_s16(call: KernelCall) -> list[np.ndarray]:
    """Likewise."""
    return [packed(columns(call), in_words=False), wide_records(call)]


def columns(call: KernelCall) -> np.ndarray:
    """int8 [channels][depth]: the weights in the order of strips, with zeros."""
    p = call.params_of(ConvShape)
    weights = call.constant("weights")  # [channels][height][width][inputs]
    strips = weights.transpose(0, 2, 1, 3).reshape(len(weights), weights.shape[2], -1)
    strips = np.pad(strips, ((0, 0), (0, 0), (0, column_of(p) - strips.shape[2])))
    flat = strips.reshape(len(weights), -1)
    return np.pad(flat, ((0, 0), (0, depth_of(p) - flat.shape[1])))


@packing("esp32_gemm")
def gemm(call: KernelCall) -> list[np.ndarray]:
    """Bytes [outputs][depth] and 4 more: 128 is added to the weights of even inputs; then the records.

    Their bias has what port/esp32/src/mac16_gemm_s8.c says of odd inputs.
    """
    weights = call.constant("weights")
    flat = np.pad(weights.astype(np.int64), ((0, 0), (0, -weights.shape[1] % 8)))
    flat[:, ::2] += 128
    content = np.append(flat.astype(np.uint8).reshape(-1), np.zeros(4, np.uint8))
    records = fast_records(call)
    odd = weights[:, 1::2].astype(np.int64).sum(axis=1)
    records[:, 0] = (records[:, 0] + 127 * odd).astype(np.int32)
    return [content, records]


@packing("esp32_gemm_s16")
def gemm_s16(call: KernelCall) -> list[np.ndarray]:
    """Weights in fours, and 4 bytes more; then the records."""
    weights = call.constant("weights")
    return [in_fours([weights.reshape(len(weights), -1)]), wide_records(call)]


def in_fours(parts: list[np.ndarray]) -> np.ndarray:
    """int8 [rows][parts], each part with zeros to fours, each of which becomes 0, 2, 1, 3; then 4 bytes."""
    padded = np.concatenate([np.pad(part, ((0, 0), (0, -part.shape[1] % 4))) for part in parts], axis=1)
    return np.append(padded.reshape(-1, 4)[:, [0, 2, 1, 3]].reshape(-1), np.zeros(4, np.int8))


@packing("esp32_depthwise_s8")
def depthwise_s8(call: KernelCall) -> list[np.ndarray]:
    """Packed weights [channels / 4][kernel width][kernel height][4], then one `espdl_fast_channel_t` per channel."""
    return [packed(_fours(call), in_words=True), shifted_records(call)]


@packing("esp32_depthwise_s16")
def depthwise_s16(call: KernelCall) -> list[np.ndarray]:
    """Likewise, in the order of values of 16 bits."""
    return [packed(_fours(call), in_words=False), wide_records(call)]


def _fours(call: KernelCall) -> np.ndarray:
    weights = call.constant("weights")[..., 0].transpose(2, 1, 0)  # [width][height][channels]
    weights = np.pad(weights, ((0, 0), (0, 0), (0, -weights.shape[2] % 4)))
    return np.ascontiguousarray(weights.reshape(*weights.shape[:2], -1, 4).transpose(2, 0, 1, 3))


def packed(weights: np.ndarray, in_words: bool) -> np.ndarray:
    """uint8 of int8 weights [..., a multiple of 4] that port/esp32/src/widen.h makes 16 bits of.

    `in_words`: the inputs were widened in fours too, into the order 0, 2, 1, 3, which the weights then share. Else the
    inputs have their own order, and the weights the one that comes out right.

    Of each two bytes that become one word, the upper one has 1 more where subtracting the offset below borrows from it.
    """
    fours = weights.astype(np.int16).reshape(-1, 4) + WEIGHT_OFFSET
    if not in_words:
        fours = fours[:, [0, 2, 1, 3]]
    fours[:, 2:] += fours[:, :2] < WEIGHT_OFFSET
    return fours.astype(np.uint8).reshape(weights.shape)


def shifted_records(call: KernelCall) -> np.ndarray:
    """int32 [channels, 4], the memory of `espdl_fast_channel_t`, for inputs from 0 to 255; biases modulo 2**32."""
    records = fast_records(call)
    weights = call.constant("weights").astype(np.int64)
    sums = weights.reshape(len(weights), -1).sum(axis=1)
    records[:, 0] = (records[:, 0] - INPUT_OFFSET * sums).astype(np.int32)
    return records
