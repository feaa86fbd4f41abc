# SPDX-License-Identifier: Apache-2.0
"""int8 to float in portable C."""

from __future__ import annotations

import numpy as np

from espdl.backends.lowering import Lowering, lowering
from espdl.ops.dequantize import Dequantize
from espdl.plan.types import KernelCall
from espdl.targets import Target


@lowering("dequantize", backend="portable")
class PortableDequantize(Lowering[Dequantize]):
    """One multiplication per element."""

    def try_lower(self, node: Dequantize, target: Target) -> KernelCall:
        (x,), (y,) = node.inputs, node.outputs
        return KernelCall(
            operator=node.name,
            function="espdl_dequantize_s8",
            params_type="espdl_quantize_params_t",
            header="espdl/kernels/quantize.h",
            params={"count": x.count, "scale": float(np.float32(x.scale)), "zero_point": x.zero_point},
            inputs=(x.name,),
            outputs=(y.name,),
            source_nodes=node.source_nodes,
        )
