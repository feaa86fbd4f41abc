# SPDX-License-Identifier: Apache-2.0
"""Scheme `affine`: any positive scale and any zero point; symmetric int8 weights, one scale per output channel."""

from __future__ import annotations

from typing import Mapping

import numpy as np

from espdl.quantize.graph import Graph
from espdl.quantize.placement import FIXED_RANGES, Placement, Weighted
from espdl.quantize.types import Quantization, Scales

# A bias of at most 2**28 accumulator units leaves room for the products and keeps 29 bits for fast requantisation.
BIAS_LIMIT = float(1 << 28)

Range = tuple[float, float]


def choose(graph: Graph, placement: Placement, ranges: Mapping[str, Range]) -> Scales:
    """Scales from observed ranges."""
    activations = activation_scales(graph, placement, ranges)
    weights, biases = {}, {}
    for node in placement.weighted:
        values, quantization, bias = quantize_weights(graph, node, activations[node.data])
        weights[node.node.output[0]] = (values, quantization)
        if bias is not None:
            scale = (np.float64(activations[node.data].scale) * quantization.scale.astype(np.float64)).astype(np.float32)
            biases[node.node.output[0]] = (bias, Quantization(scale, 0, "int32", 0))
    return Scales(activations, weights, biases)


def activation_scales(graph: Graph, placement: Placement, ranges: Mapping[str, Range]) -> dict[str, Quantization]:
    """One scale per group of tensors that should share it; tensors of known range get that range."""
    result = {}
    for group in placement.groups:
        fixed = [FIXED_RANGES[maker.op_type] for n in group if (maker := graph.producer.get(n)) and maker.op_type in FIXED_RANGES]
        if fixed:
            low, high = min(f[0] for f in fixed), max(f[1] for f in fixed)
            scale = Quantization(np.float32((high - low) / 256), -128 if low == 0.0 else 0)
        else:
            scale = from_range(min(ranges[n][0] for n in group), max(ranges[n][1] for n in group))
        result.update(dict.fromkeys(group, scale))
    return result


def from_range(low: float, high: float) -> Quantization:
    """The int8 scale that covers [low, high] and holds zero exactly; a tensor that is always zero gets scale 1/128."""
    low, high = min(low, 0.0), max(high, 0.0)
    scale = np.float32((high - low) / 255)
    if not scale > np.finfo(np.float32).tiny:
        return Quantization(np.float32(1 / 128), 0)
    zero_point = int(np.clip(np.rint(-128 - low / np.float64(scale)), -128, 127))
    return Quantization(scale, zero_point)


def quantize_weights(graph: Graph, node: Weighted, data: Quantization) -> tuple[np.ndarray, Quantization, np.ndarray | None]:
    """Integer weights with their scales, and the int32 bias [channels] (None where the node has none).

    The scale of a channel is never so small that its bias would leave BIAS_LIMIT: channels that are nearly dead have
    weights of 1e-30 beside a bias of 0.1.
    """
    weights = graph.array(node.weights).astype(np.float64)
    rows = _rows(weights, node)
    bias = graph.array(node.bias).astype(np.float64).reshape(-1) if node.bias is not None else None
    scale = np.abs(rows).max(axis=1, initial=0.0) / 127
    data_scale = np.float64(data.scale)
    if bias is not None:
        bias = np.broadcast_to(bias, scale.shape)
        scale = np.maximum(scale, np.abs(bias) / (data_scale * BIAS_LIMIT))
    scale = np.where(scale > np.finfo(np.float32).tiny * 2**24, scale, 1.0).astype(np.float32)
    shape = [1] * weights.ndim
    shape[node.axis] = -1
    per_element = scale.astype(np.float64).reshape(shape)
    values = np.clip(np.rint(weights / per_element), -127, 127).astype(np.int8)
    integers = None if bias is None else np.rint(bias / (data_scale * scale.astype(np.float64))).astype(np.int32)
    return values, Quantization(scale, 0, "int8", node.axis), integers


def _rows(weights: np.ndarray, node: Weighted) -> np.ndarray:
    """The weights as [output channels, all that is summed]."""
    return np.moveaxis(weights, node.axis, 0).reshape(weights.shape[node.axis], -1)
