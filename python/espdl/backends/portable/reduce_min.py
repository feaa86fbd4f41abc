# SPDX-License-Identifier: Apache-2.0
"""Smallest values in portable C."""

from __future__ import annotations

from espdl.backends.lowering import Lowering, lowering
from espdl.ops.reduce_min import ReduceMin
from espdl.plan.types import KernelCall
from espdl.targets import Target


@lowering("reduce_min", backend="portable")
class PortableReduceMin(Lowering[ReduceMin]):
    """One comparison per element."""

    def try_lower(self, node: ReduceMin, target: Target) -> KernelCall:
        return KernelCall(
            operator=node.name,
            function="espdl_reduce_min_s8",
            params_type="espdl_reduce_min_params_t",
            header="espdl/kernels/reduce_min.h",
            params=dict(zip(("outer", "length", "inner"), node.sizes)),
            inputs=tuple(t.name for t in node.inputs),
            outputs=tuple(t.name for t in node.outputs),
            source_nodes=node.source_nodes,
        )
