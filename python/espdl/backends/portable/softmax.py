# SPDX-License-Identifier: Apache-2.0
"""Softmax in portable C."""

from __future__ import annotations

import math

import numpy as np

from espdl.backends.lowering import Declined, Lowering, lowering
from espdl.ops.softmax import Softmax
from espdl.plan.types import Constant, KernelCall, Tensor
from espdl.targets import Target

# The scales that an output may have, and the unit in which the kernel takes them.
SCALES = (2.0**-12, 2.0**-7)
UNIT = 2.0**-36
# Longer rows could miss the exact value by more than 1, because each exponential is rounded.
MAX_LENGTH = 2048


@lowering("softmax", backend="portable")
class PortableSoftmax(Lowering[Softmax]):
    """Integers and a table of exponentials."""

    def try_lower(self, node: Softmax, target: Target) -> KernelCall | Declined:
        (x,), (y,) = node.inputs, node.outputs
        if not SCALES[0] <= y.scale <= SCALES[1]:
            return Declined(f"its output has scale {y.scale}; the kernel takes 1/4096 to 1/128")
        if node.length > MAX_LENGTH:
            return Declined(f"its rows have {node.length} elements; the kernel is exact to 1 up to {MAX_LENGTH}")
        return KernelCall(
            operator=node.name,
            function="espdl_softmax_s8",
            params_type="espdl_softmax_params_t",
            header="espdl/kernels/softmax.h",
            params={
                "rows": x.count // node.length,
                "length": node.length,
                "output_scale": round(float(np.float32(y.scale)) / UNIT),
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
    kernel's (value << 8) + whole / 2, with a whole of at most twice the sum, then fits 32 bits.
    """
    q = min(23, 30 - math.ceil(math.log2(length)))
    steps = np.arange(256) * np.float64(np.float32(x.scale))
    return np.rint(np.exp(-steps) * 2.0**q).astype(np.uint32)
