# SPDX-License-Identifier: Apache-2.0
"""Parts of parameter structs that several operators have."""

from __future__ import annotations

from dataclasses import dataclass

from espdl.plan.params import Params


@dataclass(frozen=True)
class Clamped(Params):
    """The integers to which a fused activation clamps."""

    activation_min: int
    activation_max: int


@dataclass(frozen=True)
class Rounded(Clamped):
    """And how the requantisation before that rounds."""

    rounding: str


@dataclass(frozen=True)
class ZeroPoints(Params):
    input_zero_point: int
    output_zero_point: int


@dataclass(frozen=True)
class Pitched(Params):
    """Bytes from one vector of the last axis to the next."""

    input_pitch: int
    output_pitch: int


@dataclass(frozen=True)
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


@dataclass(frozen=True)
class GroupedConvShape(ConvShape):
    groups: int


@dataclass(frozen=True)
class ProductShape(Params):
    """Of so many vectors with a matrix of weights."""

    rows: int
    inputs: int
    outputs: int


@dataclass(frozen=True)
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


@dataclass(frozen=True)
class PaddedPoolShape(PoolShape):
    """With all four sides of the border."""

    pad_bottom: int
    pad_right: int
