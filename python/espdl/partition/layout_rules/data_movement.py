# SPDX-License-Identifier: Apache-2.0
"""Operators that only move data."""

from __future__ import annotations

from tvm import relax

from espdl.partition.passes.channels_last import TO_NHWC, Layout, rule
from espdl.partition.tvm_compat import attribute


@rule("relax.concat")
def concat(layout: Layout, call: relax.Call) -> relax.Expr | None:
    """Only where a part is channels last already."""
    parts = call.args[0].fields
    if not any(layout.has_last(p) for p in parts):
        return None
    return relax.op.concat([layout.nhwc(p) for p in parts], axis=TO_NHWC.index(attribute(call, "axis") % 4))


@rule("relax.strided_slice", follows=True)
def strided_slice(layout: Layout, call: relax.Call) -> relax.Expr | None:
    axes = [TO_NHWC.index(int(axis.value) % 4) for axis in call.args[1].fields]
    return relax.op.strided_slice(layout.nhwc(call.args[0]), axes, *call.args[2:])


@rule("relax.nn.pad", follows=True)
def pad(layout: Layout, call: relax.Call) -> relax.Expr | None:
    widths = attribute(call, "pad_width")
    moved = [w for axis in TO_NHWC for w in widths[2 * axis : 2 * axis + 2]]
    return relax.op.nn.pad(layout.nhwc(call.args[0]), moved, attribute(call, "pad_mode"), attribute(call, "pad_value"))
