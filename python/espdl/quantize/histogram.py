# SPDX-License-Identifier: Apache-2.0
"""The distribution of a tensor's values in bounded memory, whatever the number of samples and whatever their range."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

# Bins on each side of zero. A power-of-two bin width that doubles when needed leaves at least half of them in use,
# which is at least eight bins per step of an int8 scale.
_HALF = 2048


@dataclass(frozen=True)
class Distribution:
    """`values` float64 (the mean of each bin that holds any, ascending) with their `counts`; `low`, `high` seen, 0
    included. `floor`: what a scale must reach down to, whatever it leaves out otherwise.
    """

    values: np.ndarray
    counts: np.ndarray
    low: float
    high: float
    floor: float = 0.0

    @property
    def total(self) -> float:
        return float(self.counts.sum())

    @property
    def power(self) -> float:
        """The mean square."""
        return float(self.values**2 @ self.counts) / max(self.total, 1.0)

    def scaled(self, factor: float) -> Distribution:
        """The distribution of the same tensor times a positive factor."""
        low, high, floor = (v * factor for v in (self.low, self.high, self.floor))
        return Distribution(self.values * factor, self.counts, low, high, floor)

    def reaching(self, floor: float) -> Distribution:
        """The distribution of a tensor whose values may come down to `floor`."""
        return replace(self, low=min(self.low, floor), floor=min(self.floor, floor))

    def covering(self, low: float, high: float) -> Distribution:
        """The distribution of a tensor whose values may come to [low, high]."""
        return replace(self, low=min(self.low, low), high=max(self.high, high))

    def error(self, scale: float, zero_point: int, low: int = -128, high: int = 127) -> float:
        """Mean square error of rounding to `scale` with saturation to the integers [low, high]."""
        steps = np.clip(np.rint(self.values / scale) + zero_point, low, high) - zero_point
        return float((steps * scale - self.values) ** 2 @ self.counts) / max(self.total, 1.0)

    @staticmethod
    def merged(parts: list[Distribution]) -> Distribution:
        """All values of several tensors; every tensor counts alike, whatever its size."""
        if len(parts) == 1:
            return parts[0]
        values = np.concatenate([p.values for p in parts])
        counts = np.concatenate([p.counts / max(p.total, 1.0) for p in parts])
        order = np.argsort(values, kind="stable")
        low, high, floor = min(p.low for p in parts), max(p.high for p in parts), min(p.floor for p in parts)
        return Distribution(values[order], counts[order], low, high, floor)


class Histogram:
    """Counts and sums of values in bins of one width, which is a power of two and doubles when a value falls
    outside.
    """

    def __init__(self) -> None:
        self.low = 0.0
        self.high = 0.0
        self._width = 0.0
        self._zeros = 0
        self._counts = np.zeros(2 * _HALF)
        self._sums = np.zeros(2 * _HALF)

    def observe(self, values: np.ndarray) -> None:
        flat = values.reshape(-1)
        if not flat.size:
            return
        low, high = float(flat.min()), float(flat.max())
        self.low, self.high = min(self.low, low), max(self.high, high)
        peak = max(-low, high)
        if peak < np.finfo(np.float32).tiny:
            self._zeros += flat.size
            return
        self._make_room(peak)
        index = np.floor(flat * np.float64(1.0 / self._width)).astype(np.int64) + _HALF
        self._counts += np.bincount(index, minlength=2 * _HALF)
        self._sums += np.bincount(index, weights=flat, minlength=2 * _HALF)

    def _make_room(self, peak: float) -> None:
        """A bin width such that |value| < width * _HALF for every value up to `peak`."""
        needed = 2.0 ** (math.floor(math.log2(peak)) + 1 - int(math.log2(_HALF)))
        if not self._width:
            self._width = needed
        while self._width < needed:
            if not self._counts.any():
                self._width = needed
                return
            self._counts = _halved(self._counts)
            self._sums = _halved(self._sums)
            self._width *= 2

    @property
    def distribution(self) -> Distribution:
        used = np.flatnonzero(self._counts)
        values, counts = self._sums[used] / self._counts[used], self._counts[used]
        if self._zeros:
            place = int(np.searchsorted(values, 0.0))
            values, counts = np.insert(values, place, 0.0), np.insert(counts, place, self._zeros)
        return Distribution(values, counts, self.low, self.high)


def _halved(bins: np.ndarray) -> np.ndarray:
    """The same bins at twice the width, zero still in the middle."""
    quarter = _HALF // 2
    result = np.zeros_like(bins)
    result[quarter : quarter + _HALF] = bins[0::2] + bins[1::2]
    return result
