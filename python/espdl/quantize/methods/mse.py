# SPDX-License-Identifier: Apache-2.0
"""The least mean square error of rounding and saturation."""

from __future__ import annotations

import numpy as np

from espdl.quantization import zero_point
from espdl.quantize.histogram import Distribution

# Ranges that are tried, as parts of the whole range.
_SHARES = np.linspace(1.0, 0.2, 41)


def mse(d: Distribution) -> tuple[float, float]:
    """The best upper end for the whole lower end, then the best lower end for that."""

    def error(low: float, high: float) -> float:
        scale = (high - low) / 255
        if not scale > 0.0:
            return 0.0 if d.power == 0.0 else np.inf
        return d.error(scale, zero_point(low, scale))

    high = min((d.high * s for s in _SHARES), key=lambda h: error(d.low, h))
    low = min((d.low * s for s in _SHARES), key=lambda v: error(v, high))
    return float(low), float(high)
