# SPDX-License-Identifier: Apache-2.0
"""Matrix product of two activations in portable C."""

from __future__ import annotations

import math

from espdl.backends.accumulators import largest, require_int32
from espdl.backends.layers import clamp, exact_scale
from espdl.backends.lowering import call_of, lowering
from espdl.backends.portable.add_sub import constant_operand
from espdl.ops.matmul import MatMul, MatMulParams
from espdl.ops.numerics import requantization
from espdl.plan.types import KernelCall, Tensor
from espdl.targets import Target


@lowering("matmul", "portable", "int8")
def lower_matmul(node: MatMul, target: Target) -> KernelCall:
    """One dot product per element. Where the constant is on the left, the product is computed transposed."""
    require_int32(node.a.shape[-1] * largest(node.a) * largest(node.b))
    (y,) = node.outputs
    ratio = [exact_scale(node.a) * exact_scale(node.b) / exact_scale(y)]
    multiplier, shift = requantization(ratio, target.rounding)
    a, b = (node.b, node.a) if node.swapped else (node.a, node.b)
    rows, columns = (y.shape[-1], y.shape[-2]) if node.swapped else (y.shape[-2], y.shape[-1])
    batch = math.prod(y.shape[:-2])
    steps = [_strides(t, batch, node.swapped) for t in (a, b)]
    matrix = (rows * columns, *((1, rows) if node.swapped else (columns, 1)))
    return call_of(
        node,
        "espdl_matmul_s8",
        "espdl/kernels/matmul.h",
        MatMulParams(
            batch=batch,
            rows=rows,
            inner=node.a.shape[-1],
            columns=columns,
            a_strides=steps[0],
            b_strides=steps[1],
            y_strides=matrix,
            a_zero_point=a.zero_point,
            b_zero_point=b.zero_point,
            output_zero_point=y.zero_point,
            multiplier=int(multiplier[0]),
            shift=int(shift[0]),
            **clamp(node.activation, y),
            rounding=target.rounding,
        ),
        constants=constant_operand(node),
        macs=node.macs,
    )


def _strides(tensor: Tensor, batch: int, transposed: bool) -> tuple[int, int, int]:
    height, width = tensor.shape[-2:]
    first = 0 if math.prod(tensor.shape[:-2]) == 1 and batch > 1 else height * width
    return (first, 1, width) if transposed else (first, width, 1)
