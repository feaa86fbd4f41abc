# SPDX-License-Identifier: Apache-2.0
"""Softmax in portable C."""

from __future__ import annotations

import math

import numpy as np

from espdl.backends.lowering import Lowering, lowering
from espdl.ops.softmax import Softmax
from espdl.plan.types import Constant, KernelCall, Tensor
from espdl.targets import Target

# The output's quantisation: (scale, zero point) -> bits of the fraction.
OUTPUT_BITS = {(2.0**-8, -128): 8, (2.0**-7, 0): 7}
# Longer rows could miss the exact value by more than 1, because each exponential is rounded.
MAX_LENGTH = 2048


@lowering("softmax", backend="portable")
class PortableSoftmax(Lowering):
    """Integers and a table of exponentials."""

    def accept(self, node: Softmax, target: Target) -> str | None:
        (y,) = node.outputs
        if (float(np.float32(y.scale)), y.zero_point) not in OUTPUT_BITS:
            return (
                f"its output has scale {y.scale} and zero point {y.zero_point}; "
                "the kernel gives 1/256 and -128, or 1/128 and 0"
            )
        if node.length > MAX_LENGTH:
            return f"its rows have {node.length} elements; the kernel is exact to 1 up to {MAX_LENGTH}"
        return None

    def lower(self, node: Softmax, target: Target) -> KernelCall:
        (x,), (y,) = node.inputs, node.outputs
        return KernelCall(
            operator=node.name,
            function="espdl_softmax_s8",
            params_type="espdl_softmax_params_t",
            header="espdl/kernels/softmax.h",
            params={
                "rows": x.count // node.length,
                "length": node.length,
                "output_bits": OUTPUT_BITS[(float(np.float32(y.scale)), y.zero_point)],
                "output_zero_point": y.zero_point,
            },
            inputs=(x.name,),
            outputs=(y.name,),
            constants=(Constant("exponentials", _exponentials(x, node.length)),),
            in_place=((0, 0),),
            source_nodes=node.source_nodes,
        )


def _exponentials(x: Tensor, length: int) -> np.ndarray:
    """uint32 [256]: exp(-d * scale) * 2**q for d = 0 .. 255.

    q is the largest for which a sum of `length` values stays within 2**30, and 2**8 times one value within 2**31: the
    kernel's (value << bits) + sum / 2 then fits 32 bits.
    """
    q = min(23, 30 - math.ceil(math.log2(length)))
    steps = np.arange(256) * np.float64(np.float32(x.scale))
    return np.rint(np.exp(-steps) * 2.0**q).astype(np.uint32)
