# SPDX-License-Identifier: Apache-2.0
"""Elementwise difference in portable C."""

from __future__ import annotations

from espdl.backends.lowering import Lowering, lowering
from espdl.backends.portable.sums import sum_call
from espdl.ops.sub import Sub
from espdl.plan.types import KernelCall
from espdl.targets import Target


@lowering("sub", backend="portable")
class PortableSub(Lowering[Sub]):
    """A sum with one sign turned."""

    def try_lower(self, node: Sub, target: Target) -> KernelCall:
        return sum_call(node, target, -1 if node.swapped else 1, 1 if node.swapped else -1)
