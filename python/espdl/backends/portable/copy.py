# SPDX-License-Identifier: Apache-2.0
"""Slices and repetitions in portable C."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from espdl.backends.lowering import Lowering, lowering
from espdl.backends.overlap import lead
from espdl.ops.copy import MAX_AXES, Copy
from espdl.plan.types import ITEM_BYTES, KernelCall
from espdl.targets import Target


@lowering("copy", backend="portable")
class PortableCopy(Lowering[Copy]):
    """One memcpy per line where a line lies in one piece, else one per item."""

    takes_int16 = True

    def try_lower(self, node: Copy, target: Target) -> KernelCall:
        (x,), (y,) = node.inputs, node.outputs
        axes = ((1, 1),) if not node.view.axes else node.view.axes
        shape, strides = zip(*[(1, 0)] * (MAX_AXES - len(axes)), *axes)
        item = ITEM_BYTES[x.dtype]
        line = shape[-1] * item
        begins = (node.view.first + _places(shape, strides)) * item
        if strides[-1] == 1:
            begins, item = begins[:: shape[-1]], item * shape[-1]
        return KernelCall(
            operator=node.name,
            function="espdl_copy",
            params_type="espdl_copy_params_t",
            header="espdl/kernels/copy.h",
            params={
                "item_bytes": ITEM_BYTES[x.dtype],
                "first": node.view.first,
                "output_pitch": line,
                "shape": shape,
                "strides": strides,
            },
            inputs=(x.name,),
            outputs=(y.name,),
            overlaps=((0, 0, lead(begins, item)),),
            pitched=("output_pitch",) if line == y.row_bytes else (),
            source_nodes=node.source_nodes,
        )


def _places(shape: Sequence[int], strides: Sequence[int]) -> np.ndarray:
    """Where in the input, in items from the first, each item of the output comes from."""
    indices = np.indices(shape).reshape(len(shape), -1)
    return np.asarray(strides) @ indices
