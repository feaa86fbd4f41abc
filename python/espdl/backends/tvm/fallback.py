# SPDX-License-Identifier: Apache-2.0
"""A generated C function as a kernel call."""

from __future__ import annotations

from espdl.backends.lowering import Lowering, lowering
from espdl.ops.fallback import Fallback
from espdl.plan.types import Constant, KernelCall
from espdl.targets import Target


@lowering("fallback", backend="tvm")
class TvmFallback(Lowering[Fallback]):
    takes_int16 = True

    def try_lower(self, node: Fallback, target: Target) -> KernelCall:
        return KernelCall(
            operator=node.name,
            function=node.function,
            params_type="",
            params={},
            inputs=tuple(t.name for t in node.inputs),
            outputs=tuple(t.name for t in node.outputs),
            constants=tuple(Constant(f"constant{i}", data) for i, data in enumerate(node.constants)),
            scratch_bytes=node.scratch_bytes,
            source_nodes=node.source_nodes,
            notes=node.reasons,
            exact=node.exact,
        )
