# SPDX-License-Identifier: Apache-2.0
"""Between uint8 and int8 in portable C."""

from __future__ import annotations

from espdl.backends.lowering import ANY, call_of, lowering
from espdl.ops.flip_sign import FlipSign, FlipSignParams
from espdl.plan.types import KernelCall
from espdl.targets import Target


@lowering("flip_sign", "portable", ANY)
def lower_flip_sign(node: FlipSign, target: Target) -> KernelCall:
    """One exclusive or per byte, in place."""
    return call_of(
        node,
        "espdl_flip_sign_8",
        "espdl/kernels/flip_sign.h",
        FlipSignParams(count=node.outputs[0].count),
        in_place=((0, 0),),
    )
