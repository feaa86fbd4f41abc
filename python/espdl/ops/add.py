# SPDX-License-Identifier: Apache-2.0
"""Elementwise sum of two tensors of one shape with a fused activation (ONNX Add, quantised)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from espdl.ops.numerics import requantize, saturate, shift_half_up
from espdl.ops.operator import Arrays, Constants, Match, Mismatch, Operator, Params, PatternBuilder, operator
from espdl.targets import ROUND_TFLITE


@operator("add")
@dataclass(frozen=True, eq=False)
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
    def reference(params: Params, inputs: Arrays, constants: Constants) -> list[np.ndarray]:
        if inputs[0].dtype == np.int16:
            return [_sum_int16(params, *inputs)]
        a, b = (v.astype(np.int64) - params[f"{n}_zero_point"] for n, v in zip("ab", inputs))
        return [sum_of(params, a, b)]


def sum_of(p: Params, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """int8: the sum of two int64 operands without zero points, each brought to a common scale first."""
    if p["rounding"] == ROUND_TFLITE:
        a, b = (
            requantize(v << p["left_shift"], p[f"{n}_multiplier"], p[f"{n}_shift"], ROUND_TFLITE)
            for n, v in (("a", a), ("b", b))
        )
    else:
        a, b = a << p["a_shift"], b << p["b_shift"]
    scaled = requantize(a + b, p["output_multiplier"], p["output_shift"], p["rounding"])
    return saturate(scaled + p["output_zero_point"], p["activation_min"], p["activation_max"])


def _sum_int16(p: Params, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Both inputs times their multipliers, one rounding shift."""
    total = a.astype(np.int64) * p["a_multiplier"] + b.astype(np.int64) * p["b_multiplier"]
    return saturate(shift_half_up(total, p["shift"]), p["activation_min"], p["activation_max"], np.int16)
