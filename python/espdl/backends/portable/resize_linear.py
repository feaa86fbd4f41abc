# SPDX-License-Identifier: Apache-2.0
"""Linear interpolation in portable C."""

from __future__ import annotations

import numpy as np

from espdl.backends.lowering import call_of, lowering
from espdl.backends.overlap import overlap_offset
from espdl.ops.resize_linear import ResizeLinear, ResizeLinearParams
from espdl.plan.types import Constant, KernelCall
from espdl.targets import Target


@lowering("resize_linear", "portable", "int8")
def lower_resize_linear(node: ResizeLinear, target: Target) -> KernelCall:
    """Places and weights from tables; six products per value."""
    (x,), (y,) = node.inputs, node.outputs
    rows, columns = node.places(0), node.places(1)
    _, height, width, channels = x.shape
    low, across = (np.minimum(places[:, 0], places[:, 1]) for places in (rows, columns))
    begins = (low[:, None].astype(np.int64) * width + across).reshape(-1) * channels
    return call_of(
        node,
        "espdl_resize_linear_s8",
        "espdl/kernels/resize_linear.h",
        ResizeLinearParams(
            input_height=height,
            input_width=width,
            output_height=y.shape[1],
            output_width=y.shape[2],
            channels=channels,
            output_pitch=channels,
            first_row=0,
            first_input_row=0,
        ),
        overlaps=((0, 0, overlap_offset(begins, channels)),),
        constants=(Constant("rows", rows), Constant("columns", columns)),
        pitched=("output_pitch",),
    )
