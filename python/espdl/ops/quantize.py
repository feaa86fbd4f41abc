# SPDX-License-Identifier: Apache-2.0
"""From float to int8 at the border of the network (ONNX QuantizeLinear)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from espdl.ops.operator import Arrays, Constants, Match, Mismatch, Operator, Params, PatternBuilder, operator


@operator("quantize")
@dataclass(frozen=True, eq=False)
class Quantize(Operator):
    """A float32 tensor to an int8 tensor of the same shape: nearest even, saturated, NaN becomes the zero point."""

    onnx = ("QuantizeLinear",)
    limits = "one scale"
    priority = -10
    at_border = True

    @staticmethod
    def pattern(p: PatternBuilder) -> Any:
        return p.quantized(p.wildcard("x"))

    @classmethod
    def from_match(cls, match: Match) -> Quantize:
        (y,) = match.outputs
        if y.dtype != "int8":
            raise Mismatch(f"its output is {y.dtype}, not int8")
        return cls(inputs=match.inputs, outputs=match.outputs, source_nodes=match.source_nodes)

    @staticmethod
    def reference(params: Params, inputs: Arrays, constants: Constants) -> list[np.ndarray]:
        zero_point = params["zero_point"]
        with np.errstate(over="ignore", invalid="ignore"):
            steps = np.rint(inputs[0].astype(np.float32) / np.float32(params["scale"]))
        steps = np.where(np.isnan(steps), np.float32(0), steps)
        return [(np.clip(steps, -128 - zero_point, 127 - zero_point) + zero_point).astype(np.int8)]
