# SPDX-License-Identifier: Apache-2.0
"""Pools over two spatial axes, and reductions over both of them."""

from tvm import relax

from espdl.partition.layout import Layout, rule
from espdl.partition.tvm_compat import attribute, op_name


@rule("relax.nn.max_pool2d", "relax.nn.avg_pool2d")
def pool2d(layout: Layout, call):
    function = relax.op.nn.max_pool2d if op_name(call).endswith("max_pool2d") else relax.op.nn.avg_pool2d
    names = ("pool_size", "strides", "padding", "dilation", "ceil_mode", "count_include_pad")
    return function(layout.nhwc(call.args[0]), layout="NHWC", **{name: attribute(call, name) for name in names})


@rule("relax.mean", "relax.max", "relax.min", "relax.sum")
def reduce(layout: Layout, call):
    """A reduction over height and width that keeps the rank."""
    axes = attribute(call, "axis")
    if not layout.has_last(call.args[0]) or not attribute(call, "keepdims") or axes is None:
        return None
    if sorted(a % 4 for a in axes) != [2, 3]:
        return None
    return getattr(relax.op, op_name(call).split(".")[-1])(layout.nhwc(call.args[0]), axis=[1, 2], keepdims=True)
