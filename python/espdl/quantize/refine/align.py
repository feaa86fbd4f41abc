# SPDX-License-Identifier: Apache-2.0
"""Scheme `power_of_two`: one real factor per group of tensors, so that their ranges fill the power-of-two grid.

A tensor whose largest value is 1.05 wastes almost a bit on a grid that must cover 2. Its convolution's weights can
carry any factor at no cost at run time; the convolution that reads it carries the inverse. Which factors are best
together is found by descent over a grid of factors, from several starts, on the noise that activations and weights
would have.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from espdl.quantize.histogram import Distribution
from espdl.quantize.network import Layer, Network
from espdl.quantize.power_of_two import (
    WEIGHT_LIMITS,
    Parameters,
    best_exponent,
    weight_exponents,
    written_tensor,
)
from espdl.quantize.refine import factors
from espdl.quantize.types import Settings

# Factors between 1 and 2, evenly spaced by ratio, and starts of the search.
STEPS = 16
_STARTS = 20
# How much of the error of rounded weights is left after GPTQ and bias correction.
_WEIGHT_SHARE = 0.25
# A unit has so few bits that the product of two is exact in float32.
_UNIT_BITS = 11


@dataclass(frozen=True)
class _Costs:
    """Noise at the outputs. `tensors` [groups, STEPS]; `edges`: (source group, target group, [STEPS] by difference)."""

    tensors: np.ndarray
    edges: list[tuple[int, int, np.ndarray]]


def choose(
    network: Network, parameters: Parameters, settings: Settings, gains: Mapping[str, float]
) -> tuple[Network, Parameters]:
    """The network with factors folded into its weights, and the parameters of its scales.

    `gains`: quantised tensor -> what its mean square error costs at the outputs.
    """
    found = factors.groups(network.graph, network.placement)
    count = len(set(found.of.values()))
    costs = _costs(network, found, parameters, settings, gains, count)
    variables = _variables(found, count)
    steps = _search(costs, variables, count)
    return _apply(network, found, parameters, steps)


def _variables(found: factors.Groups, count: int) -> list[list[int]]:
    """Sets of groups that take one step together. Groups that must stay at step 0 are in none."""
    inner = sorted(found.pinned - found.terminal)
    tied = [] if found.exact else [inner] if inner else []
    return tied + [[g] for g in range(count) if g not in inner]


def _costs(
    network: Network,
    found: factors.Groups,
    parameters: Parameters,
    settings: Settings,
    gains: Mapping[str, float],
    count: int,
) -> _Costs:
    grid = 2.0 ** (np.arange(STEPS) / STEPS)
    tensors = np.zeros((count, STEPS))
    for group in network.placement.groups:
        d = Distribution.merged([network.statistics[name].distribution for name in group])
        zero_point = parameters.zero_point(group[0])
        for step, unit in enumerate(grid):
            scale = unit * 2.0 ** best_exponent(d, unit, zero_point, settings.range_method)
            tensors[found.of[group[0]], step] += gains[group[0]] * d.error(scale, zero_point)
    edges = []
    for layer in network.layers:
        result = written_tensor(network, layer)
        gain = gains[result] * _passing(network.statistics[result].distribution) * _WEIGHT_SHARE
        noise = np.array([_weight_noise(network, layer, unit, settings.per_channel) for unit in grid])
        edges.append((*found.edges[layer.key], gain * noise))
    return _Costs(tensors, edges)


def _passing(d: Distribution) -> float:
    """The part of the values that an error before the activation function changes."""
    if d.low < 0.0 or not d.total:
        return 1.0
    return float(d.counts[d.values > 0.0].sum()) / d.total


def _weight_noise(network: Network, layer: Layer, unit: float, per_channel: bool) -> float:
    """Mean square error at the layer's output from rounding its weights to unit * 2**k, inputs taken as independent."""
    seen = network.statistics.get(layer.weighted.data)
    power = layer.per_input(seen.channel_power) if seen is not None else None
    scale = layer.per_output(unit * 2.0 ** weight_exponents(layer, unit, per_channel).astype(np.float64))
    weights = layer.weights
    error = np.clip(np.rint(weights / scale), *WEIGHT_LIMITS) * scale
    error -= weights
    error *= error
    return float((error if power is None else error * power).sum()) / layer.channels


def _search(costs: _Costs, variables: list[list[int]], count: int) -> np.ndarray:
    """int [groups]: the steps with the least cost that was found; deterministic."""
    generator = np.random.default_rng(0)
    best, least = np.zeros(count, np.int64), np.inf
    for start in range(_STARTS):
        steps = np.zeros(count, np.int64)
        if start:
            for members in variables:
                steps[members] = generator.integers(STEPS)
        while _descend(costs, variables, steps):
            pass
        cost = _total(costs, steps)
        if cost < least * (1.0 - 1e-9):
            best, least = steps, cost
    return best


def _descend(costs: _Costs, variables: list[list[int]], steps: np.ndarray) -> bool:
    """Sets every variable to its best step for the others as they are; whether anything changed."""
    changed = False
    every = np.arange(STEPS)
    for members in variables:
        inside = set(members)
        cost = costs.tensors[members].sum(axis=0)
        for source, target, noise in costs.edges:
            if source in inside and target in inside:
                continue
            if source in inside:
                cost = cost + noise[(steps[target] - every) % STEPS]
            elif target in inside:
                cost = cost + noise[(every - steps[source]) % STEPS]
        step = int(np.argmin(cost))
        if cost[step] < cost[steps[members[0]]] * (1.0 - 1e-9):
            steps[members] = step
            changed = True
    return changed


def _total(costs: _Costs, steps: np.ndarray) -> float:
    tensors = costs.tensors[np.arange(len(steps)), steps].sum()
    return float(tensors + sum(noise[(steps[t] - steps[s]) % STEPS] for s, t, noise in costs.edges))


def _apply(
    network: Network, found: factors.Groups, parameters: Parameters, steps: np.ndarray
) -> tuple[Network, Parameters]:
    inner = found.pinned - found.terminal
    unit = _few_bits(2.0 ** (steps[min(inner)] / STEPS)) if inner else 1.0
    ends = {}
    folded = np.ones(len(steps))
    for group, step in enumerate(steps):
        wanted = 2.0 ** (step / STEPS)
        if group in found.terminal:
            ends[group] = unit * _few_bits(wanted / unit)
        elif group not in inner:
            folded[group] = unit / wanted
    by_tensor = {name: ends[g] for name, g in found.of.items() if g in ends}
    return factors.fold(network, found, folded), Parameters(unit, by_tensor, parameters.zero_points)


def _few_bits(value: float) -> float:
    return round(value * 2.0**_UNIT_BITS) / 2.0**_UNIT_BITS
