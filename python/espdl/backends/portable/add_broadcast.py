# SPDX-License-Identifier: Apache-2.0
"""Elementwise sum with broadcasting in portable C."""

from __future__ import annotations

from espdl.backends.lowering import Lowering, lowering
from espdl.backends.portable.sums import sum_call
from espdl.ops.add_broadcast import AddBroadcast
from espdl.plan.types import KernelCall
from espdl.targets import Target


@lowering("add_broadcast", backend="portable")
class PortableAddBroadcast(Lowering[AddBroadcast]):
    """Any scales in scheme affine, ratios that are powers of two in the other."""

    def try_lower(self, node: AddBroadcast, target: Target) -> KernelCall:
        return sum_call(node, target, 1, 1)
