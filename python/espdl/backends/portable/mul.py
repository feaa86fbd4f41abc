# SPDX-License-Identifier: Apache-2.0
"""Elementwise product in portable C."""

from __future__ import annotations

import numpy as np

from espdl.backends.lowering import Lowering, lowering
from espdl.backends.portable.sums import constant_operand, split_ratio
from espdl.ops.mul import Mul
from espdl.ops.numerics import activation_range
from espdl.plan.types import KernelCall
from espdl.targets import Target


@lowering("mul", backend="portable")
class PortableMul(Lowering[Mul]):
    """One product and one requantisation per element."""

    def try_lower(self, node: Mul, target: Target) -> KernelCall:
        (y,) = node.outputs
        low, high = activation_range(node.activation, y)
        left, multiplier, shift = _arithmetic(node, target.rounding)
        return KernelCall(
            operator=node.name,
            function="espdl_mul_s8",
            params_type="espdl_mul_params_t",
            header="espdl/kernels/mul.h",
            params={
                **node.layout,
                "a_zero_point": node.a.zero_point,
                "b_zero_point": node.b.zero_point,
                "output_zero_point": y.zero_point,
                "left_shift": left,
                "multiplier": multiplier,
                "shift": shift,
                "activation_min": low,
                "activation_max": high,
                "rounding": target.rounding,
            },
            inputs=tuple(t.name for t in node.inputs),
            outputs=(y.name,),
            constants=constant_operand(node),
            in_place=node.in_place,
            source_nodes=node.source_nodes,
        )


def _arithmetic(node: Mul, rounding: str) -> tuple[int, int, int]:
    """Left shift of the product, multiplier and shift; Inexact where the scales' ratio cannot be had."""
    a, b, y = (np.float64(np.float32(t.scale)) for t in (node.a, node.b, *node.outputs))
    return split_ratio(float(a * b / y), rounding)
