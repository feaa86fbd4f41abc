# SPDX-License-Identifier: Apache-2.0
"""Calibration methods: from the distribution of a tensor's values to the range that its integers should cover.

What lies outside saturates. `minmax` covers all, `percentile` leaves out the rarest values, `mse` minimises the mean
square error, `entropy` the Kullback-Leibler divergence between the distribution and its quantised form (the idea of
TensorRT's calibrator). All of them work on `Distribution`, whose size does not depend on the number of samples.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from espdl.quantization import zero_point
from espdl.quantize.histogram import Distribution

Range = tuple[float, float]

# Share of the values that `percentile` leaves out at each end.
TAIL = 1e-4
# Ranges that `mse` tries, as parts of the whole range.
_SHARES = np.linspace(1.0, 0.2, 41)
# `entropy` compares a histogram of this many magnitudes with one of this many levels. Distributions have at least as
# many.
_BINS, _LEVELS = 1024, 128


def minmax(d: Distribution) -> Range:
    return d.low, d.high


def percentile(d: Distribution) -> Range:
    if not d.values.size:
        return d.low, d.high
    share = np.cumsum(d.counts) / d.total
    low = d.values[np.searchsorted(share, TAIL)]
    high = d.values[min(np.searchsorted(share, 1.0 - TAIL), d.values.size - 1)]
    return min(float(low), 0.0), max(float(high), 0.0)


def mse(d: Distribution) -> Range:
    """The best upper end for the whole lower end, then the best lower end for that."""

    def error(low: float, high: float) -> float:
        scale = (high - low) / 255
        if not scale > 0.0:
            return 0.0 if d.power == 0.0 else np.inf
        return d.error(scale, zero_point(low, scale))

    high = min((d.high * s for s in _SHARES), key=lambda h: error(d.low, h))
    low = min((d.low * s for s in _SHARES), key=lambda v: error(v, high))
    return float(low), float(high)


def entropy(d: Distribution) -> Range:
    """One threshold for the magnitudes; the range is what of it the values use."""
    peak = max(-d.low, d.high)
    if not peak > 0.0:
        return d.low, d.high
    place = np.minimum((np.abs(d.values) / peak * _BINS).astype(np.int64), _BINS - 1)
    bins = np.bincount(place, d.counts, _BINS)
    bins[0] = bins[1]  # zeros are exact in every range; the many that a ReLU leaves would hide the rest
    threshold = min(range(_LEVELS, _BINS + 1, 8), key=lambda used: _divergence(bins, used)) * peak / _BINS
    return max(d.low, -threshold), min(d.high, threshold)


def _divergence(bins: np.ndarray, used: int) -> float:
    """How much the first `used` bins, with all that saturates in the last of them, differ from their quantised form."""
    kept = bins[:used]
    reference = kept.copy()
    reference[-1] += bins[used:].sum()
    level = np.arange(used) * _LEVELS // used
    filled = kept > 0
    sums = np.bincount(level, kept, _LEVELS)
    sizes = np.bincount(level, filled, _LEVELS)
    spread = np.where(filled, sums[level] / np.maximum(sizes[level], 1), 0.0)
    if not spread.sum() > 0.0:
        return np.inf
    p, q = reference / reference.sum(), spread / spread.sum()
    some = p > 0
    return float((p[some] * np.log(p[some] / np.maximum(q[some], 1e-12))).sum())


def _to_the_floor(method: Callable[[Distribution], Range]) -> Callable[[Distribution], Range]:
    """`method` for what must reach down to the distribution's floor."""

    def reaching(d: Distribution) -> Range:
        low, high = method(d)
        return min(low, d.floor), high

    return reaching


METHODS: Mapping[str, Callable[[Distribution], Range]] = {
    method.__name__: _to_the_floor(method) for method in (minmax, percentile, entropy, mse)
}
