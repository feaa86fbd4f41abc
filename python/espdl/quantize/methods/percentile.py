# SPDX-License-Identifier: Apache-2.0
"""Leaves out the rarest values."""

from __future__ import annotations

import numpy as np

from espdl.quantize.histogram import Distribution

# Share of the values that is left out at each end.
_TAIL = 1e-4


def percentile(d: Distribution) -> tuple[float, float]:
    if not d.values.size:
        return d.low, d.high
    share = np.cumsum(d.counts) / d.total
    low = d.values[np.searchsorted(share, _TAIL)]
    high = d.values[min(int(np.searchsorted(share, 1.0 - _TAIL)), d.values.size - 1)]
    return min(float(low), 0.0), max(float(high), 0.0)
