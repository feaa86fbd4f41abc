# SPDX-License-Identifier: Apache-2.0
"""Largest values in portable C."""

from __future__ import annotations

from espdl.backends.lowering import Lowering, lowering
from espdl.ops.reduce_max import ReduceMax
from espdl.plan.types import KernelCall
from espdl.targets import Target


@lowering("reduce_max", backend="portable")
class PortableReduceMax(Lowering[ReduceMax]):
    """One comparison per element."""

    def try_lower(self, node: ReduceMax, target: Target) -> KernelCall:
        return KernelCall(
            operator=node.name,
            function="espdl_reduce_max_s8",
            params_type="espdl_reduce_max_params_t",
            header="espdl/kernels/reduce_max.h",
            params=dict(zip(("outer", "length", "inner"), node.sizes)),
            inputs=tuple(t.name for t in node.inputs),
            outputs=tuple(t.name for t in node.outputs),
            source_nodes=node.source_nodes,
        )
