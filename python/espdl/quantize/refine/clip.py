# SPDX-License-Identifier: Apache-2.0
"""Lets rare large values of the model's inputs saturate where that brings the outputs nearer to the float network.

An error at the input passes through every layer. The best range is not the one with the least error at the input itself:
what a network makes of a clipped outlier can be anything, so that it is measured at the outputs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from espdl.quantize.network import Network
from espdl.quantize.refine.sensitivity import Probe
from espdl.quantize.refine.walk import Sample

# Parts of the whole range that are tried, and how much less noise it must give to be worth saturating.
_SHARES = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3)
_GAIN = 0.9


def inputs(network: Network, samples: Sequence[Sample], symmetric: bool, zero_points: Mapping[str, int]) -> Network:
    """The network with the statistics of its inputs clipped to the range to quantise.

    `symmetric`: both ends shrink together around the tensor's zero point (0 where `zero_points` has none), as a scheme
    without free zero points needs it.
    """
    tensors = [name for name in network.graph.inputs if name in network.placement.quantized]
    if not tensors or not samples:
        return network
    probe = Probe(network, tensors, samples)
    statistics = dict(network.statistics)
    for name in tensors:
        d = statistics[name].distribution
        low, high = _best(probe, name, d.low, d.high, zero_points.get(name, 0) if symmetric else None)
        group = next(g for g in network.placement.groups if name in g)
        for member in group:
            known = statistics[member]
            statistics[member] = replace(known, distribution=known.distribution.clipped(low, high))
    return replace(network, statistics=statistics)


def _best(probe: Probe, name: str, low: float, high: float, zero_point: int | None) -> tuple[float, float]:
    best, least = (low, high), np.inf
    for share in _SHARES:
        ends = _ends(low, high, share, zero_point)
        step = (ends[1] - ends[0]) / 255
        if not step > 0.0:
            break
        noise, _ = probe(name, lambda v, s=step, e=ends: np.rint(np.clip(v, *e) / s) * s - v)
        if noise < least * (_GAIN if np.isfinite(least) else 1.0):
            best, least = ends, noise
    return max(best[0], low), min(best[1], high)


def _ends(low: float, high: float, share: float, zero_point: int | None) -> tuple[float, float]:
    if zero_point is None:
        return low * share, high * share
    step = max(high / (127 - zero_point), -low / (128 + zero_point) if zero_point > -128 else 0.0) * share
    return (-128 - zero_point) * step, (127 - zero_point) * step
