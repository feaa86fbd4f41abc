# SPDX-License-Identifier: Apache-2.0
"""From integers to floats at the border of the network (ONNX DequantizeLinear)."""

from __future__ import annotations

from typing import Any

import numpy as np

from espdl.ops.operator import Arrays, Constants, Match, Operator, PatternBuilder, operator
from espdl.ops.quantize import QuantizeParams, QuantizeS16Params


@operator("dequantize")
class Dequantize(Operator):
    """An int8 or int16 tensor (zero point 0) to a float32 tensor of the same shape."""

    onnx = ("DequantizeLinear",)
    limits = "one scale"
    priority = -10
    at_border = True

    @property
    def dtype(self) -> str:
        return self.inputs[0].dtype

    @staticmethod
    def pattern(p: PatternBuilder) -> Any:
        return p.dequantized("x")

    @classmethod
    def from_match(cls, match: Match) -> Dequantize:
        return cls(*match.ports)

    @staticmethod
    def reference(params: QuantizeParams | QuantizeS16Params, inputs: Arrays, constants: Constants) -> list[np.ndarray]:
        zero_point = params.zero_point if isinstance(params, QuantizeParams) else 0
        return [(inputs[0].astype(np.float32) - np.float32(zero_point)) * np.float32(params.scale)]
