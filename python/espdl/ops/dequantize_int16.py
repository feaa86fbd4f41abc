# SPDX-License-Identifier: Apache-2.0
"""From int16 to float at the border of the network (ONNX DequantizeLinear)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from espdl.ops.dequantize import Dequantize
from espdl.ops.operator import Arrays, Constants, Match, Mismatch, Params, operator


@operator("dequantize_int16")
@dataclass(frozen=True, eq=False)
class DequantizeInt16(Dequantize):
    """An int16 tensor to a float32 tensor of the same shape."""

    limits = "int16, zero point 0"

    @classmethod
    def from_match(cls, match: Match) -> DequantizeInt16:
        x = match.tensor("x")
        if x.dtype != "int16" or x.zero_point != 0:
            raise Mismatch(f"its input is {x.dtype} with zero point {x.zero_point}, not int16 with 0")
        return cls(inputs=(x,), outputs=match.outputs, source_nodes=match.source_nodes)

    @staticmethod
    def reference(params: Params, inputs: Arrays, constants: Constants) -> list[np.ndarray]:
        return [inputs[0].astype(np.float32) * np.float32(params["scale"])]
