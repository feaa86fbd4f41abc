# SPDX-License-Identifier: Apache-2.0
"""Float to int8 in portable C."""

from __future__ import annotations

import numpy as np

from espdl.backends.lowering import Lowering, lowering
from espdl.ops.quantize import Quantize
from espdl.plan.types import KernelCall
from espdl.targets import Target


@lowering("quantize", backend="portable")
class PortableQuantize(Lowering[Quantize]):
    """One division per element, as ONNX defines it."""

    def try_lower(self, node: Quantize, target: Target) -> KernelCall:
        (x,), (y,) = node.inputs, node.outputs
        return KernelCall(
            operator=node.name,
            function="espdl_quantize_s8",
            params_type="espdl_quantize_params_t",
            header="espdl/kernels/quantize.h",
            params={"count": y.count, "scale": float(np.float32(y.scale)), "zero_point": y.zero_point},
            inputs=(x.name,),
            outputs=(y.name,),
            source_nodes=node.source_nodes,
        )
