# SPDX-License-Identifier: Apache-2.0
"""Elementwise product in portable C."""

from __future__ import annotations

from espdl.backends.layers import clamp, exact_scale
from espdl.backends.lowering import call_of, lowering
from espdl.backends.portable.add_sub import constant_operand, split_ratio
from espdl.ops.mul import Mul, MulParams
from espdl.plan.types import KernelCall
from espdl.targets import Target


@lowering("mul", "portable", "int8")
def lower_mul(node: Mul, target: Target) -> KernelCall:
    """One product and one requantisation per element."""
    (y,) = node.outputs
    ratio = float(exact_scale(node.a) * exact_scale(node.b) / exact_scale(y))
    left, multiplier, shift = split_ratio(ratio, target.rounding)
    return call_of(
        node,
        "espdl_mul_s8",
        "espdl/kernels/mul.h",
        MulParams(
            **vars(node.layout),
            a_zero_point=node.a.zero_point,
            b_zero_point=node.b.zero_point,
            output_zero_point=y.zero_point,
            left_shift=left,
            multiplier=multiplier,
            shift=shift,
            **clamp(node.activation, y),
            rounding=target.rounding,
        ),
        constants=constant_operand(node),
        in_place=node.in_place,
    )
