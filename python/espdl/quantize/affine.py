# SPDX-License-Identifier: Apache-2.0
"""Scheme `affine`: any positive scale and any zero point; symmetric int8 weights, one scale per output channel."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import replace

import numpy as np

from espdl import traits
from espdl.quantization import Quantization
from espdl.quantize import input_forms
from espdl.quantize.methods import methods
from espdl.quantize.network import Layer, Network
from espdl.quantize.types import Scales, Settings

# With 16 bits there is room for values this many times as large as those that calibration saw; what that costs is lost
# in the rounding of int8 weights.
HEADROOM = 4.0
# A bias of at most 2**28 accumulator units leaves room for the products and keeps 29 bits for fast requantisation. With
# 16-bit activations, sums have 64 bits and only the bias itself must fit.
BIAS_LIMITS = {"int8": float(1 << 28), "int16": float(1 << 30)}
WEIGHT_LIMITS = (-127, 127)


def wide_tensors(network: Network, settings: Settings) -> frozenset[str]:
    """The tensors with 16 bits."""
    return frozenset(network.statistics) if settings.precision == "int16x8" else network.wide


def choose(network: Network, settings: Settings) -> Scales:
    """Scales from the observed distributions; weights and biases rounded to nearest."""
    wide, is_wide = wide_tensors(network, settings), settings.precision == "int16x8"
    activations = activation_scales(network, settings.range_method, wide, is_wide)
    weights, biases = {}, {}
    for layer in network.layers:
        data = activations[layer.weighted.data]
        quantization = Quantization(weight_scale(layer, data), 0, "int8", layer.weighted.axis)
        weights[layer.key] = (quantization.quantize(layer.weights, WEIGHT_LIMITS), quantization)
        biases[layer.key] = round_bias(layer.bias, data, quantization)
    return Scales(activations, weights, biases, WEIGHT_LIMITS)


def activation_scales(
    network: Network, method: str, wide: Container[str] = (), is_wide: bool = False
) -> dict[str, Quantization]:
    """One scale per group of tensors that should share it; tensors of known range get that range.

    Tensors in `wide` are int16, those with the integers of an input have these.
    """
    result: dict[str, Quantization] = {}
    held = input_forms.of_groups(network.graph, network.placement.groups, is_wide)
    for group in network.placement.groups:
        if group in held:
            result.update(dict.fromkeys(group, held[group]))
            continue
        dtype = "int16" if group[0] in wide else "int8"
        producers = [m.op_type for n in group if (m := network.graph.producer.get(n))]
        fixed = [known for m in producers if (known := traits.of(m).known_range)]
        if fixed:
            low, high = min(f[0] for f in fixed), max(f[1] for f in fixed)
            scale = Quantization.of_known_range(low, high, dtype)
        else:
            ranges = [methods()[method](network.statistics[n].distribution) for n in group]
            low, high = min(r[0] for r in ranges), max(r[1] for r in ranges)
            scale = Quantization.of_range(low, high, dtype, HEADROOM)
        result.update(dict.fromkeys(group, scale))
    return result | input_forms.centred(network.graph)


def weight_scale(layer: Layer, data: Quantization) -> np.ndarray:
    """float32 [output channels].

    The scale of a channel is never so small that its bias would leave its limit: channels that are nearly dead have
    weights of 1e-30 beside a bias of 0.1.
    """
    scale = np.abs(layer.rows(layer.weights)).max(axis=1, initial=0.0) / WEIGHT_LIMITS[1]
    scale = np.maximum(scale, np.abs(layer.bias) / (np.float64(data.scale) * BIAS_LIMITS[data.dtype]))
    return np.where(scale > np.finfo(np.float32).tiny * 2**24, scale, 1.0).astype(np.float32)


def round_bias(bias: np.ndarray, data: Quantization, weights: Quantization) -> tuple[np.ndarray, Quantization]:
    """`bias` (real values) as int32 at scale data scale * weights scale."""
    exact = replace(weights, scale=np.float64(data.scale) * weights.scales.astype(np.float64), dtype="int32")
    if weights.axis is not None:
        exact = replace(exact, axis=0)
    return exact.quantize(bias), replace(exact, scale=exact.scales.astype(np.float32))
