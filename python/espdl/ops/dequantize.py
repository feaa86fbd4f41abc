# SPDX-License-Identifier: Apache-2.0
"""From int8 to float at the border of the network (ONNX DequantizeLinear)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from espdl.ops.operator import Arrays, Constants, Match, Mismatch, Operator, Params, PatternBuilder, operator


@operator("dequantize")
@dataclass(frozen=True, eq=False)
class Dequantize(Operator):
    """An int8 tensor to a float32 tensor of the same shape."""

    onnx = ("DequantizeLinear",)
    limits = "one scale"
    priority = -10
    at_border = True

    @staticmethod
    def pattern(p: PatternBuilder) -> Any:
        return p.dequantized("x")

    @classmethod
    def from_match(cls, match: Match) -> Dequantize:
        x = match.tensor("x")
        if x.dtype != "int8":
            raise Mismatch(f"its input is {x.dtype}, not int8")
        return cls(inputs=(x,), outputs=match.outputs, source_nodes=match.source_nodes)

    @staticmethod
    def reference(params: Params, inputs: Arrays, constants: Constants) -> list[np.ndarray]:
        steps = inputs[0].astype(np.float32) - np.float32(params["zero_point"])
        return [steps * np.float32(params["scale"])]
