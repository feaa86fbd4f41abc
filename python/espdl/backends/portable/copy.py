# SPDX-License-Identifier: Apache-2.0
"""Slices and repetitions in portable C."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from espdl.backends.lowering import ANY, call_of, lowering
from espdl.backends.overlap import overlap_offset
from espdl.ops.copy import MAX_AXES, Copy, CopyParams
from espdl.plan.types import ITEM_BYTES, KernelCall
from espdl.targets import Target


@lowering("copy", "portable", ANY)
def lower_copy(node: Copy, target: Target) -> KernelCall:
    """One memcpy per line where a line lies in one piece, else one per item."""
    (x,), (y,) = node.inputs, node.outputs
    axes = ((1, 1),) if not node.view.axes else node.view.axes
    shape, strides = zip(*[(1, 0)] * (MAX_AXES - len(axes)), *axes)
    item = ITEM_BYTES[x.dtype]
    line = shape[-1] * item
    begins = (node.view.first + _places(shape, strides)) * item
    if strides[-1] == 1:
        begins, item = begins[:: shape[-1]], item * shape[-1]
    return call_of(
        node,
        "espdl_copy",
        "espdl/kernels/copy.h",
        CopyParams(
            item_bytes=ITEM_BYTES[x.dtype],
            first=node.view.first,
            output_pitch=line,
            shape=shape,
            strides=strides,
        ),
        overlaps=((0, 0, overlap_offset(begins, item)),),
        products=len(begins),
        pitched=("output_pitch",) if line == y.row_bytes else (),
    )


def _places(shape: Sequence[int], strides: Sequence[int]) -> np.ndarray:
    """Where in the input, in items from the first, each item of the output comes from."""
    indices = np.indices(shape).reshape(len(shape), -1)
    return np.asarray(strides) @ indices
