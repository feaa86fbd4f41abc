# SPDX-License-Identifier: Apache-2.0
"""2-d convolution of 16-bit activations with 8-bit weights (ONNX Conv, quantised)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from espdl.ops.conv2d import Conv2d, convolve
from espdl.ops.numerics import scale_wide
from espdl.ops.operator import Arrays, Constants, Match, Params, operator
from espdl.ops.wide import require_int16


@operator("conv2d_int16")
@dataclass(frozen=True, eq=False)
class Conv2dInt16(Conv2d):
    """As Conv2d, with int16 input and output of zero point 0."""

    limits = "int16 activations, int8 weights"

    @classmethod
    def from_match(cls, match: Match) -> Conv2dInt16:
        require_int16(match)
        return super().from_match(match)

    @staticmethod
    def reference(params: Params, inputs: Arrays, constants: Constants) -> list[np.ndarray]:
        p = params
        image = inputs[0].astype(np.int64).reshape(p["input_height"], p["input_width"], -1)
        # Exact in float64: a product is below 2**23, and an accumulator that 64 bits hold has no 2**30 of them.
        acc = convolve(image, constants["weights"].astype(np.int64), p) + constants["bias"]
        scaled = scale_wide(acc, constants["multiplier"], constants["shift"])
        y = np.clip(scaled, p["activation_min"], p["activation_max"]).astype(np.int16)
        return [y.reshape(1, *y.shape)]
