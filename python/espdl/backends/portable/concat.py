# SPDX-License-Identifier: Apache-2.0
"""Concatenation in portable C."""

from __future__ import annotations

from espdl.backends.lowering import Lowering, lowering
from espdl.ops.concat import Concat
from espdl.plan.types import KernelCall
from espdl.targets import Target

MAX_PARTS = 4


@lowering("concat", backend="portable")
class PortableConcat(Lowering):
    """One memcpy per part and row."""

    takes_int16 = True

    def accept(self, node: Concat, target: Target) -> str | None:
        if len(node.inputs) > MAX_PARTS:
            return f"it has {len(node.inputs)} parts; the kernel takes {MAX_PARTS}"
        return None

    def lower(self, node: Concat, target: Target) -> KernelCall:
        (y,) = node.outputs
        missing = MAX_PARTS - len(node.inputs)
        return KernelCall(
            operator=node.name,
            function="espdl_concat",
            params_type="espdl_concat_params_t",
            header="espdl/kernels/concat.h",
            params={
                "outer": node.outer,
                "bytes": tuple(x.nbytes // node.outer for x in node.inputs) + (0,) * missing,
            },
            inputs=tuple(x.name for x in node.inputs) + (node.inputs[-1].name,) * missing,
            outputs=(y.name,),
            source_nodes=node.source_nodes,
        )
