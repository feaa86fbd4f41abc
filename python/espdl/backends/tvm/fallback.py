# SPDX-License-Identifier: Apache-2.0
"""A generated C function as a kernel call."""

from __future__ import annotations

from espdl.backends.lowering import ANY, call_of, lowering
from espdl.ops.fallback import Fallback
from espdl.plan.types import Constant, KernelCall
from espdl.targets import Target


@lowering("fallback", "tvm", ANY)
def lower_fallback(node: Fallback, target: Target) -> KernelCall:
    return call_of(
        node,
        node.function,
        "",
        None,
        constants=tuple(Constant(f"constant{i}", data) for i, data in enumerate(node.constants)),
        scratch_bytes=node.scratch_bytes,
        notes=node.reasons,
        exact=node.exact,
    )
