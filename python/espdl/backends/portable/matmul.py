# SPDX-License-Identifier: Apache-2.0
"""Matrix product of two activations in portable C."""

from __future__ import annotations

import math

import numpy as np

from espdl.backends.lowering import Declined, Lowering, lowering
from espdl.backends.records import largest_input
from espdl.ops.matmul import MatMul
from espdl.ops.numerics import activation_range, requantization
from espdl.plan.types import Constant, KernelCall, Tensor
from espdl.targets import Target


@lowering("matmul", backend="portable")
class PortableMatMul(Lowering[MatMul]):
    """One dot product per element. Where the constant is on the left, the product is computed transposed."""

    def try_lower(self, node: MatMul, target: Target) -> KernelCall | Declined:
        bound = node.a.shape[-1] * largest_input(node.a) * largest_input(node.b)
        if bound >= 2**31:
            return Declined(f"a sum can reach {bound}, which does not fit 32 bits")
        (y,) = node.outputs
        multiplier, shift = requantization(_ratio(node), target.rounding)
        low, high = activation_range(node.activation, y)
        a, b = (node.b, node.a) if node.swapped else (node.a, node.b)
        rows, columns = (y.shape[-1], y.shape[-2]) if node.swapped else (y.shape[-2], y.shape[-1])
        batch = math.prod(y.shape[:-2])
        steps = [_strides(t, batch, node.swapped) for t in (a, b)]
        matrix = (rows * columns, *((1, rows) if node.swapped else (columns, 1)))
        return KernelCall(
            operator=node.name,
            function="espdl_matmul_s8",
            params_type="espdl_matmul_params_t",
            header="espdl/kernels/matmul.h",
            params={
                "batch": batch,
                "rows": rows,
                "inner": node.a.shape[-1],
                "columns": columns,
                "a_strides": steps[0],
                "b_strides": steps[1],
                "y_strides": matrix,
                "a_zero_point": a.zero_point,
                "b_zero_point": b.zero_point,
                "output_zero_point": y.zero_point,
                "multiplier": int(multiplier[0]),
                "shift": int(shift[0]),
                "activation_min": low,
                "activation_max": high,
                "rounding": target.rounding,
            },
            inputs=tuple(t.name for t in node.inputs),
            outputs=(y.name,),
            constants=() if node.values is None else (Constant("values", np.ascontiguousarray(node.values)),),
            macs=node.macs,
            source_nodes=node.source_nodes,
        )


def _strides(tensor: Tensor, batch: int, transposed: bool) -> tuple[int, int, int]:
    height, width = tensor.shape[-2:]
    first = 0 if math.prod(tensor.shape[:-2]) == 1 and batch > 1 else height * width
    return (first, 1, width) if transposed else (first, width, 1)


def _ratio(node: MatMul) -> np.ndarray:
    a, b, y = (np.float64(np.float32(t.scale)) for t in (node.a, node.b, *node.outputs))
    return np.array([a * b / y])
