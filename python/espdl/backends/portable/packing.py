# SPDX-License-Identifier: Apache-2.0
"""How the constants of the portable kernels lie in memory."""

from __future__ import annotations

import math

import numpy as np

from espdl.backends.layers import channel_records
from espdl.backends.lowering import packing
from espdl.backends.portable.fast import fast_records
from espdl.backends.portable.runs import in_runs
from espdl.plan.types import KernelCall


@packing("weights_and_channels")
def weights_and_channels(call: KernelCall) -> list[np.ndarray]:
    """Weights in their logical order, then one `espdl_channel_t` per output channel."""
    return [call.constant("weights"), channel_records(call)]


@packing("blocks_4x4")
def blocks_4x4(call: KernelCall) -> list[np.ndarray]:
    """Weights [channels / 4][depth][4], depth even, then one `espdl_fast_channel_t` per channel, a multiple of 4."""
    return [blocks(call.constant("weights"), channels=4, depth=2), fast_records(call, 4)]


@packing("blocks_4x4_in_runs")
def blocks_4x4_in_runs(call: KernelCall) -> list[np.ndarray]:
    """The same, and behind the weights the runs in which their products are added up."""
    return [with_runs(blocks(call.constant("weights"), channels=4, depth=2)), fast_records(call, 4)]


def with_runs(weights: np.ndarray) -> np.ndarray:
    """int8: `weights` [blocks][depth][4], and behind them the runs in which their products are added up."""
    return np.concatenate([weights.reshape(-1), in_runs(weights).view(np.int8)])


@packing("channels_3x3")
def channels_3x3(call: KernelCall) -> list[np.ndarray]:
    """Weights [channels][3][3], then one `espdl_fast_channel_t` per channel."""
    return [call.constant("weights"), fast_records(call)]


@packing("depthwise_1x4")
def depthwise_1x4(call: KernelCall) -> list[np.ndarray]:
    """Weights [channels / 4][taps][4], the remaining channels [taps]; then one `espdl_fast_channel_t` per channel."""
    weights = call.constant("weights")
    flat = weights.reshape(len(weights), -1)
    whole = len(flat) - len(flat) % 4
    return [np.concatenate([blocks(flat[:whole], 4, 1).reshape(-1), flat[whole:].reshape(-1)]), fast_records(call)]


def blocks(weights: np.ndarray, channels: int, depth: int) -> np.ndarray:
    """[C / channels][D][channels] of `weights` [C, ...]; C and D = the other axes, with zeros to multiples."""
    flat = weights.reshape(weights.shape[0], math.prod(weights.shape[1:]))
    flat = np.pad(flat, ((0, -flat.shape[0] % channels), (0, -flat.shape[1] % depth)))
    return np.ascontiguousarray(flat.reshape(-1, channels, flat.shape[1]).transpose(0, 2, 1))


def has_heavy_pairs(weights: np.ndarray) -> bool:
    """Whether two neighbours along the depth are both -128, which the sums of the 4x4 kernels cannot hold."""
    flat = weights.reshape(weights.shape[0], -1)
    flat = np.pad(flat, ((0, 0), (0, flat.shape[1] % 2)))
    return bool(((flat[:, ::2] == -128) & (flat[:, 1::2] == -128)).any())
