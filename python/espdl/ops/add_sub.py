# SPDX-License-Identifier: Apache-2.0
"""Elementwise sum and difference with a constant or with broadcasting, and a fused activation (ONNX Add, Sub)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from espdl.ops.broadcast import Broadcast, both, two_operands, views
from espdl.ops.numerics import requantize, saturate
from espdl.ops.operator import Arrays, Constants, Params, PatternBuilder, operator
from espdl.targets import ROUND_TFLITE


class AddSub(Broadcast):
    """`signs` of its operands, in the model's order; operands of any shapes that ONNX broadcasts."""

    relax: ClassVar[str]
    signs: ClassVar[tuple[int, int]]

    @classmethod
    def pattern(cls, p: PatternBuilder) -> Any:
        return p.quantized(p.activated(two_operands(p, cls.relax)))

    @staticmethod
    def reference(params: Params, inputs: Arrays, constants: Constants) -> list[np.ndarray]:
        """y = a_sign * a + b_sign * b, each brought to a common scale first."""
        p = params
        total = np.int64(0)
        for name, values in zip("ab", views(p, *both(list(inputs), constants))):
            v = (values - p[f"{name}_zero_point"]) * p[f"{name}_sign"]
            if p["rounding"] == ROUND_TFLITE:
                v = requantize(v << p["left_shift"], p[f"{name}_multiplier"], p[f"{name}_shift"], ROUND_TFLITE)
            else:
                v = v << p[f"{name}_shift"]
            total = total + v
        scaled = requantize(total, p["output_multiplier"], p["output_shift"], p["rounding"])
        return [saturate(scaled + p["output_zero_point"], p["activation_min"], p["activation_max"])]


@operator("add_broadcast")
@dataclass(frozen=True, eq=False)
class AddBroadcast(AddSub):
    onnx = ("Add",)
    priority = 9  # what `add` does not take
    relax = "relax.add"
    signs = (1, 1)


@operator("sub")
@dataclass(frozen=True, eq=False)
class Sub(AddSub):
    onnx = ("Sub",)
    priority = 10
    relax = "relax.subtract"
    signs = (1, -1)
