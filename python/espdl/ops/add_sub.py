# SPDX-License-Identifier: Apache-2.0
"""Elementwise sum and difference with a constant or with broadcasting, and a fused activation (ONNX Add, Sub)."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from espdl.ops.add import sum_of
from espdl.ops.broadcast import Broadcast, BroadcastParams, both, two_operands, views
from espdl.ops.operator import Arrays, Constants, PatternBuilder, operator


class SumParams(BroadcastParams, c_type="espdl_sum_params_t"):
    left_shift: int
    a_zero_point: int
    a_multiplier: int
    a_shift: int
    a_sign: int
    b_zero_point: int
    b_multiplier: int
    b_shift: int
    b_sign: int
    output_zero_point: int
    output_multiplier: int
    output_shift: int
    activation_min: int
    activation_max: int
    rounding: str


class AddSub(Broadcast):
    """`signs` of its operands, in the model's order; operands of any shapes that ONNX broadcasts."""

    relax: ClassVar[str]
    signs: ClassVar[tuple[int, int]]

    @classmethod
    def pattern(cls, p: PatternBuilder) -> Any:
        return p.quantized(p.activated(two_operands(p, cls.relax)))

    @staticmethod
    def reference(params: SumParams, inputs: Arrays, constants: Constants) -> list[np.ndarray]:
        p = params
        a, b = views(p, *both(list(inputs), constants))
        return [sum_of(p, (a - p.a_zero_point) * p.a_sign, (b - p.b_zero_point) * p.b_sign)]


@operator("add_broadcast")
class AddBroadcast(AddSub):
    onnx = ("Add",)
    priority = 9  # what `add` does not take
    relax = "relax.add"
    signs = (1, 1)


@operator("sub")
class Sub(AddSub):
    onnx = ("Sub",)
    priority = 10
    relax = "relax.subtract"
    signs = (1, -1)
