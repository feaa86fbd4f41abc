# SPDX-License-Identifier: Apache-2.0
"""Scheme `affine`: any positive scale and any zero point; symmetric int8 weights, one scale per output channel."""

from __future__ import annotations

from collections.abc import Container

import numpy as np

from espdl import traits
from espdl.quantize.network import Layer, Network
from espdl.quantize.thresholds import METHODS
from espdl.quantize.types import Quantization, Scales, Settings

# With 16 bits there is room for values this many times as large as those that calibration saw; what that costs is lost
# in the rounding of int8 weights.
HEADROOM = 4.0
# A bias of at most 2**28 accumulator units leaves room for the products and keeps 29 bits for fast requantisation. With
# 16-bit activations, sums have 64 bits and only the bias itself must fit.
BIAS_LIMITS = {"int8": float(1 << 28), "int16": float(1 << 30)}
WEIGHT_LIMITS = (-127, 127)
DEFAULT_METHOD = "minmax"


def method_of(settings: Settings) -> str:
    return settings.method if settings.method != "default" else DEFAULT_METHOD


def wide_tensors(network: Network, settings: Settings) -> frozenset[str]:
    """The tensors with 16 bits."""
    return frozenset(network.statistics) if settings.precision == "int16x8" else network.wide


def choose(network: Network, settings: Settings) -> Scales:
    """Scales from the observed distributions; weights and biases rounded to nearest."""
    activations = activation_scales(network, method_of(settings), wide_tensors(network, settings))
    weights, biases = {}, {}
    for layer in network.layers:
        data = activations[layer.weighted.data]
        quantization = Quantization(weight_scale(layer, data), 0, "int8", layer.weighted.axis)
        weights[layer.key] = (round_weights(layer, quantization.scale, WEIGHT_LIMITS), quantization)
        biases[layer.key] = round_bias(layer.bias, data, quantization)
    return Scales(activations, weights, biases, WEIGHT_LIMITS)


def activation_scales(network: Network, method: str, wide: Container[str] = ()) -> dict[str, Quantization]:
    """One scale per group of tensors that should share it; tensors of known range get that range.

    Tensors in `wide` are int16 and have zero point 0: what an asymmetric range would gain is half a bit of sixteen.
    """
    result = {}
    for group in network.placement.groups:
        dtype = "int16" if group[0] in wide else "int8"
        makers = [m.op_type for n in group if (m := network.graph.producer.get(n))]
        fixed = [known for m in makers if (known := traits.of(m).known_range)]
        if fixed:
            low, high = min(f[0] for f in fixed), max(f[1] for f in fixed)
            scale = from_fixed_range(low, high, dtype)
        else:
            ranges = [METHODS[method](network.statistics[n].distribution) for n in group]
            scale = from_range(min(r[0] for r in ranges), max(r[1] for r in ranges), dtype)
        result.update(dict.fromkeys(group, scale))
    return result


def from_fixed_range(low: float, high: float, dtype: str) -> Quantization:
    """The scale of a range that is known without data: a power of two, from which the largest integer falls short."""
    if dtype == "int16":
        return Quantization(np.float32(max(-low, high) / 32768), 0, dtype)
    return Quantization(np.float32((high - low) / 256), -128 if low == 0.0 else 0)


def from_range(low: float, high: float, dtype: str = "int8") -> Quantization:
    """The scale that covers [low, high] and holds zero exactly; a tensor that is always zero gets scale 1/128.

    In 16 bits it covers `HEADROOM` times that range, and its end is a whole number of steps as in 8 bits: what a mask
    of 1 leaves of 1 - mask is nothing, whatever it is multiplied with.
    """
    low, high = min(low, 0.0), max(high, 0.0)
    if dtype == "int16":
        scale = np.float32(max(-low, high) / (32767 // HEADROOM))
        return Quantization(scale if scale > np.finfo(np.float32).tiny else np.float32(1 / 128), 0, dtype)
    scale = np.float32((high - low) / 255)
    if not scale > np.finfo(np.float32).tiny:
        return Quantization(np.float32(1 / 128), 0)
    zero_point = int(np.clip(np.rint(-128 - low / np.float64(scale)), -128, 127))
    return Quantization(scale, zero_point)


def weight_scale(layer: Layer, data: Quantization) -> np.ndarray:
    """float32 [output channels].

    The scale of a channel is never so small that its bias would leave its limit: channels that are nearly dead have
    weights of 1e-30 beside a bias of 0.1.
    """
    scale = np.abs(layer.rows(layer.weights)).max(axis=1, initial=0.0) / WEIGHT_LIMITS[1]
    scale = np.maximum(scale, np.abs(layer.bias) / (np.float64(data.scale) * BIAS_LIMITS[data.dtype]))
    return np.where(scale > np.finfo(np.float32).tiny * 2**24, scale, 1.0).astype(np.float32)


def round_weights(layer: Layer, scale: np.ndarray, limits: tuple[int, int]) -> np.ndarray:
    """int8 weights in the node's shape, rounded to the nearest step of `scale` (one value, or one per channel)."""
    steps = np.rint(layer.weights / layer.per_output(scale.astype(np.float64)))
    return np.clip(steps, *limits).astype(np.int8)


def round_bias(bias: np.ndarray, data: Quantization, weights: Quantization) -> tuple[np.ndarray, Quantization]:
    """`bias` (real values) as int32 at scale data scale * weights scale."""
    scale = np.float64(data.scale) * weights.scale.astype(np.float64)
    values = np.rint(bias / scale).astype(np.int32)
    return values, Quantization(scale.astype(np.float32), 0, "int32", 0)
