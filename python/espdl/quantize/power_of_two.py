# SPDX-License-Identifier: Apache-2.0
"""Scheme `power_of_two`: requantisation is one shift, because the scales of neighbours differ by powers of two.

All scales inside the network are `unit` * 2**e with one `unit`, weights are worth 2**k, so that every ratio is exact in
float32. A tensor at the network's end, which no convolution reads, may have a unit of its own: it is the product of the
network's unit and that of the weights before it, both of few bits, so that it is exact too. Tensors of a known range
(softmax, sigmoid) have unit 1; the weights that read one bring the network's unit back.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from espdl import traits
from espdl.quantization import Quantization
from espdl.quantize import input_forms
from espdl.quantize.affine import round_bias
from espdl.quantize.histogram import Distribution
from espdl.quantize.methods import methods
from espdl.quantize.network import Layer, Network
from espdl.quantize.types import Scales, Settings

WEIGHT_LIMITS = (-128, 127)
# Sums of products and bias stay below 2**29: room for rounding, and for kernels that add before they shift.
ACCUMULATOR_LIMIT = float(1 << 29)
BIAS_LIMIT = float(1 << 28)
MAX_SHIFT = 31
# How many finer exponents than the one that covers the whole range are tried.
_FINER = 5


@dataclass(frozen=True)
class Parameters:
    """What exponents cannot say: `unit` of all scales, `ends` for tensors with another one, zero points other than
    0.
    """

    unit: float = 1.0
    ends: Mapping[str, float] | None = None
    zero_points: Mapping[str, int] | None = None

    def of(self, tensor: str) -> float:
        return (self.ends or {}).get(tensor, self.unit)

    def zero_point(self, tensor: str) -> int:
        return (self.zero_points or {}).get(tensor, 0)


def choose(network: Network, settings: Settings, parameters: Parameters = Parameters()) -> Scales:
    """Scales from the observed distributions; weights and biases rounded to nearest."""
    activations = activation_scales(network, settings.range_method, parameters)
    held = input_forms.of_groups(network.graph, network.placement.groups)
    groups = [g for g in network.placement.groups if g in held or _has_known_range(network, g)]
    known = {name for group in groups for name in group} | input_forms.centred(network.graph).keys()
    weights = {}
    for layer in network.layers:
        unit = parameters.of(layer.output) / (1.0 if layer.weighted.data in known else parameters.unit)
        exponents = weight_exponents(layer, unit, settings.per_channel).astype(np.float64)
        weights[layer.key] = np.float64(unit) * 2.0**exponents
    _make_shifts_possible(network, activations, weights)
    values, biases = {}, {}
    for layer in network.layers:
        data, result = activations[layer.weighted.data], activations[written_tensor(network, layer)]
        scale = _with_room(layer, data, result, weights[layer.key])
        quantization = Quantization(scale, 0, "int8", layer.weighted.axis if scale.ndim else None)
        values[layer.key] = (quantization.quantize(layer.weights, WEIGHT_LIMITS), quantization)
        biases[layer.key] = round_bias(layer.bias, data, quantization)
    return Scales(activations, values, biases, WEIGHT_LIMITS, settings.rounding)


def best_exponent(d: Distribution, unit: float, zero_point: int, method: str) -> int:
    """The e for which the scale unit * 2**e serves the values best; `mse` compares errors, others cover their range."""
    low, high = (d.low, d.high) if method == "mse" else methods()[method](d)
    steps = max(high / (127 - zero_point), -low / (128 + zero_point) if zero_point > -128 else 0.0)
    if not steps > np.finfo(np.float32).tiny:
        return -7
    widest = math.ceil(math.log2(steps / unit))
    if method != "mse":
        return widest
    able = [e for e in range(widest, widest - _FINER, -1) if d.floor >= -(128 + zero_point) * unit * 2.0**e]
    return min(able or [widest], key=lambda e: d.error(unit * 2.0**e, zero_point))


def weight_exponents(layer: Layer, unit: float, per_channel: bool, power: np.ndarray | None = None) -> np.ndarray:
    """The k for which unit * 2**k rounds the weights with the least square error: a scalar, or one per output channel.

    `power` (shape of the weights, or None for all 1): how much the square error of a weight counts.
    """
    rows = layer.rows(layer.weights) / unit
    factor = 1.0 if power is None else layer.rows(np.broadcast_to(power, layer.weights.shape))
    peak = np.abs(rows).max(axis=1, initial=0.0)
    if not per_channel:
        peak = np.full_like(peak, peak.max(initial=0.0))
    widest = np.ceil(np.log2(np.maximum(peak, np.finfo(np.float32).tiny) / 127)).astype(np.int64)
    errors = []
    error = np.empty_like(rows)
    for finer in range(_FINER):
        scale = 2.0 ** (widest - finer)[:, np.newaxis]
        np.rint(np.multiply(rows, 1.0 / scale, out=error), out=error)  # exact, as a quotient is, and faster
        np.clip(error, *WEIGHT_LIMITS, out=error)
        error *= scale
        error -= rows
        np.square(error, out=error)
        error *= factor
        errors.append(error.sum(axis=1))
    if per_channel:
        return widest - np.argmin(errors, axis=0)
    return widest[0] - np.argmin(np.sum(errors, axis=1))


def activation_scales(network: Network, method: str, parameters: Parameters = Parameters()) -> dict[str, Quantization]:
    """One scale per group of tensors that share it."""
    result: dict[str, Quantization] = {}
    held = input_forms.of_groups(network.graph, network.placement.groups)
    for group in network.placement.groups:
        if group in held:
            scale = held[group]
        elif _has_known_range(network, group):
            scale = Quantization(np.float32(2.0**-7), 0)
        else:
            values = Distribution.merged([network.statistics[n].distribution for n in group])
            unit, zero_point = parameters.of(group[0]), parameters.zero_point(group[0])
            scale = Quantization(np.float32(unit * 2.0 ** best_exponent(values, unit, zero_point, method)), zero_point)
        result.update(dict.fromkeys(group, scale))
    return result | input_forms.centred(network.graph)


def _has_known_range(network: Network, group: Iterable[str]) -> bool:
    return any(traits.of(m.op_type).known_range for n in group if (m := network.graph.producer.get(n)))


def written_tensor(network: Network, layer: Layer) -> str:
    """The quantised tensor that a layer's kernel writes: its output, or that of the activation after it."""
    return network.placement.written(network.graph, layer.output)


def _make_shifts_possible(
    network: Network, activations: dict[str, Quantization], weights: dict[str, np.ndarray]
) -> None:
    """Coarser outputs where a sum of products would have to be shifted left: at most one pass per group is needed."""
    group_of = {name: group for group in network.placement.groups for name in group}
    for _ in network.placement.groups:
        changed = False
        for layer in network.layers:
            name = written_tensor(network, layer)
            ratio = (
                np.float64(activations[layer.weighted.data].scale) * weights[layer.key].max() / activations[name].scale
            )
            if ratio > 1.0:
                scale = Quantization(np.float32(activations[name].scale * ratio), activations[name].zero_point)
                activations.update(dict.fromkeys(group_of[name], scale))
                changed = True
        if not changed:
            return


def _with_room(layer: Layer, data: Quantization, result: Quantization, scale: np.ndarray) -> np.ndarray:
    """float32: `scale`, doubled as often as the shift, the bias and the sum of products need it, per channel."""
    data_scale, result_scale = np.float64(data.scale), np.float64(result.scale)
    largest = np.maximum(127 - data.zero_point, 128 + data.zero_point).max()
    rows = np.abs(layer.rows(layer.weights))
    lowest = np.maximum(result_scale / data_scale * 2.0**-MAX_SHIFT, np.abs(layer.bias) / (data_scale * BIAS_LIMIT))
    lowest = np.maximum(lowest, rows.sum(axis=1) * largest / ACCUMULATOR_LIMIT)
    if not scale.ndim:
        lowest = lowest.max()
    doublings = np.ceil(np.log2(np.maximum(lowest / scale, 1.0)))
    return (scale * 2.0**doublings).astype(np.float32)
