# SPDX-License-Identifier: Apache-2.0
"""The least Kullback-Leibler divergence between the distribution and its quantised form (the idea of TensorRT's
calibrator)."""

from __future__ import annotations

import numpy as np

from espdl.quantize.histogram import Distribution

# A histogram of so many magnitudes is compared with one of so many levels. Distributions have at least as many.
_BINS, _LEVELS = 1024, 128


def entropy(d: Distribution) -> tuple[float, float]:
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
