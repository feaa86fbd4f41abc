# SPDX-License-Identifier: Apache-2.0
"""The place of the largest value: a segmentation's class per pixel, along the channels as they lie in memory."""

from __future__ import annotations

from collections.abc import Callable

from tvm import relax

from espdl.partition.passes.channels_last import TO_NHWC, Layout, rule
from espdl.partition.tvm_compat import attribute


@rule("relax.argmax")
def argmax(layout: Layout, call: relax.Call) -> relax.Expr | None:
    return nhwc_place(layout, call, relax.op.argmax)


def nhwc_place(layout: Layout, call: relax.Call, find: Callable[..., relax.Expr]) -> relax.Expr | None:
    """Along any axis that stays as one of size 1; without the axis only along the channels, the last in memory."""
    axis, keepdims = attribute(call, "axis"), bool(attribute(call, "keepdims"))
    if axis is None or not layout.has_last(call.args[0]) or (axis % 4 != 1 and not keepdims):
        return None
    return find(layout.nhwc(call.args[0]), axis=TO_NHWC.index(axis % 4), keepdims=keepdims)
