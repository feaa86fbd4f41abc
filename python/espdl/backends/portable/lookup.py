# SPDX-License-Identifier: Apache-2.0
"""Table lookup in portable C."""

from __future__ import annotations

from espdl.backends.lowering import Lowering, lowering
from espdl.ops.lookup import Lookup
from espdl.plan.types import Constant, KernelCall, Tensor
from espdl.targets import Target


@lowering("lookup", backend="portable")
class PortableLookup(Lowering):
    """One load per element."""

    def accept(self, node: Lookup, target: Target) -> str | None:
        return None

    def lower(self, node: Lookup, target: Target) -> KernelCall:
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


def flat_params(y: Tensor) -> dict[str, int]:
    """The fields of `espdl_lookup_params_t` for the output `y`."""
    row = y.shape[-1] if y.shape else 1
    return {"count": y.count, "row": row, "input_pitch": row, "output_pitch": row}
