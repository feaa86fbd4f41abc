# SPDX-License-Identifier: Apache-2.0
"""Rows and columns at constant indices in portable C."""

from __future__ import annotations

import numpy as np

from espdl.backends.lowering import ANY, call_of, lowering
from espdl.backends.overlap import overlap_offset
from espdl.ops.gather import Gather, GatherParams
from espdl.plan.types import ITEM_BYTES, Constant, KernelCall
from espdl.targets import Target


@lowering("gather", "portable", ANY)
@lowering("gather_pixels", "portable", ANY)
def lower_gather(node: Gather, target: Target) -> KernelCall:
    """One memcpy per pixel."""
    (x,), (y,) = node.inputs, node.outputs
    outer, rows, columns, inner = node.sizes
    places = np.arange(outer * rows * columns).reshape(outer, rows, columns)
    item = inner * ITEM_BYTES[x.dtype]
    begins = places[:, node.row_index][:, :, node.column_index].reshape(-1) * item
    return call_of(
        node,
        "espdl_gather",
        "espdl/kernels/gather.h",
        GatherParams(
            outer=outer,
            input_rows=rows,
            input_columns=columns,
            rows=len(node.row_index),
            columns=len(node.column_index),
            bytes=item,
            output_pitch=item,
            first_row=0,
            first_input_row=0,
        ),
        overlaps=((0, 0, overlap_offset(begins, item)),),
        products=len(begins),
        constants=(Constant("row_index", node.row_index), Constant("column_index", node.column_index)),
        pitched=("output_pitch",) if item == y.row_bytes else (),
    )
