# SPDX-License-Identifier: Apache-2.0
"""From floats to integers at the border of the network (ONNX QuantizeLinear)."""

from __future__ import annotations

from typing import Any

import numpy as np

from espdl.ops.operator import Arrays, Constants, Match, Operator, PatternBuilder, operator
from espdl.plan.params import Params


class QuantizeS16Params(Params, c_type="espdl_quantize_s16_params_t"):
    count: int
    scale: float


class QuantizeParams(QuantizeS16Params, c_type="espdl_quantize_params_t"):
    zero_point: int


@operator("quantize")
class Quantize(Operator):
    """A float32 tensor to an int8 or int16 tensor (zero point 0) of the same shape: nearest even, saturated.

    NaN becomes the zero point.
    """

    onnx = ("QuantizeLinear",)
    limits = "one scale"
    priority = -10
    at_border = True

    @property
    def dtype(self) -> str:
        return self.outputs[0].dtype

    @staticmethod
    def pattern(p: PatternBuilder) -> Any:
        return p.quantized(p.wildcard("x"))

    @classmethod
    def from_match(cls, match: Match) -> Quantize:
        return cls(*match.ports)

    @staticmethod
    def reference(params: QuantizeParams | QuantizeS16Params, inputs: Arrays, constants: Constants) -> list[np.ndarray]:
        # The kernel for int16 has no zero point.
        zero_point, dtype = (params.zero_point, "int8") if isinstance(params, QuantizeParams) else (0, "int16")
        info = np.iinfo(dtype)
        with np.errstate(over="ignore", invalid="ignore"):
            steps = np.rint(inputs[0].astype(np.float32) / np.float32(params.scale))
        steps = np.where(np.isnan(steps), np.float32(0), steps)
        return [(np.clip(steps, info.min - zero_point, info.max - zero_point) + zero_point).astype(info.dtype)]
