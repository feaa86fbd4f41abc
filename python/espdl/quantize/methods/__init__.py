# SPDX-License-Identifier: Apache-2.0
"""Calibration methods, a file each: from the distribution of a tensor's values to the range that its integers should
cover. What lies outside saturates.

A method is a function named like its file. `Distribution`, on which it works, has a size that does not depend on the
number of samples.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache

from espdl.discover import discover
from espdl.quantize.histogram import Distribution

Method = Callable[[Distribution], tuple[float, float]]


@cache
def methods() -> Mapping[str, Method]:
    """All of them by name; what must reach down to its distribution's floor does so whatever the method says."""
    names = {module.__name__.rsplit(".", 1)[1]: module for module in discover(__name__)}
    return {name: _to_the_floor(getattr(module, name)) for name, module in names.items()}


def _to_the_floor(method: Method) -> Method:
    def reaching(d: Distribution) -> tuple[float, float]:
        low, high = method(d)
        return min(low, d.floor), high

    return reaching
