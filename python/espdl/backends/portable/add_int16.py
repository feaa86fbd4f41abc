# SPDX-License-Identifier: Apache-2.0
"""Elementwise sum of 16-bit tensors in portable C."""

from __future__ import annotations

import math

import numpy as np

from espdl.backends.lowering import Declined, Lowering, lowering
from espdl.ops.add_int16 import AddInt16
from espdl.ops.numerics import activation_range
from espdl.plan.types import KernelCall
from espdl.targets import Target

# Bits of the larger multiplier: two products of 16 and 30 bits and their sum are far from 63.
_BITS = 30


@lowering("add_int16", backend="portable")
class PortableAddInt16(Lowering[AddInt16]):
    """Two multiplications and one shift per element."""

    takes_int16 = True

    def try_lower(self, node: AddInt16, target: Target) -> KernelCall | Declined:
        (a, b), (y,) = node.inputs, node.outputs
        a_multiplier, b_multiplier, shift = _multipliers(node)
        if not 1 <= shift <= 62:
            return Declined("the scales of its inputs and its output are too far apart")
        low, high = activation_range(node.activation, y)
        return KernelCall(
            operator=node.name,
            function="espdl_add_s16",
            params_type="espdl_add_s16_params_t",
            header="espdl/kernels/add_s16.h",
            params={
                "count": y.count,
                "a_multiplier": a_multiplier,
                "b_multiplier": b_multiplier,
                "shift": shift,
                "activation_min": low,
                "activation_max": high,
            },
            inputs=(a.name, b.name),
            outputs=(y.name,),
            in_place=((0, 0), (1, 0)),
            source_nodes=node.source_nodes,
        )


def _multipliers(node: AddInt16) -> tuple[int, int, int]:
    """What one step of a and of b is worth in steps of the output, times 2**shift."""
    (a, b), (y,) = node.inputs, node.outputs
    ratios = [np.float64(np.float32(t.scale)) / np.float64(np.float32(y.scale)) for t in (a, b)]
    shift = _BITS - math.frexp(max(ratios))[1]
    return int(np.rint(np.ldexp(ratios[0], shift))), int(np.rint(np.ldexp(ratios[1], shift))), shift
