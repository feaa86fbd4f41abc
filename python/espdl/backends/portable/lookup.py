# SPDX-License-Identifier: Apache-2.0
"""Functions of one tensor by their values, in portable C."""

from __future__ import annotations

import numpy as np

from espdl.backends.lowering import Declined, call_of, lowering, packing
from espdl.ops import pieces
from espdl.ops.lookup import Lookup, LookupParams, LookupS16Params, Table
from espdl.plan.types import Constant, KernelCall
from espdl.targets import Target


@lowering("lookup", "portable", "int8")
@lowering("table", "portable", "int8")
def lower_lookup(node: Lookup | Table, target: Target) -> KernelCall:
    """One load per element."""
    (x,), (y,) = node.inputs, node.outputs
    row = y.shape[-1] if y.shape else 1
    return call_of(
        node,
        "espdl_lookup_s8",
        "espdl/kernels/lookup.h",
        LookupParams(count=y.count, row=row, input_pitch=row, output_pitch=row),
        constants=(Constant("table", by_signed(node.table(), x.dtype)),),
        packing="table_of_bytes",
        in_place=((0, 0),),
        pitched=("input_pitch", "output_pitch"),
    )


@packing("table_of_bytes")
def table_of_bytes(call: KernelCall) -> list[np.ndarray]:
    """The values for 0 .. 127, then those for -128 .. -1: a byte is an index without its sign extended."""
    return [np.roll(call.constant("table"), -128, axis=-1)]


def by_signed(table: np.ndarray, dtype: str) -> np.ndarray:
    """A table [..., 256] for all integers of `dtype` in the order of the int8 that their bytes are."""
    return np.roll(table, 128, axis=-1) if dtype == "uint8" else table


@lowering("lookup", "portable", "int16")
@lowering("table", "portable", "int16")
def lower_lookup_int16(node: Lookup | Table, target: Target) -> KernelCall | Declined:
    """A line between two entries."""
    fitted = pieces.fit(node.table())
    uneven = pieces.too_uneven(fitted)
    if uneven is not None:
        return Declined(uneven)
    return call_of(
        node,
        "espdl_lookup_s16",
        "espdl/kernels/lookup_s16.h",
        LookupS16Params(count=node.outputs[0].count),
        constants=(Constant("blocks", fitted.blocks), Constant("table", fitted.entries)),
        in_place=((0, 0),),
    )
