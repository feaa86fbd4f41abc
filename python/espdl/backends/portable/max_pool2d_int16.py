# SPDX-License-Identifier: Apache-2.0
"""Max pooling of 16-bit tensors in portable C."""

from __future__ import annotations

from espdl.backends.lowering import Lowering, lowering
from espdl.backends.portable.windows import window_params
from espdl.ops.max_pool2d_int16 import MaxPool2dInt16
from espdl.ops.numerics import activation_range
from espdl.plan.types import KernelCall
from espdl.targets import Target


@lowering("max_pool2d_int16", backend="portable")
class PortableMaxPool2dInt16(Lowering[MaxPool2dInt16]):
    """Any kernel, stride, dilation and border."""

    takes_int16 = True

    def try_lower(self, node: MaxPool2dInt16, target: Target) -> KernelCall:
        (x,), (y,) = node.inputs, node.outputs
        low, high = activation_range(node.activation, y)
        window = window_params(x.shape[1:], y.shape[1:3], node.kernel, node.strides, node.dilations, node.pads)
        return KernelCall(
            operator=node.name,
            function="espdl_max_pool2d_s16",
            params_type="espdl_max_pool2d_params_t",
            header="espdl/kernels/max_pool2d_s16.h",
            params={**window, "activation_min": low, "activation_max": high},
            inputs=(x.name,),
            outputs=(y.name,),
            source_nodes=node.source_nodes,
        )
