# SPDX-License-Identifier: Apache-2.0
"""Rectifier with a slope per channel in portable C."""

from __future__ import annotations

import numpy as np

from espdl.backends.lowering import Lowering, lowering
from espdl.backends.portable.sums import split_ratio
from espdl.ops.prelu import PRelu
from espdl.plan.types import Constant, KernelCall
from espdl.targets import Target


@lowering("prelu", backend="portable")
class PortablePRelu(Lowering[PRelu]):
    """One requantisation per element, another one below zero than above."""

    def try_lower(self, node: PRelu, target: Target) -> KernelCall:
        (x,), (y,) = node.inputs, node.outputs
        return KernelCall(
            operator=node.name,
            function="espdl_prelu_s8",
            params_type="espdl_prelu_params_t",
            header="espdl/kernels/prelu.h",
            params={
                **dict(zip(("outer", "channels", "inner"), node.sizes)),
                "input_zero_point": x.zero_point,
                "output_zero_point": y.zero_point,
                **_arithmetic(node, target.rounding),
                "rounding": target.rounding,
            },
            inputs=(x.name,),
            outputs=(y.name,),
            constants=(Constant("slope", node.values),),
            in_place=((0, 0),),
            source_nodes=node.source_nodes,
        )


def _arithmetic(node: PRelu, rounding: str) -> dict[str, int]:
    x, slope, y = (np.float64(np.float32(t.scale)) for t in (*node.inputs, node.slope, *node.outputs))
    fields = {}
    for half, ratio in (("positive", x / y), ("negative", x * slope / y)):
        names = (f"{half}_left_shift", f"{half}_multiplier", f"{half}_shift")
        fields |= dict(zip(names, split_ratio(float(ratio), rounding)))
    return fields
