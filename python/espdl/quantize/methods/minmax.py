# SPDX-License-Identifier: Apache-2.0
"""All values that were seen."""

from __future__ import annotations

from espdl.quantize.histogram import Distribution


def minmax(d: Distribution) -> tuple[float, float]:
    return d.low, d.high
