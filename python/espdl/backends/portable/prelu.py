# SPDX-License-Identifier: Apache-2.0
"""Rectifier with a slope per channel in portable C."""

from __future__ import annotations

from typing import Any

from espdl.backends.layers import exact_scale
from espdl.backends.lowering import call_of, lowering
from espdl.backends.portable.add_sub import split_ratio
from espdl.ops.prelu import PRelu, PReluParams
from espdl.plan.types import Constant, KernelCall
from espdl.targets import Target


@lowering("prelu", "portable", "int8")
def lower_prelu(node: PRelu, target: Target) -> KernelCall:
    """One requantisation per element, another one below zero than above."""
    (x,), (y,) = node.inputs, node.outputs
    return call_of(
        node,
        "espdl_prelu_s8",
        "espdl/kernels/prelu.h",
        PReluParams(
            *node.sizes,
            input_zero_point=x.zero_point,
            output_zero_point=y.zero_point,
            **_arithmetic(node, target.rounding),
            rounding=target.rounding,
        ),
        constants=(Constant("slope", node.values),),
        in_place=((0, 0),),
    )


def _arithmetic(node: PRelu, rounding: str) -> dict[str, Any]:
    x, slope, y = map(exact_scale, (*node.inputs, node.slope, *node.outputs))
    fields: dict[str, Any] = {}
    for half, ratio in (("positive", x / y), ("negative", x * slope / y)):
        names = (f"{half}_left_shift", f"{half}_multiplier", f"{half}_shift")
        fields |= dict(zip(names, split_ratio(float(ratio), rounding)))
    return fields
