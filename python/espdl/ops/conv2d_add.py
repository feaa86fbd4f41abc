# SPDX-License-Identifier: Apache-2.0
"""A convolution whose result is added to another tensor: the end of a residual block (ONNX Conv, Add, quantised)."""

from __future__ import annotations

from typing import Any

import numpy as np

from espdl.ops.add import Add, AddParams
from espdl.ops.conv2d import Conv2d, Conv2dParams
from espdl.ops.operator import Arrays, Constants, Match, Mismatch, Operator, PatternBuilder, operator
from espdl.plan.params import Params


class Conv2dAddParams(Params, c_type="espdl_conv2d_add_params_t"):
    conv: Conv2dParams
    add: AddParams


@operator("conv2d_add")
class Conv2dAdd(Operator):
    """`add(conv(x), residual)`, exactly as the two operators one after the other: the sum reads an int8 result.

    Inputs are x and the residual; what lies between never is a tensor of its own.
    """

    conv: Conv2d
    add: Add

    onnx = ("Conv", "Add")
    priority = 30

    @staticmethod
    def pattern(p: PatternBuilder) -> Any:
        conv = p.call("relax.nn.conv2d", p.dequantized("x"), p.constant("weights"), label="conv")
        biased = p.call("relax.add", conv, p.constant("bias"))
        inner = p.requantized("inner", p.any_of(biased, conv))
        residual = p.dequantized("residual")
        total = p.any_of(p.call("relax.add", inner, residual), p.call("relax.add", residual, inner))
        return p.quantized(p.activated(total))

    @classmethod
    def from_match(cls, match: Match) -> Conv2dAdd:
        x, inner, residual = (match.tensor(label) for label in ("x", "inner", "residual"))
        if x.shape[0] != 1:
            raise Mismatch(f"it has {x.shape[0]} images, and kernels have one")
        if inner.dtype != x.dtype:
            raise Mismatch(f"it convolves {x.dtype} and adds {inner.dtype}")
        if inner.shape != residual.shape:
            raise Mismatch(f"the tensors that it adds have different shapes, {inner.shape} and {residual.shape}")
        conv = Conv2d.of(match, x, inner, None)
        add = Add((inner, residual), match.outputs, (), match.activation)
        return cls((x, residual), match.outputs, match.source_nodes, conv, add)

    @staticmethod
    def steps(params: Conv2dAddParams) -> int:
        """One, and what a step of the convolution's result is in the sum: both may be rounded otherwise."""
        inner = np.arange(-128, 128).astype(np.int8)
        residual = np.full_like(inner, params.add.b_zero_point)
        (sums,) = Add.reference(params.add, [inner, residual], {})
        return 1 + int(np.abs(np.diff(sums.astype(np.int64))).max())

    @staticmethod
    def reference(params: Conv2dAddParams, inputs: Arrays, constants: Constants) -> list[np.ndarray]:
        x, residual = inputs
        (inner,) = Conv2d.reference(params.conv, [x], constants)
        return Add.reference(params.add, [inner, residual.reshape(inner.shape)], {})
