# SPDX-License-Identifier: Apache-2.0
"""Transposition in portable C."""

from __future__ import annotations

import math

from espdl.backends.lowering import ANY, Declined, call_of, lowering
from espdl.ops.transpose import Transpose, TransposeParams
from espdl.plan.types import ITEM_BYTES, KernelCall
from espdl.targets import Target

MAX_RANK = 6


@lowering("transpose", "portable", ANY)
def lower_transpose(node: Transpose, target: Target) -> KernelCall | Declined:
    """Up to six axes, after axes that stay neighbours have become one."""
    (x,) = node.inputs
    merged = _merge(x.shape, node.axes)
    if len(merged) > MAX_RANK:
        return Declined(f"it moves {len(merged)} axes; the kernel has {MAX_RANK}")
    padding = (MAX_RANK - len(merged)) * ((1, 0),)
    shape, strides = zip(*padding, *merged)
    return call_of(
        node,
        "espdl_transpose",
        "espdl/kernels/transpose.h",
        TransposeParams(item_bytes=ITEM_BYTES[x.dtype], shape=shape, strides=strides),
        products=x.count // max(shape[-2:]),  # strips
    )


def _merge(shape: tuple[int, ...], axes: tuple[int, ...]) -> list[tuple[int, int]]:
    """(size, stride in the input) of each output axis; axes of size 1 left out, neighbours that stay so made one."""
    merged: list[tuple[int, int]] = []
    for axis in axes:
        size, stride = shape[axis], math.prod(shape[axis + 1 :])
        if size == 1:
            continue
        if merged and merged[-1][1] == size * stride:
            size *= merged.pop()[0]
        merged.append((size, stride))
    return merged
