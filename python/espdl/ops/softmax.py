# SPDX-License-Identifier: Apache-2.0
"""Softmax over the last axis (ONNX Softmax, quantised)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from espdl.ops.operator import Arrays, Constants, Match, Mismatch, Operator, Params, PatternBuilder, operator


@operator("softmax")
@dataclass(frozen=True, eq=False)
class Softmax(Operator):
    """Rows of `length` elements; the output has the input's shape."""

    length: int

    onnx = ("Softmax",)
    limits = "last axis in memory, up to 2,048 elements"
    priority = 10

    @staticmethod
    def pattern(p: PatternBuilder) -> Any:
        return p.quantized(p.call("relax.nn.softmax", p.dequantized("x"), label="softmax"))

    @classmethod
    def from_match(cls, match: Match) -> Softmax:
        shape = match.tensor("x").shape
        axis = match.attribute("softmax", "axis") % len(shape)
        if math.prod(shape[axis + 1 :]) != 1:
            raise Mismatch(f"its axis {axis} is not the last of {len(shape)} in memory")
        return cls(inputs=match.inputs, outputs=match.outputs, source_nodes=match.source_nodes, length=shape[axis])

    @staticmethod
    def reference(params: Params, inputs: Arrays, constants: Constants) -> list[np.ndarray]:
        p = params
        x = inputs[0].astype(np.int64).reshape(p["rows"], p["length"])
        values = constants["exponentials"].astype(np.int64)[x.max(axis=1, keepdims=True) - x]
        total = values.sum(axis=1, keepdims=True)
        whole = total * p["output_scale"] >> 28
        y = ((values << 8) + whole // 2) // whole + p["output_zero_point"]
        return [np.minimum(y, 127).astype(np.int8).reshape(inputs[0].shape)]
