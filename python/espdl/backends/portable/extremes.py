# SPDX-License-Identifier: Apache-2.0
"""Elementwise maximum and minimum in portable C."""

from __future__ import annotations

from espdl.backends.lowering import call_of, lowering
from espdl.backends.portable.add_sub import constant_operand
from espdl.ops.extremes import Extreme
from espdl.plan.types import KernelCall
from espdl.targets import Target


@lowering("maximum", "portable", "int8")
@lowering("minimum", "portable", "int8")
def lower_extreme(node: Extreme, target: Target) -> KernelCall:
    """One comparison per element."""
    return call_of(
        node,
        f"espdl_{node.name}_s8",
        f"espdl/kernels/{node.name}.h",
        node.struct(**vars(node.layout)),
        constants=constant_operand(node),
        in_place=node.in_place,
    )
