# SPDX-License-Identifier: Apache-2.0
"""Coarser weights where sums of products would leave the lanes of a vector unit, and nothing is lost by it.

Vector units sum in lanes of few bits, and take longer where a layer's sums may need more. Some layers have finer
weights than their result can show: its own rounding and the noise that is in it already cover theirs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from espdl.quantization import Quantization
from espdl.quantize.types import LayerIntegers

# Doublings of a scale that are tried, and by how much the error of the result may grow: 0.02 dB.
_MOST = 4
_COST = 1.005


@dataclass(frozen=True)
class Lanes:
    """Lanes of `bits`; `data` and `result` are the layer's input and what its kernel writes, `low` the least input."""

    bits: int
    data: Quantization
    result: Quantization
    low: int

    def hold(self, rows: np.ndarray, bias: np.ndarray, scale: float) -> bool:
        """Whether no sum leaves them in whatever order; `rows` are the weights [output channels, columns]."""
        weights = rows.astype(np.int64)
        half = np.float64(self.result.scale) / (np.float64(self.data.scale) * scale) / 2
        zeros = np.ravel(self.data.zero_point)  # one, or one for each input channel of a convolution
        start = bias - weights @ zeros.repeat(weights.shape[1] // zeros.size) + (2 * self.result.zero_point + 1) * half
        most = start + np.maximum(weights * 127, weights * self.low).sum(axis=1)
        least = start + np.minimum(weights * 127, weights * self.low).sum(axis=1)
        limit = 2.0 ** (self.bits - 1)
        return bool(most.max(initial=0) < limit and least.min(initial=0) >= -limit)

    def reach(self, scale: float) -> bool:
        """Whether weights of this scale still need no shift to the left."""
        return bool(np.float64(self.data.scale) * scale <= np.float64(self.result.scale))


def coarser(
    found: LayerIntegers,
    integers: Callable[[Quantization], LayerIntegers],
    noise: Callable[[Quantization], float],
    rows: Callable[[np.ndarray], np.ndarray],
    lanes: Lanes,
) -> LayerIntegers:
    """`found`, or the `integers` of the finest coarser quantisation of the weights that fit the lanes, if it costs
    nothing.

    `noise`: mean square error that a quantisation leaves in the result before that is rounded.
    """
    own = found.quantization
    if own.scales.ndim or _fit(found, rows, lanes):
        return found
    rounding = float(lanes.result.scale) ** 2 / 12
    allowed = (noise(own) + rounding) * _COST
    scale = own.scale
    for _ in range(_MOST):
        scale = np.float32(2.0 * scale)
        other = Quantization(scale)
        if not lanes.reach(float(scale)) or noise(other) + rounding > allowed:
            break
        coarse = integers(other)
        if _fit(coarse, rows, lanes):
            return coarse
    return found


def _fit(found: LayerIntegers, rows: Callable[[np.ndarray], np.ndarray], lanes: Lanes) -> bool:
    return lanes.hold(rows(found.weights), found.bias[0], float(found.quantization.scale))
