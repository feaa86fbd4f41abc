# SPDX-License-Identifier: Apache-2.0
"""A convolution that reads its input channels first, in portable C."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from espdl.backends.lowering import Declined, lowering, packing
from espdl.backends.overlap import overlap_offset_of_windows
from espdl.backends.portable.conv2d import lower_conv2d
from espdl.backends.portable.fast import fast_records
from espdl.backends.portable.packing import blocks, with_parts
from espdl.ops.conv2d import Conv2dParams
from espdl.ops.conv2d_planar import Conv2dPlanar
from espdl.plan.types import KernelCall
from espdl.targets import Target


@lowering("conv2d_planar", "portable", "int8")
def lower_conv2d_planar(node: Conv2dPlanar, target: Target) -> KernelCall | Declined:
    """Saves the copy of the input with its channels last, and the work of making it."""
    if target.backends[0] != "portable":
        return Declined(f"the convolution alone may run on {target.backends[0]}, which is faster")
    conv = lower_conv2d(node.conv, target)
    if conv.function != "espdl_conv2d_3x8_s8":
        return Declined("only the kernel for 3x8 blocks reads channels first")
    p = conv.params_of(Conv2dParams)
    _, height, width, channels = node.conv.weights.shape
    depth = height * width * channels
    return replace(
        conv,
        operator=node.name,
        function="espdl_conv2d_planar_3x8_s8",
        packing="blocks_planar",
        params=replace(p, input_pitch=p.input_height * p.input_width),
        inputs=tuple(t.name for t in node.inputs),
        scratch_bytes=8 * depth + 4 * width,
        overlaps=((0, 0, overlap_offset_of_windows(p, 1, p.output_channels, at_once=3)),),
        pitched=("output_pitch",),
        source_nodes=node.source_nodes,
    )


@packing("blocks_planar")
def blocks_planar(call: KernelCall) -> list[np.ndarray]:
    """What `blocks_in_parts` gives for weights in the order [channels][input channels][height][width]."""
    return [with_parts(blocks(_planar(call.constant("weights")), 8)), fast_records(call, 8)]


def _planar(weights: np.ndarray) -> np.ndarray:
    return weights.transpose(0, 3, 1, 2)
