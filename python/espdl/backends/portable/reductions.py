# SPDX-License-Identifier: Apache-2.0
"""What becomes of the values along neighbouring axes, in portable C."""

from __future__ import annotations

from espdl.backends.accumulators import largest, require_int32
from espdl.backends.layers import clamp, exact_scale
from espdl.backends.lowering import call_of, lowering
from espdl.ops.numerics import quantize_multiplier
from espdl.ops.reductions import ReduceSum, ReduceSumParams, Reduction
from espdl.plan.types import KernelCall
from espdl.targets import Target


@lowering("argmax", "portable", "int8")
@lowering("reduce_max", "portable", "int8")
@lowering("reduce_min", "portable", "int8")
def lower_comparison(node: Reduction, target: Target) -> KernelCall:
    """One comparison per element."""
    header = f"espdl/kernels/{node.name}.h"
    return call_of(node, f"espdl_{node.name}_s8", header, node.struct(*node.sizes), products=node.inputs[0].count)


@lowering("reduce_sum", "portable", "int8")
def lower_reduce_sum(node: ReduceSum, target: Target) -> KernelCall:
    """A multiplier in both schemes: a mean's divisor is rarely a power of two."""
    (x,), (y,) = node.inputs, node.outputs
    require_int32(node.sizes[1] * largest(x))
    ratio = exact_scale(x) / exact_scale(y)
    multiplier, shift = quantize_multiplier(float(ratio / node.sizes[1] if node.is_mean else ratio))
    params = ReduceSumParams(
        *node.sizes,
        input_zero_point=x.zero_point,
        output_zero_point=y.zero_point,
        multiplier=multiplier,
        shift=shift,
        **clamp(node.activation, y),
    )
    return call_of(node, "espdl_reduce_sum_s8", "espdl/kernels/reduce_sum.h", params, products=x.count)
