# SPDX-License-Identifier: Apache-2.0
"""A border of one value in portable C."""

from __future__ import annotations

import numpy as np

from espdl.backends.lowering import call_of, lowering
from espdl.ops.pad import MAX_AXES, Pad, PadParams, Side
from espdl.plan.types import KernelCall
from espdl.targets import Target


@lowering("pad", "portable", "int8")
def lower_pad(node: Pad, target: Target) -> KernelCall:
    """memset and memmove, line by line."""
    sides = (Side(1, 0, 0),) * (MAX_AXES - len(node.sides)) + node.sides
    return call_of(
        node,
        "espdl_pad_s8",
        "espdl/kernels/pad.h",
        PadParams(
            input_shape=tuple(s.size for s in sides),
            output_shape=tuple(s.size + s.before + s.after for s in sides),
            before=tuple(s.before for s in sides),
            value=node.value,
        ),
        overlaps=((0, 0, _offset(sides)),),
    )


def _offset(sides: tuple[Side, ...]) -> int:
    """A line of the input is moved when all in front of its place is written."""
    total = [s.before + s.size + s.after for s in sides]
    places = np.arange(np.prod(total)).reshape(total)
    inner = tuple(slice(s.before, s.before + s.size) for s in sides[:-1])
    to = places[inner][..., sides[-1].before].reshape(-1)
    return int((to - np.arange(len(to)) * sides[-1].size).max())
