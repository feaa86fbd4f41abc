# SPDX-License-Identifier: Apache-2.0
"""Elementwise product of two tensors with a fused activation (ONNX Mul, quantised)."""

from __future__ import annotations

from typing import Any

import numpy as np

from espdl.ops.broadcast import Broadcast, BroadcastParams, both, two_operands, views
from espdl.ops.numerics import requantize, saturate
from espdl.ops.operator import Arrays, Constants, PatternBuilder, operator


class MulParams(BroadcastParams, c_type="espdl_mul_params_t"):
    a_zero_point: int
    b_zero_point: int
    output_zero_point: int
    left_shift: int
    multiplier: int
    shift: int
    activation_min: int
    activation_max: int
    rounding: str


@operator("mul")
class Mul(Broadcast):
    """a * b, operands of any shapes that ONNX broadcasts."""

    onnx = ("Mul", "Div")
    limits = "Div: by a constant"
    priority = 10

    @staticmethod
    def pattern(p: PatternBuilder) -> Any:
        return p.quantized(p.activated(two_operands(p, "relax.multiply")))

    @staticmethod
    def reference(params: MulParams, inputs: Arrays, constants: Constants) -> list[np.ndarray]:
        p = params
        a, b = views(p, *both(list(inputs), constants))
        product = ((a - p.a_zero_point) * (b - p.b_zero_point)) << p.left_shift
        scaled = requantize(product, p.multiplier, p.shift, p.rounding)
        return [saturate(scaled + p.output_zero_point, p.activation_min, p.activation_max)]
