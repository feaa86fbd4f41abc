# SPDX-License-Identifier: Apache-2.0
"""2-d convolution with bias and a fused activation (ONNX Conv, quantised)."""

from __future__ import annotations

from typing import Any

import numpy as np

from espdl.errors import present
from espdl.ops.layer_constants import weights_of
from espdl.ops.numerics import requantize, saturate, scale_int16
from espdl.ops.operator import Arrays, Constants, Match, Mismatch, Operator, PatternBuilder, operator
from espdl.ops.params import Clamped, ConvShape, GroupedConvShape, Pitched, Rounded, ZeroPoints
from espdl.plan.types import Tensor

# Of the constant with what a border holds.
BORDER = "border"


class Conv2dParams(Rounded, ZeroPoints, Pitched, GroupedConvShape, c_type="espdl_conv2d_params_t"):
    pass


class Conv2dS16Params(Clamped, GroupedConvShape, c_type="espdl_conv2d_s16_params_t"):
    pass


@operator("conv2d")
class Conv2d(Operator):
    """Input NHWC [1, H, W, C], output NHWC [1, OH, OW, OC]; until `partition.batches` has been there [N, ...]. int8, or
    int16 with zero points 0.

    `weights` int8 [OC, KH, KW, C / groups] (symmetric), `weights_scale` [OC], `bias` int32 [OC] at scale
    input scale * weights scale. `pads` are top, left, bottom, right; the border holds the input's zero point, or
    `border`, int8 [C].
    """

    weights: np.ndarray
    weights_scale: np.ndarray
    bias: np.ndarray
    strides: tuple[int, int]
    pads: tuple[int, int, int, int]
    dilations: tuple[int, int]
    groups: int
    activation: tuple[float, float] | None
    border: np.ndarray | None = None

    onnx = ("Conv", "BatchNormalization")
    limits = "constant weights"
    priority = 20

    @staticmethod
    def pattern(p: PatternBuilder) -> Any:
        x = p.dequantized("x")
        centred = p.call("relax.subtract", x, p.constant("centres"))  # around which the border is zeros
        conv = p.call("relax.nn.conv2d", p.any_of(centred, x), p.constant("weights"), label="conv")
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
        border = None
        if match.has("centres"):
            border, bias = _border(match, x, weights, bias)
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
            border=border,
        )

    @property
    def macs(self) -> int:
        return self.outputs[0].count * int(np.prod(self.weights.shape[1:]))

    @property
    def outside(self) -> np.ndarray:
        """int64 [C]: the integers of a pixel of the border."""
        (x,) = self.inputs
        return np.full(x.shape[3], x.zero_point, np.int64) if self.border is None else self.border.astype(np.int64)

    @staticmethod
    def reference(params: Conv2dParams | Conv2dS16Params, inputs: Arrays, constants: Constants) -> list[np.ndarray]:
        p, (x,) = params, inputs
        image = x.astype(np.int64).reshape(p.input_height, p.input_width, -1)
        weights, bias, multiplier, shift = (constants[name] for name in ("weights", "bias", "multiplier", "shift"))
        if isinstance(p, Conv2dS16Params):
            y = scale_int16(convolve(image, weights, p) + bias, multiplier, shift)
        else:
            border = np.asarray(constants.get(BORDER, p.input_zero_point), np.int64)
            acc = convolve(image - p.input_zero_point, weights, p, border - p.input_zero_point) + bias
            y = requantize(acc, multiplier, shift, p.rounding) + p.output_zero_point
        return [saturate(y, p.activation_min, p.activation_max, x.dtype)[np.newaxis]]


def _border(match: Match, x: Tensor, weights: np.ndarray, bias: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The border around `x`, of which the match takes a number for each channel away, and the bias that does so."""
    steps = match.real("centres").astype(np.float64).reshape(-1) / present(x.scale)
    border = steps + x.zero_point
    if steps.size != weights.shape[3] or (steps != np.rint(steps)).any() or not (np.abs(border + 0.5) < 128).all():
        raise Mismatch("what is taken away from its channels is no border of integers")
    shifted = bias - (weights.astype(np.int64) @ steps.astype(np.int64)).sum(axis=(1, 2))
    if np.abs(shifted).max(initial=0) >= 2**31:
        raise Mismatch("its bias does not fit 32 bits with what is taken away from its channels")
    return border.astype(np.int8), shifted.astype(np.int32)


def convolve(x: np.ndarray, weights: np.ndarray, p: ConvShape, border: np.ndarray | int = 0) -> np.ndarray:
    """int64 accumulators [OH, OW, OC] of `x` [H, W, C] (zero point removed) with `weights` [OC, KH, KW, C / groups];
    `border`: [C] or a number, around `x`."""
    channels, kernel_height, kernel_width, group_inputs = weights.shape
    groups = x.shape[2] // group_inputs
    height, width = p.output_height, p.output_width
    reach_y = (height - 1) * p.stride_height + (kernel_height - 1) * p.dilation_height + 1
    reach_x = (width - 1) * p.stride_width + (kernel_width - 1) * p.dilation_width + 1
    below, right = max(0, reach_y - p.pad_top - x.shape[0]), max(0, reach_x - p.pad_left - x.shape[1])
    padded = np.pad(x - border, ((p.pad_top, below), (p.pad_left, right), (0, 0))).astype(np.float64) + border
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
