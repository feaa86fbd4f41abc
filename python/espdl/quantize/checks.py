# SPDX-License-Identifier: Apache-2.0
"""What about the calibration data is suspicious enough to be told. Sentences; nothing here stops a compilation."""

from __future__ import annotations

import numpy as np

from espdl import traits
from espdl.quantize.network import Network
from espdl.quantize.ranges import Statistics

_FEW = 10
# Float networks are trained on inputs between these magnitudes; 8-bit images as they are reach 255.
_SMALL, _LARGE = 1e-3, 1e4
# The largest value over the one that all but a ten-thousandth stay below.
_OUTLIER = 20.0
# Where the output of a sigmoid turns from no to yes.
_HALF = 0.5


def warnings(network: Network, count: int) -> tuple[str, ...]:
    """What `count` samples that gave the network its statistics say of themselves."""
    result = []
    if count < _FEW:
        result.append(f"calibration has {count} samples; 50 to 500 typical ones make the scales reliable")
    for name in network.graph.inputs:
        if name in network.statistics:
            result += _input_warnings(name, network.statistics[name], count)
    for name in network.graph.outputs:
        producer, seen = network.graph.producer.get(name), network.statistics.get(name)
        if producer is None or producer.op_type != "Softmax" or seen is None or seen.winner is None or count < _FEW:
            continue
        if len(seen.channel_peak) > 1:
            result.append(
                f"output '{name}' of the float model gives class {seen.winner} for all {count} calibration samples;"
                " was the preprocessing of the training applied, and are all classes among them?"
            )
    for name in network.graph.outputs:
        result += _one_sided(network, name, count)
    return tuple(result)


def _one_sided(network: Network, name: str, count: int) -> list[str]:
    """A sigmoid at the end that never crosses one half: the scale of what it reads then ends there too."""
    producer = network.graph.producer.get(name)
    while producer is not None and traits.of(producer.op_type).moves:
        producer = network.graph.producer.get(producer.input[0])
    seen = network.statistics.get(name)
    known = traits.of(producer.op_type) if producer is not None else None
    if known is None or not known.unary or known.known_range != (0.0, 1.0) or seen is None:
        return []
    low, high = float(seen.distribution.values.min()), float(seen.distribution.values.max())
    if low < _HALF < high:
        return []
    says, lacks = ("no", "positive") if high <= _HALF else ("yes", "negative")
    return [
        f"output '{name}' says {says} to all {count} calibration samples (it lies between {low:.2g} and {high:.2g}):"
        f" compiled, it may never be able to say anything else; add {lacks} samples to the calibration data"
    ]


def _input_warnings(name: str, statistics: Statistics, count: int) -> list[str]:
    low, high = statistics.range
    peak = max(-low, high)
    if peak == 0.0:
        return [f"input '{name}' is zero in all calibration samples"]
    if statistics.alike and count > 1:
        return [f"input '{name}' is the same in all {count} calibration samples"]
    if peak > _LARGE or peak < _SMALL:
        return [
            f"the largest value of input '{name}' in the calibration data is {peak:.3g}; was the preprocessing"
            " of the training applied?"
        ]
    if not statistics.distribution.floor and peak > _OUTLIER * _common(statistics):
        return [
            f"single values of input '{name}' reach {peak:.3g}, but all except 1 in 10,000 stay below"
            f" {_common(statistics):.3g}; they take resolution from the others"
        ]
    return []


def _common(statistics: Statistics) -> float:
    """The magnitude that all values but a ten-thousandth stay below."""
    d = statistics.distribution
    magnitudes = np.abs(d.values)
    order = np.argsort(magnitudes)
    share = np.cumsum(d.counts[order]) / d.total
    return float(magnitudes[order][min(np.searchsorted(share, 1.0 - 1e-4), len(order) - 1)])
