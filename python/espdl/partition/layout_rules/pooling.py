# SPDX-License-Identifier: Apache-2.0
"""Pools over two spatial axes, and reductions over both of them."""

from __future__ import annotations

from tvm import relax

from espdl.partition.passes.channels_last import TO_NHWC, Layout, rule
from espdl.partition.tvm_compat import attribute, op_name


@rule("relax.nn.max_pool2d", "relax.nn.avg_pool2d")
def pool2d(layout: Layout, call: relax.Call) -> relax.Expr:
    function = relax.op.nn.max_pool2d if op_name(call).endswith("max_pool2d") else relax.op.nn.avg_pool2d
    names = ("pool_size", "strides", "padding", "dilation", "ceil_mode", "count_include_pad")
    return function(layout.nhwc(call.args[0]), layout="NHWC", **{name: attribute(call, name) for name in names})


@rule("relax.mean", "relax.max", "relax.min", "relax.sum", follows=True)
def reduce(layout: Layout, call: relax.Call) -> relax.Expr | None:
    """What is left has four axes, or no two of them that lie the other way round in memory."""
    axes = attribute(call, "axis")
    if axes is None:
        return None
    reduced = {a % 4 for a in axes}
    left = [a for a in TO_NHWC if a not in reduced]
    keepdims = attribute(call, "keepdims")
    if not keepdims and left != sorted(left):
        return None
    moved = sorted(TO_NHWC.index(a) for a in reduced)
    return getattr(relax.op, op_name(call).split(".")[-1])(layout.nhwc(call.args[0]), axis=moved, keepdims=keepdims)
