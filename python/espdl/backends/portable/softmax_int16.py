# SPDX-License-Identifier: Apache-2.0
"""Softmax of 16-bit tensors in portable C."""

from __future__ import annotations

import numpy as np

from espdl.backends.lowering import Declined, Lowering, lowering
from espdl.ops.softmax_int16 import OUTPUT_BITS, SoftmaxInt16
from espdl.plan.types import Constant, KernelCall
from espdl.targets import Target

# Exponentials have 30 bits; a sum of so many and one times 2**15 fit 64 bits with room.
MAX_LENGTH = 1 << 16


@lowering("softmax_int16", backend="portable")
class PortableSoftmaxInt16(Lowering[SoftmaxInt16]):
    """64-bit integers and two tables of exponentials."""

    takes_int16 = True

    def try_lower(self, node: SoftmaxInt16, target: Target) -> KernelCall | Declined:
        (x,), (y,) = node.inputs, node.outputs
        if float(np.float32(y.scale)) != 2.0**-OUTPUT_BITS:
            return Declined(f"its output has scale {y.scale}; the kernel gives 1/{2**OUTPUT_BITS}")
        if node.length > MAX_LENGTH:
            return Declined(f"its rows have {node.length} elements; the kernel takes {MAX_LENGTH}")
        steps = np.arange(256) * np.float64(np.float32(x.scale))
        return KernelCall(
            operator=node.name,
            function="espdl_softmax_s16",
            params_type="espdl_softmax_s16_params_t",
            header="espdl/kernels/softmax_s16.h",
            params={"rows": x.count // node.length, "length": node.length},
            inputs=(x.name,),
            outputs=(y.name,),
            constants=(
                Constant("coarse", np.rint(np.exp(-256.0 * steps) * 2.0**30).astype(np.uint32)),
                Constant("fine", np.rint(np.exp(-steps) * 2.0**30).astype(np.uint32)),
            ),
            in_place=((0, 0),),
            source_nodes=node.source_nodes,
        )
