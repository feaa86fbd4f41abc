# SPDX-License-Identifier: Apache-2.0
"""What about the calibration data is suspicious enough to be told. Sentences; nothing here stops a compilation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from espdl.quantize.ranges import Statistics

_FEW = 10
# Float networks are trained on inputs between these magnitudes; 8-bit images as they are reach 255.
_SMALL, _LARGE = 1e-3, 1e4
# The largest value over the one that all but a ten-thousandth stay below.
_OUTLIER = 20.0


def warnings(inputs: Mapping[str, Statistics], count: int, alike: Sequence[str]) -> tuple[str, ...]:
    """`inputs`: statistics of the model's inputs; `alike`: those that were the same in all of `count` samples."""
    result = []
    if count < _FEW:
        result.append(f"calibration has {count} samples; 50 to 500 typical ones make the scales reliable")
    for name, statistics in inputs.items():
        low, high = statistics.range
        peak = max(-low, high)
        if peak == 0.0:
            result.append(f"input '{name}' is zero in all calibration samples")
        elif name in alike and count > 1:
            result.append(f"input '{name}' is the same in all {count} calibration samples")
        elif peak > _LARGE or peak < _SMALL:
            result.append(
                f"the largest value of input '{name}' in the calibration data is {peak:.3g}; was the preprocessing"
                " of the training applied?"
            )
        elif peak > _OUTLIER * _common(statistics):
            result.append(
                f"single values of input '{name}' reach {peak:.3g}, but all except 1 in 10,000 stay below"
                f" {_common(statistics):.3g}; they take resolution from the others"
            )
    return tuple(result)


def _common(statistics: Statistics) -> float:
    """The magnitude that all values but a ten-thousandth stay below."""
    d = statistics.distribution
    magnitudes = np.abs(d.values)
    order = np.argsort(magnitudes)
    share = np.cumsum(d.counts[order]) / d.total
    return float(magnitudes[order][min(np.searchsorted(share, 1.0 - 1e-4), len(order) - 1)])
