# SPDX-License-Identifier: Apache-2.0
"""The integer arithmetic of sums and differences, shared by Add with broadcasting and Sub."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from espdl.ops.broadcast import both, views
from espdl.ops.numerics import requantize, saturate
from espdl.targets import ROUND_TFLITE


def signed_sum(
    params: Mapping[str, Any], inputs: Sequence[np.ndarray], constants: Mapping[str, np.ndarray]
) -> list[np.ndarray]:
    """y = a_sign * a + b_sign * b, each brought to a common scale first."""
    p = params
    total = np.int64(0)
    for name, values in zip("ab", views(p, *both(list(inputs), constants))):
        v = (values - p[f"{name}_zero_point"]) * p[f"{name}_sign"]
        if p["rounding"] == ROUND_TFLITE:
            total = total + requantize(v << p["left_shift"], p[f"{name}_multiplier"], p[f"{name}_shift"], ROUND_TFLITE)
        else:
            total = total + (v << p[f"{name}_shift"])
    scaled = requantize(total, p["output_multiplier"], p["output_shift"], p["rounding"])
    return [saturate(scaled + p["output_zero_point"], p["activation_min"], p["activation_max"])]
