# SPDX-License-Identifier: Apache-2.0
"""A border of one value in portable C."""

from __future__ import annotations

import numpy as np

from espdl.backends.lowering import Lowering, lowering
from espdl.ops.pad import MAX_AXES, Pad, Side
from espdl.plan.types import KernelCall
from espdl.targets import Target


@lowering("pad", backend="portable")
class PortablePad(Lowering[Pad]):
    """memset and memmove, line by line."""

    def try_lower(self, node: Pad, target: Target) -> KernelCall:
        (x,), (y,) = node.inputs, node.outputs
        sides = (Side(1, 0, 0),) * (MAX_AXES - len(node.sides)) + node.sides
        return KernelCall(
            operator=node.name,
            function="espdl_pad_s8",
            params_type="espdl_pad_params_t",
            header="espdl/kernels/pad.h",
            params={
                "input_shape": tuple(s.size for s in sides),
                "output_shape": tuple(s.size + s.before + s.after for s in sides),
                "before": tuple(s.before for s in sides),
                "value": node.value,
            },
            inputs=(x.name,),
            outputs=(y.name,),
            overlaps=((0, 0, _lead(sides)),),
            source_nodes=node.source_nodes,
        )


def _lead(sides: tuple[Side, ...]) -> int:
    """A line of the input is moved when all in front of its place is written."""
    total = [s.before + s.size + s.after for s in sides]
    places = np.arange(np.prod(total)).reshape(total)
    inner = tuple(slice(s.before, s.before + s.size) for s in sides[:-1])
    to = places[inner][..., sides[-1].before].reshape(-1)
    return int((to - np.arange(len(to)) * sides[-1].size).max())
