# SPDX-License-Identifier: Apache-2.0
"""Elementwise sum with broadcasting in portable C."""

from __future__ import annotations

from espdl.backends.lowering import Lowering, lowering
from espdl.backends.portable.sums import decline_sum, sum_call
from espdl.ops.add_broadcast import AddBroadcast
from espdl.plan.types import KernelCall
from espdl.targets import Target


@lowering("add_broadcast", backend="portable")
class PortableAddBroadcast(Lowering):
    """Any scales in scheme affine, ratios that are powers of two in the other."""

    def accept(self, node: AddBroadcast, target: Target) -> str | None:
        return decline_sum(node, target)

    def lower(self, node: AddBroadcast, target: Target) -> KernelCall:
        return sum_call(node, target, 1, 1)
