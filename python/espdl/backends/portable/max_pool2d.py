# SPDX-License-Identifier: Apache-2.0
"""Max pooling in portable C."""

from __future__ import annotations

from espdl.backends.lowering import Lowering, lowering
from espdl.backends.overlap import lead_of_windows
from espdl.backends.portable.windows import window_params
from espdl.ops.max_pool2d import MaxPool2d
from espdl.ops.numerics import activation_range
from espdl.plan.types import KernelCall
from espdl.targets import Target


@lowering("max_pool2d", backend="portable")
class PortableMaxPool2d(Lowering[MaxPool2d]):
    """Any kernel, stride, dilation and border."""

    def try_lower(self, node: MaxPool2d, target: Target) -> KernelCall:
        (x,), (y,) = node.inputs, node.outputs
        low, high = activation_range(node.activation, y)
        window = window_params(x.shape[1:], y.shape[1:3], node.kernel, node.strides, node.dilations, node.pads)
        return KernelCall(
            operator=node.name,
            function="espdl_max_pool2d_s8",
            params_type="espdl_max_pool2d_params_t",
            header="espdl/kernels/max_pool2d.h",
            params={**window, "activation_min": low, "activation_max": high},
            inputs=(x.name,),
            outputs=(y.name,),
            overlaps=((0, 0, lead_of_windows(window, x.shape[3], x.shape[3])),),
            pitched=("input_pitch", "output_pitch"),
            source_nodes=node.source_nodes,
        )
