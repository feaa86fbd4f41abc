# SPDX-License-Identifier: Apache-2.0
"""Change of width or scale in portable C."""

from __future__ import annotations

import numpy as np

from espdl.backends.lowering import Lowering, lowering
from espdl.ops.numerics import activation_range, wide_multiplier
from espdl.ops.rescale_int16 import RescaleInt16
from espdl.ops.wide import LARGEST
from espdl.plan.types import KernelCall
from espdl.targets import Target

_FUNCTIONS = {("int8", "int16"): "s8_s16", ("int16", "int8"): "s16_s8", ("int16", "int16"): "s16_s16"}


@lowering("rescale_int16", backend="portable")
class PortableRescaleInt16(Lowering[RescaleInt16]):
    """One multiplication and one shift per element."""

    takes_int16 = True

    def try_lower(self, node: RescaleInt16, target: Target) -> KernelCall:
        (x,), (y,) = node.inputs, node.outputs
        multiplier, shift = _scaling(node)
        low, high = activation_range(None, y)
        return KernelCall(
            operator=node.name,
            function=f"espdl_rescale_{_FUNCTIONS[x.dtype, y.dtype]}",
            params_type="espdl_rescale_params_t",
            header="espdl/kernels/rescale_s16.h",
            params={
                "count": y.count,
                "input_zero_point": x.zero_point,
                "multiplier": multiplier,
                "shift": shift,
                "output_zero_point": y.zero_point,
                "activation_min": low,
                "activation_max": high,
            },
            inputs=(x.name,),
            outputs=(y.name,),
            source_nodes=node.source_nodes,
        )


def _scaling(node: RescaleInt16) -> tuple[int, int]:
    (x,), (y,) = node.inputs, node.outputs
    return wide_multiplier(float(np.float64(np.float32(x.scale)) / np.float64(np.float32(y.scale))), LARGEST)
