# SPDX-License-Identifier: Apache-2.0
"""int16 to float in portable C."""

from __future__ import annotations

import numpy as np

from espdl.backends.lowering import Lowering, lowering
from espdl.ops.dequantize_int16 import DequantizeInt16
from espdl.plan.types import KernelCall
from espdl.targets import Target


@lowering("dequantize_int16", backend="portable")
class PortableDequantizeInt16(Lowering[DequantizeInt16]):
    """One multiplication per element."""

    takes_int16 = True

    def try_lower(self, node: DequantizeInt16, target: Target) -> KernelCall:
        (x,), (y,) = node.inputs, node.outputs
        return KernelCall(
            operator=node.name,
            function="espdl_dequantize_s16",
            params_type="espdl_quantize_s16_params_t",
            header="espdl/kernels/quantize_s16.h",
            params={"count": x.count, "scale": float(np.float32(x.scale))},
            inputs=(x.name,),
            outputs=(y.name,),
            source_nodes=node.source_nodes,
        )
