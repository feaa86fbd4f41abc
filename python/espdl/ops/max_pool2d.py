# SPDX-License-Identifier: Apache-2.0
"""2-d max pooling with a fused activation (ONNX MaxPool, quantised)."""

from __future__ import annotations

from typing import Any

import numpy as np

from espdl.ops.numerics import saturate
from espdl.ops.operator import (
    Arrays,
    Constants,
    Match,
    Operator,
    PatternBuilder,
    operator,
    require_one_scale,
)
from espdl.ops.params import Clamped, PoolShape
from espdl.ops.windows import taps, window_attributes


class MaxPool2dParams(Clamped, PoolShape, c_type="espdl_max_pool2d_params_t"):
    pass


@operator("max_pool2d")
class MaxPool2d(Operator):
    """Input NHWC [1, H, W, C], output NHWC [1, OH, OW, C] with the same scale, int8 or int16. The border is ignored.

    `pads` are top, left, bottom, right.
    """

    kernel: tuple[int, int]
    strides: tuple[int, int]
    pads: tuple[int, int, int, int]
    dilations: tuple[int, int]
    activation: tuple[float, float] | None

    onnx = ("MaxPool", "GlobalMaxPool")
    priority = 10
    keeps_values = True

    @staticmethod
    def pattern(p: PatternBuilder) -> Any:
        return p.quantized(p.activated(p.call("relax.nn.max_pool2d", p.dequantized("x"), label="pool")))

    @classmethod
    def from_match(cls, match: Match) -> MaxPool2d:
        require_one_scale(match.tensor("x"), *match.outputs)
        return cls(*match.ports, activation=match.activation, **window_attributes(match, "pool"))

    @staticmethod
    def reference(params: MaxPool2dParams, inputs: Arrays, constants: Constants) -> list[np.ndarray]:
        p = params
        x = inputs[0].reshape(p.input_height, p.input_width, p.channels)
        y = np.maximum.reduce(list(taps(x, p, border=np.iinfo(x.dtype).min)))
        return [saturate(y, p.activation_min, p.activation_max, x.dtype)[np.newaxis]]
