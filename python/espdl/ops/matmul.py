# SPDX-License-Identifier: Apache-2.0
"""Matrix product of two activations with a fused activation (ONNX MatMul, quantised)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from espdl.ops.broadcast import both
from espdl.ops.numerics import requantize, saturate
from espdl.ops.operator import Arrays, Constants, Match, Mismatch, Operator, PatternBuilder, operator
from espdl.plan.params import Params
from espdl.plan.types import Tensor


class MatMulParams(Params, c_type="espdl_matmul_params_t"):
    batch: int
    rows: int
    inner: int
    columns: int
    a_strides: tuple[int, ...]
    b_strides: tuple[int, ...]
    y_strides: tuple[int, ...]
    a_zero_point: int
    b_zero_point: int
    output_zero_point: int
    multiplier: int
    shift: int
    activation_min: int
    activation_max: int
    rounding: str


@operator("matmul")
class MatMul(Operator):
    """y = a b, matrices of the last two axes; the axes before are equal, or one operand has but one matrix.

    `values` is the operand that is constant, if any; `swapped`: it is the one on the left.
    """

    a: Tensor
    b: Tensor
    values: np.ndarray | None
    swapped: bool
    activation: tuple[float, float] | None

    onnx = ("MatMul",)
    priority = 10

    @staticmethod
    def pattern(p: PatternBuilder) -> Any:
        a, b = p.dequantized("a"), p.dequantized("b")
        product = p.any_of(
            p.call("relax.matmul", a, p.constant("right")),
            p.call("relax.matmul", p.constant("left"), b),
            p.call("relax.matmul", a, b),
        )
        return p.quantized(p.activated(product))

    @classmethod
    def from_match(cls, match: Match) -> MatMul:
        swapped, values = match.has("left"), None
        if match.has("left"):
            (a, values), b = match.operand("left"), match.tensor("b")
        elif match.has("right"):
            a, (b, values) = match.tensor("a"), match.operand("right")
        else:
            a, b = match.tensor("a"), match.tensor("b")
        if min(len(a.shape), len(b.shape)) < 2:
            raise Mismatch("one of its operands is a vector")
        batches = [math.prod(t.shape[:-2]) for t in (a, b)]
        if batches[0] != batches[1] and 1 not in batches:
            raise Mismatch("its operands repeat each other's matrices")
        inputs = (a, b) if values is None else ((b,) if swapped else (a,))
        return cls(inputs, match.outputs, match.source_nodes, a, b, values, swapped, match.activation)

    @property
    def macs(self) -> int:
        return self.outputs[0].count * self.a.shape[-1]

    @staticmethod
    def reference(params: MatMulParams, inputs: Arrays, constants: Constants) -> list[np.ndarray]:
        p = params
        a, b = (np.ascontiguousarray(v).reshape(-1).astype(np.int64) for v in both(list(inputs), constants))
        a = as_strided(a, (p.batch, p.rows, p.inner), [8 * s for s in p.a_strides]) - p.a_zero_point
        b = as_strided(b, (p.batch, p.inner, p.columns), [8 * s for s in p.b_strides]) - p.b_zero_point
        # Exact in float64: products are below 2**16, and an int32 accumulator bounds their sum.
        acc = (a.astype(np.float64) @ b.astype(np.float64)).astype(np.int64)
        scaled = requantize(acc, p.multiplier, p.shift, p.rounding)
        y = np.empty(acc.size, np.int8)
        view = as_strided(y, acc.shape, p.y_strides)
        view[...] = saturate(scaled + p.output_zero_point, p.activation_min, p.activation_max)
        return [y]
