# SPDX-License-Identifier: Apache-2.0
"""Sums and means in portable C."""

from __future__ import annotations

import numpy as np

from espdl.backends.lowering import Declined, Lowering, lowering
from espdl.ops.numerics import activation_range, quantize_multiplier
from espdl.ops.reduce_sum import ReduceSum
from espdl.plan.types import KernelCall
from espdl.targets import Target


@lowering("reduce_sum", backend="portable")
class PortableReduceSum(Lowering[ReduceSum]):
    """A multiplier in both schemes: a mean's divisor is rarely a power of two."""

    def try_lower(self, node: ReduceSum, target: Target) -> KernelCall | Declined:
        if node.sizes[1] >= 2**23:
            return Declined(f"a sum of {node.sizes[1]} values does not fit 32 bits")
        (x,), (y,) = node.inputs, node.outputs
        multiplier, shift = quantize_multiplier(_ratio(node))
        low, high = activation_range(node.activation, y)
        return KernelCall(
            operator=node.name,
            function="espdl_reduce_sum_s8",
            params_type="espdl_reduce_sum_params_t",
            header="espdl/kernels/reduce_sum.h",
            params={
                **dict(zip(("outer", "length", "inner"), node.sizes)),
                "input_zero_point": x.zero_point,
                "output_zero_point": y.zero_point,
                "multiplier": multiplier,
                "shift": shift,
                "activation_min": low,
                "activation_max": high,
            },
            inputs=(x.name,),
            outputs=(y.name,),
            source_nodes=node.source_nodes,
        )


def _ratio(node: ReduceSum) -> float:
    (x,), (y,) = node.inputs, node.outputs
    ratio = np.float64(np.float32(x.scale)) / np.float64(np.float32(y.scale))
    return float(ratio / node.sizes[1] if node.is_mean else ratio)
