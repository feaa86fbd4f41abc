# SPDX-License-Identifier: Apache-2.0
"""Elements at constant places in portable C."""

from __future__ import annotations

import math

import numpy as np

from espdl.backends.lowering import ANY, Declined, call_of, lowering
from espdl.backends.overlap import overlap_offset
from espdl.ops.gather_elements import GatherElements, GatherElementsParams
from espdl.plan.types import ITEM_BYTES, Constant, KernelCall
from espdl.targets import Target


@lowering("gather_elements", "portable", ANY)
def lower_gather_elements(node: GatherElements, target: Target) -> KernelCall | Declined:
    """One memcpy for all elements that stay side by side."""
    item, together = ITEM_BYTES[node.inputs[0].dtype], _together(node.places)
    begins = node.places.reshape(-1)[::together] * item
    if begins.max() >= 2**31:
        return Declined("its input has more than 2^31 bytes")
    return call_of(
        node,
        "espdl_gather_elements",
        "espdl/kernels/gather_elements.h",
        GatherElementsParams(len(begins), together * item),
        constants=(Constant("begins", begins.astype(np.int32)),),
        overlaps=((0, 0, overlap_offset(begins, together * item)),),
    )


def _together(places: np.ndarray) -> int:
    """The most elements of the innermost axes that are neighbours in the input, wherever they are taken."""
    most = 1
    for axis in reversed(range(places.ndim)):
        count = math.prod(places.shape[axis:])
        rows = places.reshape(-1, count)
        if np.any(rows - rows[:, :1] != np.arange(count)):
            break
        most = count
    return most
