# SPDX-License-Identifier: Apache-2.0
"""Functions given by their values, in portable C: the kernel of the lookup operator."""

from __future__ import annotations

from espdl.backends.lowering import Lowering, lowering
from espdl.backends.portable.lookup import flat_params
from espdl.ops.table import Table
from espdl.plan.types import Constant, KernelCall
from espdl.targets import Target


@lowering("table", backend="portable")
class PortableTable(Lowering):
    """One load per element."""

    def accept(self, node: Table, target: Target) -> str | None:
        return None

    def lower(self, node: Table, target: Target) -> KernelCall:
        (x,), (y,) = node.inputs, node.outputs
        return KernelCall(
            operator=node.name,
            function="espdl_lookup_s8",
            params_type="espdl_lookup_params_t",
            header="espdl/kernels/lookup.h",
            params=flat_params(y),
            inputs=(x.name,),
            outputs=(y.name,),
            constants=(Constant("table", node.table()),),
            in_place=((0, 0),),
            pitched=("input_pitch", "output_pitch"),
            source_nodes=node.source_nodes,
        )
