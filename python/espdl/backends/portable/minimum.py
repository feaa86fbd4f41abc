# SPDX-License-Identifier: Apache-2.0
"""Elementwise minimum in portable C."""

from __future__ import annotations

from espdl.backends.lowering import Lowering, lowering
from espdl.backends.portable.sums import constant_operand
from espdl.ops.minimum import Minimum
from espdl.plan.types import KernelCall
from espdl.targets import Target


@lowering("minimum", backend="portable")
class PortableMinimum(Lowering[Minimum]):
    """One comparison per element."""

    def try_lower(self, node: Minimum, target: Target) -> KernelCall:
        return KernelCall(
            operator=node.name,
            function="espdl_minimum_s8",
            params_type="espdl_minimum_params_t",
            header="espdl/kernels/minimum.h",
            params=node.layout,
            inputs=tuple(t.name for t in node.inputs),
            outputs=tuple(t.name for t in node.outputs),
            constants=constant_operand(node),
            in_place=node.in_place,
            source_nodes=node.source_nodes,
        )
