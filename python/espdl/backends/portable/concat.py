# SPDX-License-Identifier: Apache-2.0
"""Concatenation in portable C."""

from __future__ import annotations

from espdl.backends.lowering import ANY, call_of, lowering
from espdl.ops.concat import MAX_PARTS, Concat, ConcatParams
from espdl.plan.types import KernelCall
from espdl.targets import Target


@lowering("concat", "portable", ANY)
def lower_concat(node: Concat, target: Target) -> KernelCall:
    """One memmove per part and row; the result may run into one of the parts."""
    (y,) = node.outputs
    missing = MAX_PARTS - len(node.inputs)
    rows = [x.nbytes // node.outer for x in node.inputs]
    before = [sum(rows[:i]) for i in range(len(rows))]
    # The last row of a part is moved when all before it is written.
    offsets = [(node.outer - 1) * (sum(rows) - row) + place for row, place in zip(rows, before)]
    offsets += offsets[-1:] * missing
    return call_of(
        node,
        "espdl_concat",
        "espdl/kernels/concat.h",
        ConcatParams(
            outer=node.outer,
            bytes=tuple(rows) + (0,) * missing,
        ),
        inputs=tuple(x.name for x in node.inputs) + (node.inputs[-1].name,) * missing,
        concatenates=tuple(rows),
        products=node.outer * len(node.inputs),
        overlaps=tuple((i, 0, offset) for i, offset in enumerate(offsets)),
    )
