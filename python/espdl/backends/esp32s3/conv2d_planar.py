# SPDX-License-Identifier: Apache-2.0
"""A convolution that reads its input channels first, on the ESP32-S3's vector unit."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from espdl.backends.esp32s3.affine import S3AffineConv2dParams
from espdl.backends.esp32s3.conv2d import S3Conv2dParams, copy_bytes, lower_conv2d, planar_copy_bytes
from espdl.backends.lowering import Declined, lowering
from espdl.backends.overlap import overlap_offset_of_starts
from espdl.ops.conv2d_planar import Conv2dPlanar
from espdl.plan.types import KernelCall
from espdl.targets import ROUND_TFLITE, Target

KERNELS = ("bytes", "narrow", "turned", "bytes_affine", "narrow_affine")
# An image beside the output that is made of it: so much memory is given for a layer less.
MOST_BYTES = 2048
_Params = S3Conv2dParams | S3AffineConv2dParams


@lowering("conv2d_planar", "esp32s3", "int8", alignment=16)
def lower_conv2d_planar(node: Conv2dPlanar, target: Target) -> KernelCall | Declined:
    """Copies the rows that some outputs need with their channels last, then computes those: no second picture."""
    conv = lower_conv2d(node.conv, target)
    if isinstance(conv, Declined):
        return conv
    kernel = conv.packing.removeprefix("esp32s3_")
    if kernel not in KERNELS:
        return Declined("the kernel that is fastest for it wants its channels last")
    is_affine = target.rounding == ROUND_TFLITE
    p: _Params = conv.params_of(S3AffineConv2dParams) if is_affine else conv.params_of(S3Conv2dParams)
    span = (p.kernel_height - 1) * p.dilation_height + 1
    if p.pad_top >= span or (p.output_height - 1) * p.stride_height - p.pad_top >= p.input_height:
        return Declined("some of its windows lie outside the image")
    p = replace(p, input_pitch=p.input_height * p.input_width, band=_band(p, span, whole=kernel == "turned"))
    copy, (x,), (y,) = planar_copy_bytes(p), node.inputs, node.outputs
    if x.nbytes > MOST_BYTES and y.nbytes + copy > x.nbytes:
        return Declined(f"beside its input of {x.nbytes} bytes, output and scratch take more than that again")
    return replace(
        conv,
        operator=node.name,
        function=f"espdl_s3_conv2d_planar_{kernel}_s8",
        params=p,
        inputs=(x.name,),
        scratch_bytes=copy + conv.scratch_bytes,
        overlaps=((0, 0, _overlap(p)),),
        source_nodes=node.source_nodes,
    )


def _band(p: _Params, span: int, whole: bool) -> int:
    """Rows of outputs for which there is one copy: whole vectors, as many as a copy of a size in proportion allows."""
    unit = 16 // math.gcd(16, p.output_width * p.output_channels)
    rows = (copy_bytes(p) // (p.input_width * p.input_channels) - span) // p.stride_height + 1
    band = max(unit, rows // unit * unit)
    return p.output_height if whole else min(band, p.output_height)


def _overlap(p: _Params) -> int:
    """The rows of a band are copied from all planes before its outputs are written."""
    rows = np.maximum(np.arange(p.output_height) * p.stride_height - p.pad_top, 0)
    starts = np.arange(0, p.output_height, p.band)
    return overlap_offset_of_starts(rows * p.input_width, p.output_width * p.output_channels, starts)
