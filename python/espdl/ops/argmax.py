# SPDX-License-Identifier: Apache-2.0
"""The place of the largest value along one axis (ONNX ArgMax, quantised)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from espdl.ops.operator import Arrays, Constants, Match, Mismatch, Operator, Params, PatternBuilder, operator


@operator("argmax")
@dataclass(frozen=True, eq=False)
class ArgMax(Operator):
    """The int8 input is read as [outer, length, inner]; the output, int64, has one place per row. The first wins.

    No scale matters: they are positive.
    """

    sizes: tuple[int, int, int]

    onnx = ("ArgMax",)
    limits = "the first of equals (select_last_index 0)"
    priority = 9

    @staticmethod
    def pattern(p: PatternBuilder) -> Any:
        return p.call("relax.argmax", p.dequantized("x"), label="argmax")

    @classmethod
    def from_match(cls, match: Match) -> ArgMax:
        x, (y,) = match.tensor("x"), match.outputs
        axis = match.attribute("argmax", "axis")
        if y.dtype != "int64" or x.dtype != "int8" or axis is None:
            raise Mismatch("it is not from int8 to int64 along one axis")
        axis %= len(x.shape)
        sizes = (math.prod(x.shape[:axis]), x.shape[axis], math.prod(x.shape[axis + 1 :]))
        return cls(match.inputs, match.outputs, match.source_nodes, sizes)

    @staticmethod
    def reference(params: Params, inputs: Arrays, constants: Constants) -> list[np.ndarray]:
        p = params
        return [inputs[0].reshape(p["outer"], p["length"], p["inner"]).argmax(axis=1).astype(np.int64)]
