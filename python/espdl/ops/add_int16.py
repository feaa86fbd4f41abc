# SPDX-License-Identifier: Apache-2.0
"""Elementwise sum of two 16-bit tensors of one shape with a fused activation (ONNX Add, quantised)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from espdl.ops.add import Add
from espdl.ops.operator import Arrays, Constants, Match, Params, operator
from espdl.ops.wide import require_int16


@operator("add_int16")
@dataclass(frozen=True, eq=False)
class AddInt16(Add):
    """As Add, with int16 tensors of zero point 0: both inputs times their multipliers, one rounding shift."""

    limits = "int16, two tensors of one shape"

    @classmethod
    def from_match(cls, match: Match) -> AddInt16:
        require_int16(match)
        return super().from_match(match)

    @staticmethod
    def reference(params: Params, inputs: Arrays, constants: Constants) -> list[np.ndarray]:
        p = params
        a, b = (v.astype(np.int64) for v in inputs)
        total = a * p["a_multiplier"] + b * p["b_multiplier"]
        scaled = (total + (1 << (p["shift"] - 1))) >> p["shift"]
        return [np.clip(scaled, p["activation_min"], p["activation_max"]).astype(np.int16)]
