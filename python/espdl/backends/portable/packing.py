# SPDX-License-Identifier: Apache-2.0
"""How the constants of the portable kernels lie in memory."""

from __future__ import annotations

import math

import numpy as np

from espdl.backends.layers import channel_records
from espdl.backends.lowering import packing
from espdl.backends.portable.fast import fast_records
from espdl.backends.portable.parts import products_at_once
from espdl.plan.types import KernelCall


@packing("weights_and_channels")
def weights_and_channels(call: KernelCall) -> list[np.ndarray]:
    """Weights in their logical order, then one `espdl_channel_t` per output channel."""
    return [call.constant("weights"), channel_records(call)]


@packing("blocks_of_8")
def blocks_of_8(call: KernelCall) -> list[np.ndarray]:
    """Weights [channels / 8][depth][8], then one `espdl_fast_channel_t` per channel, a multiple of 8."""
    return [blocks(call.constant("weights"), 8), fast_records(call, 8)]


@packing("blocks_in_parts")
def blocks_in_parts(call: KernelCall) -> list[np.ndarray]:
    """The same, and behind the weights how many products are added up at once."""
    return [with_parts(blocks(call.constant("weights"), 8)), fast_records(call, 8)]


def with_parts(weights: np.ndarray) -> np.ndarray:
    """int8: `weights` [blocks][depth][8], and behind them how many of their products are added up at once."""
    count = np.array([products_at_once(weights)], "<u2")
    return np.concatenate([weights.reshape(-1), count.view(np.int8)])


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
    return [np.concatenate([blocks(flat[:whole], 4).reshape(-1), flat[whole:].reshape(-1)]), fast_records(call)]


def blocks(weights: np.ndarray, channels: int) -> np.ndarray:
    """[C / channels][depth][channels] of `weights` [C, ...], depth the other axes; C with zeros to a multiple."""
    flat = weights.reshape(weights.shape[0], math.prod(weights.shape[1:]))
    flat = np.pad(flat, ((0, -flat.shape[0] % channels), (0, 0)))
    return np.ascontiguousarray(flat.reshape(-1, channels, flat.shape[1]).transpose(0, 2, 1))
