# SPDX-License-Identifier: Apache-2.0
"""Places of largest values in portable C."""

from __future__ import annotations

from espdl.backends.lowering import Lowering, lowering
from espdl.ops.argmax import ArgMax
from espdl.plan.types import KernelCall
from espdl.targets import Target


@lowering("argmax", backend="portable")
class PortableArgMax(Lowering[ArgMax]):
    """One comparison per element."""

    def try_lower(self, node: ArgMax, target: Target) -> KernelCall:
        return KernelCall(
            operator=node.name,
            function="espdl_argmax_s8",
            params_type="espdl_argmax_params_t",
            header="espdl/kernels/argmax.h",
            params=dict(zip(("outer", "length", "inner"), node.sizes)),
            inputs=tuple(t.name for t in node.inputs),
            outputs=tuple(t.name for t in node.outputs),
            source_nodes=node.source_nodes,
        )
