# SPDX-License-Identifier: Apache-2.0
"""Between 8-bit and 16-bit activations, or to another scale of 16 bits (QuantizeLinear behind DequantizeLinear)."""

from __future__ import annotations

from typing import Any

import numpy as np

from espdl.ops.numerics import scale_int16
from espdl.ops.operator import Arrays, Constants, Match, Mismatch, Operator, PatternBuilder, operator
from espdl.plan.params import Params


class RescaleParams(Params, c_type="espdl_rescale_params_t"):
    count: int
    input_zero_point: int
    multiplier: int
    shift: int
    output_zero_point: int
    activation_min: int
    activation_max: int


_PAIRS = {
    *((x, "int16") for x in ("int8", "uint8", "int16", "uint16")),
    *((x, "int8") for x in ("int16", "uint16")),
}


@operator("rescale")
class Rescale(Operator):
    """A tensor to one of the same shape and another width or scale. An int16 result has zero point 0; integers of an
    input may have any."""

    onnx = ("QuantizeLinear",)
    limits = "int8 or uint8 to int16, int16 or uint16 to int8 or int16"
    priority = 4

    @property
    def dtype(self) -> str:
        return "int16"

    @staticmethod
    def pattern(p: PatternBuilder) -> Any:
        return p.quantized(p.dequantized("x"))

    @classmethod
    def from_match(cls, match: Match) -> Rescale:
        x, (y,) = match.tensor("x"), match.outputs
        if (x.dtype, y.dtype) not in _PAIRS:
            raise Mismatch(f"it converts {x.dtype} to {y.dtype}")
        return cls(*match.ports)

    @staticmethod
    def reference(params: RescaleParams, inputs: Arrays, constants: Constants) -> list[np.ndarray]:
        p = params
        steps = inputs[0].astype(np.int64) - p.input_zero_point
        y = scale_int16(steps, p.multiplier, p.shift) + p.output_zero_point
        dtype = np.int16 if p.activation_max > 127 else np.int8
        return [np.clip(y, p.activation_min, p.activation_max).astype(dtype)]
