# SPDX-License-Identifier: Apache-2.0
"""Elementwise sum of two tensors of one shape with a fused activation (ONNX Add, quantised)."""

from __future__ import annotations

from typing import Any

import numpy as np

from espdl.ops.numerics import requantize, saturate, shift_half_up
from espdl.ops.operator import Arrays, Constants, Match, Mismatch, Operator, PatternBuilder, operator
from espdl.plan.params import Params
from espdl.targets import ROUND_TFLITE


class AddParams(Params, c_type="espdl_add_params_t"):
    count: int
    left_shift: int
    a_zero_point: int
    a_multiplier: int
    a_shift: int
    b_zero_point: int
    b_multiplier: int
    b_shift: int
    output_zero_point: int
    output_multiplier: int
    output_shift: int
    activation_min: int
    activation_max: int
    rounding: str


class AddS16Params(Params, c_type="espdl_add_s16_params_t"):
    count: int
    a_multiplier: int
    b_multiplier: int
    shift: int
    activation_min: int
    activation_max: int


@operator("add")
class Add(Operator):
    """Two inputs and an output of one shape, each with its own scale; int8, or int16 with zero points 0."""

    activation: tuple[float, float] | None

    onnx = ("Add", "Sum", "Mean")
    limits = "two activations"
    priority = 10

    @staticmethod
    def pattern(p: PatternBuilder) -> Any:
        return p.quantized(p.activated(p.call("relax.add", p.dequantized("a"), p.dequantized("b"))))

    @classmethod
    def from_match(cls, match: Match) -> Add:
        a, b = match.tensor("a"), match.tensor("b")
        if a.shape != b.shape:
            raise Mismatch(f"its inputs have different shapes, {a.shape} and {b.shape}")
        return cls(inputs=(a, b), outputs=match.outputs, source_nodes=match.source_nodes, activation=match.activation)

    @staticmethod
    def reference(params: AddParams | AddS16Params, inputs: Arrays, constants: Constants) -> list[np.ndarray]:
        a, b = (v.astype(np.int64) for v in inputs)
        if isinstance(params, AddS16Params):
            return [_sum_int16(params, a, b)]
        return [sum_of(params, a - params.a_zero_point, b - params.b_zero_point)]


def sum_of(p: Any, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """int8: the sum of two int64 operands without zero points, each brought to a common scale first."""
    if p.rounding == ROUND_TFLITE:
        a = requantize(a << p.left_shift, p.a_multiplier, p.a_shift, ROUND_TFLITE)
        b = requantize(b << p.left_shift, p.b_multiplier, p.b_shift, ROUND_TFLITE)
    else:
        a, b = a << p.a_shift, b << p.b_shift
    scaled = requantize(a + b, p.output_multiplier, p.output_shift, p.rounding)
    return saturate(scaled + p.output_zero_point, p.activation_min, p.activation_max)


def _sum_int16(p: AddS16Params, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Both inputs times their multipliers, one rounding shift."""
    total = a * p.a_multiplier + b * p.b_multiplier
    return saturate(shift_half_up(total, p.shift), p.activation_min, p.activation_max, np.int16)
