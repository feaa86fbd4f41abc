# SPDX-License-Identifier: Apache-2.0
"""Transposition in portable C."""

from __future__ import annotations

import math

from espdl.backends.lowering import Declined, Lowering, lowering
from espdl.ops.transpose import Transpose
from espdl.plan.types import ITEM_BYTES, KernelCall
from espdl.targets import Target

MAX_RANK = 6


@lowering("transpose", backend="portable")
class PortableTranspose(Lowering[Transpose]):
    """Up to six axes, after axes that stay neighbours have become one."""

    takes_int16 = True

    def try_lower(self, node: Transpose, target: Target) -> KernelCall | Declined:
        (x,), (y,) = node.inputs, node.outputs
        merged = _merge(x.shape, node.axes)
        if len(merged) > MAX_RANK:
            return Declined(f"it moves {len(merged)} axes; the kernel has {MAX_RANK}")
        padding = (MAX_RANK - len(merged)) * ((1, 0),)
        shape, strides = zip(*padding, *merged)
        return KernelCall(
            operator=node.name,
            function="espdl_transpose",
            params_type="espdl_transpose_params_t",
            header="espdl/kernels/transpose.h",
            params={"item_bytes": ITEM_BYTES[x.dtype], "shape": shape, "strides": strides},
            inputs=(x.name,),
            outputs=(y.name,),
            source_nodes=node.source_nodes,
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
