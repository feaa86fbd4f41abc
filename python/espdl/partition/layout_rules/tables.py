# SPDX-License-Identifier: Apache-2.0
"""Tables of values: the index is a tensor of the network."""

from __future__ import annotations

from tvm import relax

from espdl.partition.passes.channels_last import Layout, rule
from espdl.partition.tvm_compat import attribute, is_constant


@rule("relax.take")
def take(layout: Layout, call: relax.Call) -> relax.Expr | None:
    """take(table, index) follows its index; take(data, constant indices) goes along the axis as it lies in memory."""
    data, index = call.args[:2]
    if is_constant(data):
        return relax.op.take(data, layout.nhwc(index), axis=0) if layout.has_last(index) else None
    if not layout.has_last(data) or not is_constant(index) or len(index.value.numpy().shape) != 1:
        return None
    axis = (0, 3, 1, 2)[attribute(call, "axis") % 4]
    return relax.op.take(layout.nhwc(data), index, axis=axis, mode=attribute(call, "mode"))
