# SPDX-License-Identifier: Apache-2.0
"""Rectifier with a constant slope per channel (ONNX PRelu, quantised)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from espdl.ops.numerics import requantize, saturate
from espdl.ops.operator import Arrays, Constants, Match, Mismatch, Operator, PatternBuilder, operator
from espdl.plan.params import Params
from espdl.plan.types import Tensor


class PReluParams(Params, c_type="espdl_prelu_params_t"):
    outer: int
    channels: int
    inner: int
    input_zero_point: int
    output_zero_point: int
    positive_left_shift: int
    positive_multiplier: int
    positive_shift: int
    negative_left_shift: int
    negative_multiplier: int
    negative_shift: int
    rounding: str


@operator("prelu")
class PRelu(Operator):
    """The input is read as [outer, channels, inner]; `values` int8 [channels] are the slopes, `slope` their scale."""

    sizes: tuple[int, int, int]
    slope: Tensor
    values: np.ndarray

    onnx = ("PRelu",)
    limits = "constant slope, one value or one per channel"
    priority = 10

    @staticmethod
    def pattern(p: PatternBuilder) -> Any:
        return p.quantized(p.call("relax.nn.prelu", p.dequantized("x"), p.constant("slope"), label="prelu"))

    @classmethod
    def from_match(cls, match: Match) -> PRelu:
        shape = match.tensor("x").shape
        slope, values = match.operand("slope")
        if slope.zero_point:
            raise Mismatch("its slope has a zero point")
        axis = match.attribute("prelu", "axis") % len(shape)
        sizes = (math.prod(shape[:axis]), shape[axis], math.prod(shape[axis + 1 :]))
        if values.size not in (1, sizes[1]):
            raise Mismatch(f"it has {values.size} slopes for {sizes[1]} channels")
        values = np.broadcast_to(values.reshape(-1), (sizes[1],)).copy()
        return cls(*match.ports, sizes, slope, values)

    @staticmethod
    def reference(params: PReluParams, inputs: Arrays, constants: Constants) -> list[np.ndarray]:
        p = params
        x = inputs[0].astype(np.int64).reshape(p.outer, p.channels, p.inner) - p.input_zero_point
        slope = constants["slope"].astype(np.int64)[:, np.newaxis]
        above = requantize(x << p.positive_left_shift, p.positive_multiplier, p.positive_shift, p.rounding)
        below = requantize(x * slope << p.negative_left_shift, p.negative_multiplier, p.negative_shift, p.rounding)
        return [saturate(np.where(x >= 0, above, below) + p.output_zero_point, -128, 127)]
