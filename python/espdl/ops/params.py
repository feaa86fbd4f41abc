# SPDX-License-Identifier: Apache-2.0
"""Parts of parameter structs that several operators have."""

from __future__ import annotations

from espdl.plan.params import Params


class Clamped(Params):
    """The integers to which a fused activation clamps."""

    activation_min: int
    activation_max: int


class Rounded(Clamped):
    """And how the requantisation before that rounds."""

    rounding: str


class ZeroPoints(Params):
    input_zero_point: int
    output_zero_point: int


class Pitched(Params):
    """Bytes from one vector of the last axis to the next."""

    input_pitch: int
    output_pitch: int


class ConvShape(Params):
    input_height: int
    input_width: int
    input_channels: int
    output_height: int
    output_width: int
    output_channels: int
    kernel_height: int
    kernel_width: int
    stride_height: int
    stride_width: int
    dilation_height: int
    dilation_width: int
    pad_top: int
    pad_left: int


class GroupedConvShape(ConvShape):
    groups: int


class ProductShape(Params):
    """Of so many vectors with a matrix of weights."""

    rows: int
    inputs: int
    outputs: int


class PoolShape(Params):
    input_height: int
    input_width: int
    channels: int
    output_height: int
    output_width: int
    kernel_height: int
    kernel_width: int
    stride_height: int
    stride_width: int
    dilation_height: int
    dilation_width: int
    input_pitch: int
    output_pitch: int
    pad_top: int
    pad_left: int


class PaddedPoolShape(PoolShape):
    """With all four sides of the border."""

    pad_bottom: int
    pad_right: int
