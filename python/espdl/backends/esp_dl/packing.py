# SPDX-License-Identifier: Apache-2.0
"""How ESP-DL's kernels want filters, biases and shifts.

Kernels fetch ahead of the last filter, and biases and shifts by whole vectors: all end with spare bytes.
"""

from __future__ import annotations

import numpy as np

from espdl.backends.esp_dl.accumulators import Accumulators, of_call
from espdl.backends.lowering import packing
from espdl.ops.conv2d import Conv2dParams
from espdl.plan.types import KernelCall

LANES = 16
AHEAD = 32


@packing("esp_dl_esp32p4")
def esp32p4(call: KernelCall) -> list[np.ndarray]:
    """Filter, int32 biases, int8 shifts, one each per channel."""
    sums = of_call(call)
    return [filters(call), _padded(sums.bias.astype(np.int32)), _shifts(sums)]


@packing("esp_dl_esp32s3")
def esp32s3(call: KernelCall) -> list[np.ndarray]:
    """Filter, biases of 20 bits (the channels that fill no vector: int64, but for depthwise kernels), int8 shifts."""
    sums = of_call(call)
    whole = len(sums.bias) if is_depthwise(call) else len(sums.bias) // LANES * LANES
    biases = np.concatenate([pack_20_bits(sums.bias[:whole]), sums.bias[whole:].view(np.uint8)])
    return [filters(call), np.pad(biases, (0, -len(biases) % LANES)), _shifts(sums)]


def is_depthwise(call: KernelCall) -> bool:
    return isinstance(call.params, Conv2dParams) and call.params.groups > 1


def filters(call: KernelCall) -> np.ndarray:
    """int8: whole vectors [channels / 16][kernel row][column][input channel][16], then the channels left over.

    Those are [channel][row][column][input channel], or [row][column][channel] for depthwise kernels.
    """
    weights = call.constant("weights").astype(np.int8)
    weights = weights.reshape(len(weights), 1, 1, -1) if weights.ndim == 2 else weights
    whole = len(weights) // LANES * LANES
    vectors = np.moveaxis(weights[:whole].reshape(-1, LANES, *weights.shape[1:]), 1, -1)
    rest = weights[whole:]
    if is_depthwise(call):
        rest = np.moveaxis(rest, 0, -1)
    return np.concatenate([vectors.reshape(-1), rest.reshape(-1), np.zeros(AHEAD, np.int8)])


def pack_20_bits(biases: np.ndarray) -> np.ndarray:
    """uint8: for each 8 biases 20 bytes, lowest bits first, and 12 of nothing; a multiple of 16 biases.

    Raises ValueError where one does not fit.
    """
    if len(biases) and (biases.min() < -(2**19) or biases.max() >= 2**19):
        raise ValueError("a bias does not fit 20 bits")
    lanes = np.pad(biases, (0, -len(biases) % LANES))
    bits = (lanes.reshape(-1, 8, 1) >> np.arange(20)) & 1
    packed = np.packbits(bits.astype(np.uint8).reshape(-1, 160), axis=1, bitorder="little")
    return np.pad(packed, ((0, 0), (0, 12))).reshape(-1)


def _shifts(sums: Accumulators) -> np.ndarray:
    return _padded(sums.shift.astype(np.int8))


def _padded(values: np.ndarray) -> np.ndarray:
    return np.pad(values, (0, -len(values) % LANES))
