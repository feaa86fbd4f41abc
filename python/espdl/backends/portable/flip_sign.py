# SPDX-License-Identifier: Apache-2.0
"""Between uint8 and int8 in portable C."""

from __future__ import annotations

from espdl.backends.lowering import Lowering, lowering
from espdl.ops.flip_sign import FlipSign
from espdl.plan.types import KernelCall
from espdl.targets import Target


@lowering("flip_sign", backend="portable")
class PortableFlipSign(Lowering[FlipSign]):
    """One exclusive or per byte, in place."""

    def try_lower(self, node: FlipSign, target: Target) -> KernelCall:
        (x,), (y,) = node.inputs, node.outputs
        return KernelCall(
            operator=node.name,
            function="espdl_flip_sign_8",
            params_type="espdl_flip_sign_params_t",
            header="espdl/kernels/flip_sign.h",
            params={"count": y.count},
            inputs=(x.name,),
            outputs=(y.name,),
            in_place=((0, 0),),
            source_nodes=node.source_nodes,
        )
