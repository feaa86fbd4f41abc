# SPDX-License-Identifier: Apache-2.0
"""Operators that know the axis of the channels, or the spatial axes, by an attribute."""

from __future__ import annotations

from tvm import relax

from espdl.partition.passes.channels_last import TO_NHWC, Layout, rule
from espdl.partition.tvm_compat import attribute, op_name


@rule("relax.nn.softmax", "relax.nn.log_softmax", follows=True)
def softmax(layout: Layout, call: relax.Call) -> relax.Expr | None:
    function = relax.op.nn.softmax if op_name(call) == "relax.nn.softmax" else relax.op.nn.log_softmax
    return function(layout.nhwc(call.args[0]), axis=TO_NHWC.index(attribute(call, "axis") % 4))


@rule("relax.nn.prelu", follows=True)
def prelu(layout: Layout, call: relax.Call) -> relax.Expr | None:
    source = layout.constant_source(call.args[1])
    if source is None:
        return None
    axis = TO_NHWC.index(attribute(call, "axis") % 4)
    return relax.op.nn.prelu(layout.nhwc(call.args[0]), layout.channel_constant(source), axis=axis)


@rule("relax.image.resize2d", follows=True)
def resize2d(layout: Layout, call: relax.Call) -> relax.Expr | None:
    names = ("method", "coordinate_transformation_mode", "rounding_method", "cubic_alpha", "cubic_exclude")
    kept = {name: attribute(call, name) for name in (*names, "extrapolation_value")}
    return relax.op.image.resize2d(
        layout.nhwc(call.args[0]), call.args[1], roi=list(attribute(call, "roi")), layout="NHWC", **kept
    )
