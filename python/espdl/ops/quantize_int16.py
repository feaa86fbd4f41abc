# SPDX-License-Identifier: Apache-2.0
"""From float to int16 at the border of the network (ONNX QuantizeLinear)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from espdl.ops.operator import Arrays, Constants, Match, Mismatch, Params, operator
from espdl.ops.quantize import Quantize


@operator("quantize_int16")
@dataclass(frozen=True, eq=False)
class QuantizeInt16(Quantize):
    """A float32 tensor to an int16 tensor of the same shape: nearest even, saturated, NaN becomes 0."""

    limits = "int16, zero point 0"

    @classmethod
    def from_match(cls, match: Match) -> QuantizeInt16:
        (y,) = match.outputs
        if y.dtype != "int16" or y.zero_point != 0:
            raise Mismatch(f"its output is {y.dtype} with zero point {y.zero_point}, not int16 with 0")
        return cls(inputs=match.inputs, outputs=match.outputs, source_nodes=match.source_nodes)

    @staticmethod
    def reference(params: Params, inputs: Arrays, constants: Constants) -> list[np.ndarray]:
        with np.errstate(over="ignore", invalid="ignore"):
            steps = np.rint(inputs[0].astype(np.float32) / np.float32(params["scale"]))
        steps = np.where(np.isnan(steps), np.float32(0), steps)
        return [np.clip(steps, -32768, 32767).astype(np.int16)]
