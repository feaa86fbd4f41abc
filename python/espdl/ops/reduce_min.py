# SPDX-License-Identifier: Apache-2.0
"""The smallest value along neighbouring axes (ONNX ReduceMin, quantised)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from espdl.ops.operator import Arrays, Constants, Match, Mismatch, Operator, Params, PatternBuilder, operator
from espdl.ops.reduce_sum import reduced_sizes


@operator("reduce_min")
@dataclass(frozen=True, eq=False)
class ReduceMin(Operator):
    """The input is read as [outer, length, inner]; input and output have one scale."""

    sizes: tuple[int, int, int]

    onnx = ("ReduceMin",)
    limits = "neighbouring axes"
    priority = 9

    @staticmethod
    def pattern(p: PatternBuilder) -> Any:
        return p.quantized(p.call("relax.min", p.dequantized("x"), label="reduce"))

    @classmethod
    def from_match(cls, match: Match) -> ReduceMin:
        x, (y,) = match.tensor("x"), match.outputs
        if (x.scale, x.zero_point) != (y.scale, y.zero_point):
            raise Mismatch("its input and its output are not quantised alike")
        sizes = reduced_sizes(x.shape, match.attribute("reduce", "axis"))
        return cls(match.inputs, match.outputs, match.source_nodes, sizes)

    @staticmethod
    def reference(params: Params, inputs: Arrays, constants: Constants) -> list[np.ndarray]:
        p = params
        return [inputs[0].reshape(p["outer"], p["length"], p["inner"]).min(axis=1)]
