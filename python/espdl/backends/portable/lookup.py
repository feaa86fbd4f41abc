# SPDX-License-Identifier: Apache-2.0
"""Table lookup in portable C, one table for every width of integers."""

from __future__ import annotations

from espdl.backends.lowering import Lowering, lowering
from espdl.ops import pieces
from espdl.ops.lookup import Lookup
from espdl.ops.numerics import Inexact
from espdl.ops.table import Table
from espdl.plan.types import Constant, KernelCall, Tensor
from espdl.targets import Target


@lowering("lookup", backend="portable")
class PortableLookup(Lowering[Lookup | Table]):
    """int8: one load per element. int16: a line between two entries."""

    takes_int16 = True

    def try_lower(self, node: Lookup | Table, target: Target) -> KernelCall:
        (x,), (y,) = node.inputs, node.outputs
        return KernelCall(
            operator=node.name,
            inputs=(x.name,),
            outputs=(y.name,),
            in_place=((0, 0),),
            source_nodes=node.source_nodes,
            **(_of_int8(node) if x.dtype == "int8" else _of_int16(node)),
        )


def _of_int8(node: Lookup | Table) -> dict:
    return {
        "function": "espdl_lookup_s8",
        "params_type": "espdl_lookup_params_t",
        "header": "espdl/kernels/lookup.h",
        "params": flat_params(node.outputs[0]),
        "constants": (Constant("table", node.table()),),
        "pitched": ("input_pitch", "output_pitch"),
    }


def _of_int16(node: Lookup | Table) -> dict:
    fitted = pieces.fit(node.table())
    uneven = pieces.too_uneven(fitted)
    if uneven is not None:
        raise Inexact(uneven)
    return {
        "function": "espdl_lookup_s16",
        "params_type": "espdl_lookup_s16_params_t",
        "header": "espdl/kernels/lookup_s16.h",
        "params": {"count": node.outputs[0].count},
        "constants": (Constant("blocks", fitted.blocks), Constant("table", fitted.entries)),
    }


def flat_params(y: Tensor) -> dict[str, int]:
    """The fields of `espdl_lookup_params_t` for the output `y`."""
    row = y.shape[-1] if y.shape else 1
    return {"count": y.count, "row": row, "input_pitch": row, "output_pitch": row}
