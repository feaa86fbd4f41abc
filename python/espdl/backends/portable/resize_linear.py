# SPDX-License-Identifier: Apache-2.0
"""Linear interpolation in portable C."""

from __future__ import annotations

from espdl.backends.lowering import Lowering, lowering
from espdl.ops.resize_linear import ResizeLinear
from espdl.plan.types import Constant, KernelCall
from espdl.targets import Target


@lowering("resize_linear", backend="portable")
class PortableResizeLinear(Lowering):
    """Places and weights from tables; six products per value."""

    def accept(self, node: ResizeLinear, target: Target) -> str | None:
        return None

    def lower(self, node: ResizeLinear, target: Target) -> KernelCall:
        (x,), (y,) = node.inputs, node.outputs
        return KernelCall(
            operator=node.name,
            function="espdl_resize_linear_s8",
            params_type="espdl_resize_linear_params_t",
            header="espdl/kernels/resize_linear.h",
            params={
                "input_height": x.shape[1],
                "input_width": x.shape[2],
                "output_height": y.shape[1],
                "output_width": y.shape[2],
                "channels": x.shape[3],
            },
            inputs=(x.name,),
            outputs=(y.name,),
            constants=(Constant("rows", node.places(0)), Constant("columns", node.places(1))),
            source_nodes=node.source_nodes,
        )
