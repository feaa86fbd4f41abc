# SPDX-License-Identifier: Apache-2.0
"""Transposed 2-d convolution with bias and a fused activation (ONNX ConvTranspose, quantised)."""

from __future__ import annotations

from typing import Any

import numpy as np

from espdl.ops.layer_constants import weights_of
from espdl.ops.numerics import requantize, saturate
from espdl.ops.operator import Arrays, Constants, Match, Mismatch, Operator, PatternBuilder, operator
from espdl.ops.params import ConvShape


class ConvTranspose2dParams(ConvShape, c_type="espdl_conv_transpose2d_params_t"):
    output_pitch: int
    input_zero_point: int
    output_zero_point: int
    activation_min: int
    activation_max: int
    rounding: str


@operator("conv_transpose2d")
class ConvTranspose2d(Operator):
    """Input NHWC [1, H, W, C], output NHWC [1, OH, OW, OC].

    `weights` int8 [OC, KH, KW, C] (symmetric), `weights_scale` [OC], `bias` int32 [OC] at scale input scale * weights
    scale. `pads` are the rows and columns of the full result that are left out at the top and the left.
    """

    weights: np.ndarray
    weights_scale: np.ndarray
    bias: np.ndarray
    strides: tuple[int, int]
    pads: tuple[int, int]
    dilations: tuple[int, int]
    activation: tuple[float, float] | None

    onnx = ("ConvTranspose",)
    limits = "one group, constant weights"
    priority = 20

    @staticmethod
    def pattern(p: PatternBuilder) -> Any:
        conv = p.call("relax.nn.conv2d_transpose", p.dequantized("x"), p.constant("weights"), label="conv")
        biased = p.call("relax.add", conv, p.constant("bias"))
        return p.quantized(p.activated(p.any_of(biased, conv)))

    @classmethod
    def from_match(cls, match: Match) -> ConvTranspose2d:
        if match.attribute("conv", "kernel_layout") != "OHWI":
            raise Mismatch("it is not a convolution over two spatial axes with constant weights")
        if match.attribute("conv", "groups") != 1:
            raise Mismatch(f"it has {match.attribute('conv', 'groups')} groups")
        weights, scale, bias = weights_of(match, match.inputs[0])
        return cls(
            *match.ports,
            weights=weights,
            weights_scale=scale,
            bias=bias,
            strides=match.attribute("conv", "strides"),
            pads=match.attribute("conv", "padding")[:2],
            dilations=match.attribute("conv", "dilation"),
            activation=match.activation,
        )

    @property
    def macs(self) -> int:
        return self.inputs[0].count * int(np.prod(self.weights.shape[:3]))

    @staticmethod
    def reference(params: ConvTranspose2dParams, inputs: Arrays, constants: Constants) -> list[np.ndarray]:
        p = params
        x = inputs[0].astype(np.int64).reshape(p.input_height, p.input_width, -1) - p.input_zero_point
        weights = constants["weights"].astype(np.int64)
        height = (p.input_height - 1) * p.stride_height + (p.kernel_height - 1) * p.dilation_height + 1
        width = (p.input_width - 1) * p.stride_width + (p.kernel_width - 1) * p.dilation_width + 1
        bottom, right = p.pad_top + p.output_height, p.pad_left + p.output_width
        full = np.zeros((max(height, bottom), max(width, right), len(weights)), np.int64)
        for ky in range(p.kernel_height):
            for kx in range(p.kernel_width):
                top, left = ky * p.dilation_height, kx * p.dilation_width
                rows = slice(top, top + (p.input_height - 1) * p.stride_height + 1, p.stride_height)
                columns = slice(left, left + (p.input_width - 1) * p.stride_width + 1, p.stride_width)
                full[rows, columns] += x @ weights[:, ky, kx].T
        acc = full[p.pad_top : bottom, p.pad_left : right] + constants["bias"]
        scaled = requantize(acc, constants["multiplier"], constants["shift"], p.rounding)
        return [saturate(scaled + p.output_zero_point, p.activation_min, p.activation_max)]
