# SPDX-License-Identifier: Apache-2.0
"""The place of the smallest value, along the channels as they lie in memory."""

from __future__ import annotations

from tvm import relax

from espdl.partition.layout_rules.argmax import nhwc_place
from espdl.partition.passes.channels_last import Layout, rule


@rule("relax.argmin")
def argmin(layout: Layout, call: relax.Call) -> relax.Expr | None:
    return nhwc_place(layout, call, relax.op.argmin)
