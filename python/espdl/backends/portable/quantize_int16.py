# SPDX-License-Identifier: Apache-2.0
"""Float to int16 in portable C."""

from __future__ import annotations

import numpy as np

from espdl.backends.lowering import Lowering, lowering
from espdl.ops.quantize_int16 import QuantizeInt16
from espdl.plan.types import KernelCall
from espdl.targets import Target


@lowering("quantize_int16", backend="portable")
class PortableQuantizeInt16(Lowering[QuantizeInt16]):
    """One division per element, as ONNX defines it."""

    takes_int16 = True

    def try_lower(self, node: QuantizeInt16, target: Target) -> KernelCall:
        (x,), (y,) = node.inputs, node.outputs
        return KernelCall(
            operator=node.name,
            function="espdl_quantize_s16",
            params_type="espdl_quantize_s16_params_t",
            header="espdl/kernels/quantize_s16.h",
            params={"count": x.count, "scale": float(np.float32(y.scale))},
            inputs=(x.name,),
            outputs=(y.name,),
            source_nodes=node.source_nodes,
        )
