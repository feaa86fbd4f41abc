# SPDX-License-Identifier: Apache-2.0
"""2-d convolution with bias and a fused activation (ONNX Conv, quantised)."""

from __future__ import annotations

from typing import Any

import numpy as np

from espdl.ops.layer_constants import weights_of
from espdl.ops.numerics import requantize, saturate, scale_int16
from espdl.ops.operator import Arrays, Constants, Match, Mismatch, Operator, PatternBuilder, operator
from espdl.ops.params import Clamped, ConvShape, GroupedConvShape, Pitched, Rounded, ZeroPoints
from espdl.plan.types import Tensor


class Conv2dParams(Rounded, ZeroPoints, Pitched, GroupedConvShape, c_type="espdl_conv2d_params_t"):
    pass


class Conv2dS16Params(Clamped, GroupedConvShape, c_type="espdl_conv2d_s16_params_t"):
    pass


@operator("conv2d")
class Conv2d(Operator):
    """Input NHWC [1, H, W, C], output NHWC [1, OH, OW, OC]; until `partition.batches` has been there [N, ...]. int8, or
    int16 with zero points 0.

    `weights` int8 [OC, KH, KW, C / groups] (symmetric), `weights_scale` [OC], `bias` int32 [OC] at scale
    input scale * weights scale. `pads` are top, left, bottom, right; the border holds the input's zero point.
    """

    weights: np.ndarray
    weights_scale: np.ndarray
    bias: np.ndarray
    strides: tuple[int, int]
    pads: tuple[int, int, int, int]
    dilations: tuple[int, int]
    groups: int
    activation: tuple[float, float] | None

    onnx = ("Conv", "BatchNormalization")
    limits = "constant weights"
    priority = 20

    @staticmethod
    def pattern(p: PatternBuilder) -> Any:
        conv = p.call("relax.nn.conv2d", p.dequantized("x"), p.constant("weights"), label="conv")
        biased = p.call("relax.add", conv, p.constant("bias"))
        return p.quantized(p.activated(p.any_of(biased, conv)))

    @classmethod
    def from_match(cls, match: Match) -> Conv2d:
        (x,), (y,) = match.inputs, match.outputs
        return cls.of(match, x, y, match.activation)

    @classmethod
    def of(cls, match: Match, x: Tensor, y: Tensor, activation: tuple[float, float] | None) -> Conv2d:
        """The convolution of `x` to `y` in a match with the labels of this pattern, whatever else it holds."""
        if match.attribute("conv", "data_layout") != "NHWC":
            raise Mismatch("it is not a convolution over two spatial axes")
        weights, scale, bias = weights_of(match, x)
        return cls(
            inputs=(x,),
            outputs=(y,),
            source_nodes=match.source_nodes,
            weights=weights,
            weights_scale=scale,
            bias=bias,
            strides=match.attribute("conv", "strides"),
            pads=match.attribute("conv", "padding"),
            dilations=match.attribute("conv", "dilation"),
            groups=match.attribute("conv", "groups"),
            activation=activation,
        )

    @property
    def macs(self) -> int:
        return self.outputs[0].count * int(np.prod(self.weights.shape[1:]))

    @staticmethod
    def reference(params: Conv2dParams | Conv2dS16Params, inputs: Arrays, constants: Constants) -> list[np.ndarray]:
        p, (x,) = params, inputs
        image = x.astype(np.int64).reshape(p.input_height, p.input_width, -1)
        weights, bias, multiplier, shift = (constants[name] for name in ("weights", "bias", "multiplier", "shift"))
        if isinstance(p, Conv2dS16Params):
            y = scale_int16(convolve(image, weights, p) + bias, multiplier, shift)
        else:
            acc = convolve(image - p.input_zero_point, weights, p) + bias
            y = requantize(acc, multiplier, shift, p.rounding) + p.output_zero_point
        return [saturate(y, p.activation_min, p.activation_max, x.dtype)[np.newaxis]]


def convolve(x: np.ndarray, weights: np.ndarray, p: ConvShape) -> np.ndarray:
    """int64 accumulators [OH, OW, OC] of `x` [H, W, C] (zero point removed) with `weights` [OC, KH, KW, C / groups]."""
    channels, kernel_height, kernel_width, group_inputs = weights.shape
    groups = x.shape[2] // group_inputs
    height, width = p.output_height, p.output_width
    reach_y = (height - 1) * p.stride_height + (kernel_height - 1) * p.dilation_height + 1
    reach_x = (width - 1) * p.stride_width + (kernel_width - 1) * p.dilation_width + 1
    below, right = max(0, reach_y - p.pad_top - x.shape[0]), max(0, reach_x - p.pad_left - x.shape[1])
    padded = np.pad(x, ((p.pad_top, below), (p.pad_left, right), (0, 0))).astype(np.float64)
    acc = np.zeros((groups, height * width, channels // groups))
    # Exact in float64: products are below 2**23, and no accumulator has 2**30 of them.
    grouped = weights.reshape(groups, channels // groups, kernel_height, kernel_width, group_inputs).astype(np.float64)
    for ky in range(kernel_height):
        for kx in range(kernel_width):
            top, left = ky * p.dilation_height, kx * p.dilation_width
            rows = slice(top, top + (height - 1) * p.stride_height + 1, p.stride_height)
            columns = slice(left, left + (width - 1) * p.stride_width + 1, p.stride_width)
            window = padded[rows, columns].reshape(height * width, groups, group_inputs)
            acc += window.transpose(1, 0, 2) @ grouped[:, :, ky, kx].transpose(0, 2, 1)
    return acc.transpose(1, 0, 2).reshape(height, width, channels).astype(np.int64)
